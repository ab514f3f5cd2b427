"""Requests a second and latency of `pcnet serve`, and whether anything is lost.

Usage: serve_benchmark.py RUN --images DIR --text T... [--program F] [--clients 1,8,64] [--seconds S]
       [--mixed N] [--out FILE]. RUN may also be random weights: `pcnet train ... --set
train.max_steps=0` leaves such a run. Starts the program on a free port of this machine. Every
client keeps its connection. "new": an image that the server has not seen (its last bytes differ
each time), "kept": by image_id. In a text `{red,blue,green}` is one of these words, drawn anew for
each request, so that hardly a sentence comes twice; "same" asks the first drawn each time. --mixed
sends N requests, a third of them broken, and compares each status with what it must be; the
server's memory is read before and after.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import pathlib
import random
import re
import statistics
import subprocess
import threading
import time

BOUNDARY = "pcnet-benchmark"


def form(fields):
    """A multipart/form-data body of (name, bytes)."""
    body = b""
    for name, value in fields:
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += b'; filename="a"' if name == "image" else b""
        body += b"\r\n\r\n" + value + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def sentence(text, seed):
    """The text with one of each braces' words."""
    chance = random.Random(seed)
    return re.sub(r"\{([^}]*)\}", lambda words: chance.choice(words[1].split(",")), text)


class Client:
    """A connection that is kept."""

    def __init__(self, port):
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, fields):
        """Status and body."""
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        for again in (False, True):
            try:
                self.connection.request("POST", "/v1/predict", form(fields), headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (ConnectionError, http.client.HTTPException):
                # The server may have closed a connection that was idle; an answer is never lost.
                self.connection.close()
                if again:
                    raise
        raise AssertionError


@contextlib.contextmanager
def serving(program, run, *more):
    command = [program, "serve", run, "--port", "0", "--json", "--examples", "0", *more]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        text = ""
        while "}" not in text:
            text += process.stdout.readline()
        try:
            yield process, int(json.loads(text)["url"].rstrip("/").rsplit(":", 1)[1])
        finally:
            process.terminate()


def resident(process):
    """MiB of memory."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError


def load(port, clients, seconds, fields_of):
    """Requests a second, and p50 and p99 of the latency in milliseconds."""
    latencies, lock = [], threading.Lock()
    end = time.monotonic() + seconds

    def run(number):
        client, own = Client(port), []
        for count in itertools.count():
            start = time.monotonic()
            if start > end:
                break
            status, body = client.ask(fields_of(number, count))
            if status != 200:
                raise AssertionError(f"{status}: {body[:300]}")
            own.append(time.monotonic() - start)
        with lock:
            latencies.extend(own)

    begin = time.monotonic()
    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.monotonic() - begin
    cuts = statistics.quantiles(latencies, n=100)
    return len(latencies) / spent, 1000 * statistics.median(latencies), 1000 * cuts[98]


def mixed(port, total, images, texts):
    """How many of `total` requests had another status than they must have."""
    numbers, lock, wrong = itertools.count(), threading.Lock(), []
    kinds = [
        (200, lambda i: [("image", images[i % len(images)]), ("text", texts[i % len(texts)])]),
        (200, lambda i: [("image", images[i % len(images)]), ("text", texts[0]), ("maps", b"true")]),
        (400, lambda i: [("image", images[i % len(images)][:200]), ("text", texts[0])]),
        (200, lambda i: [("image", images[i % len(images)] + b"%d" % i), ("text", texts[0])]),
        (404, lambda i: [("image_id", b"%040d" % i), ("text", texts[0])]),
        (400, lambda i: [("image", images[0]), ("text", b" ")]),
    ]

    def run():
        client = Client(port)
        while (i := next(numbers)) < total:
            wanted, fields = kinds[i % len(kinds)]
            status, body = client.ask(fields(i))
            if status != wanted:
                with lock:
                    wrong.append((i, status, wanted, body[:200]))

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fault in wrong[:5]:
        print(fault)
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--program", default="build/release/pcnet")
    parser.add_argument("--images", type=pathlib.Path, required=True)
    parser.add_argument("--text", action="append", required=True)
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--mixed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    texts = [sentence(text, text).encode() for text in arguments.text]
    kinds = {".jpg", ".jpeg", ".png", ".webp"}
    paths = [path for path in sorted(arguments.images.iterdir()) if path.suffix in kinds]
    images = [path.read_bytes() for path in paths[:64]]
    rows = ["| clients | image | sentence | requests/s | p50 ms | p99 ms |", "|---|---|---|---|---|---|"]
    # A cache that is soon full: memory can then be flat.
    with serving(arguments.program, arguments.run, "--queue", "128", "--cache", "16") as (process, port):
        _, body = Client(port).ask([("image", images[0]), ("text", texts[0])])
        kept = json.loads(body)["image_id"].encode()
        text = [("text", texts[0])]

        def drawn(number, count):
            return ("text", sentence(arguments.text[0], f"{number} {count}").encode())

        ways = {
            # What follows the end of an image changes its digest, and no pixel.
            "new | new": lambda number, count: [
                ("image", images[(number + count) % len(images)] + b"%d.%d" % (number, count)),
                drawn(number, count),
            ],
            # Other sentences than those before.
            "kept | new": lambda number, count: [("image_id", kept), drawn(-1 - number, count)],
            "kept | same": lambda number, count: [("image_id", kept), *text],
        }
        for clients in map(int, arguments.clients.split(",")):
            for name, fields_of in ways.items():
                # Those of earlier rows differ: the clients' number is a part of the bytes.
                fields = lambda n, c, f=fields_of, k=clients: f(n + 1000 * k, c)  # noqa: E731
                Client(port).ask([("image", images[0]), *text])  # kept again, should it be gone
                rate, p50, p99 = load(port, clients, arguments.seconds, fields)
                rows.append(f"| {clients} | {name} | {rate:.1f} | {p50:.1f} | {p99:.1f} |")
                print(rows[-1], flush=True)
        if arguments.mixed:
            mixed(port, min(arguments.mixed, 1000), images, texts)  # what is kept is then kept
            before = resident(process)
            wrong = mixed(port, arguments.mixed, images, texts)
            rows.append("")
            rows.append(
                f"{arguments.mixed} mixed requests of 16 clients: {wrong} with a wrong status or none; "
                f"memory {before:.0f} MiB before, {resident(process):.0f} MiB after."
            )
            print(rows[-1])
    if arguments.out:
        arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
