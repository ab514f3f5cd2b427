"""Runs the program under test on a tiny benchmark, and reads what it leaves with Python alone."""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

BINARY = os.environ["PCNET_BINARY"]
CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs" / "refsynth"
IMAGES = 40
STEPS = 20
TINY = {
    "model.clip.visual.width": 8,
    "train.max_steps": STEPS,
    "train.batch_size": 8,
    "train.warmup_steps": 2,
    "eval.samples": 2,
}
PATIENCE = 120  # seconds before a process counts as hanging


def settings(**changes):
    """--set arguments: the tiny ones with changes; `__` stands for a dot."""
    values = {**TINY, **{key.replace("__", "."): value for key, value in changes.items()}}
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


class Server:
    """The program loaded once, which forks a child for each call (support/program_server.cpp)."""

    def __init__(self, binary):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            [binary, "--serve", str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()
        atexit.register(self.end)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()

    def run(self, command, cwd):
        words = b"".join(os.fsencode(word) + b"\0" for word in [cwd or os.getcwd(), *command])
        readers, results, ends = [], [b"", b""], []
        for number in range(2):
            read, write = os.pipe()
            ends.append(write)

            def keep(number=number, read=read):
                with open(read, "rb") as stream:
                    results[number] = stream.read()

            readers.append(threading.Thread(target=keep, daemon=True))
        socket.send_fds(self.socket, [len(words).to_bytes(4, sys.byteorder)], [0, *ends])
        for end in ends:
            os.close(end)
        for reader in readers:
            reader.start()
        self.socket.sendall(words)
        try:
            status = self.socket.recv(4)
        except TimeoutError:
            raise subprocess.TimeoutExpired(command, PATIENCE) from None
        if len(status) != 4:
            raise AssertionError(f"the server of the program ended before {command}")
        for reader in readers:
            reader.join()
        code = os.waitstatus_to_exitcode(int.from_bytes(status, sys.byteorder))
        # As subprocess.run(text=True) gives it: ends of lines are "\n".
        texts = [text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in results]
        return subprocess.CompletedProcess(command, code, *texts)


@functools.cache
def server():
    binary = os.environ.get("PCNET_SERVER")
    return Server(binary) if binary else None


def run(*arguments, cwd=None, **more):
    """Runs the program to its end; with more than a folder, or no server, as a process of its own."""
    command = [*map(str, arguments), "--threads", "1"]
    if not more and server():
        return server().run(command, cwd)
    return subprocess.run(
        [BINARY, *command], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, **more
    )


def run_well(*arguments, **more):
    result = run(*arguments, **more)
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: exit code {result.returncode}\n{result.stderr}")
    return result


def file_limit(count):
    """For preexec_fn: no file may grow beyond so many bytes, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (count, count))


def make_benchmark(folder):
    """The tiny benchmark, a copy of the one that was made for all scripts."""
    made = os.environ.get("PCNET_BENCHMARK")
    if made:
        shutil.copytree(made, folder)
    else:
        write_benchmark(folder)
    return folder


def write_benchmark(folder):
    run_well("data", "synth", "--out", folder, "--images", IMAGES, "--difficulty", "easy")


def pictures_of(root):
    return sorted((root / "images/mscoco/images/train2014").iterdir())


def broken_copy(benchmark, folder, count):
    """A copy of a benchmark whose first pictures are cut short."""
    root = folder / "data"
    shutil.copytree(benchmark, root)
    for path in pictures_of(root)[:count]:
        path.write_bytes(path.read_bytes()[:1000])
    return root


def train(root, folder, *arguments, config="clip_plain.yaml", changes=None, **more):
    """Trains with the tiny settings; arguments are added."""
    return run(
        *("train", CONFIGS / config, "--root", root, "--run", folder, *arguments),
        *settings(**(changes or {})),
        **more,
    )


def start_training(root, folder, *arguments, config="clip_plain.yaml", changes=None):
    """The same without waiting; a context manager that leaves no process behind."""
    command = ["train", CONFIGS / config, "--root", root, "--run", folder, *arguments]
    command += settings(**(changes or {}))
    return started([BINARY, *map(str, command), "--threads", "1"])


@contextlib.contextmanager
def started(command):
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition, process):
    """Until the condition holds; an error when the process ends first or takes too long."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {process.stderr.read()}")
        if time.monotonic() > end:
            raise AssertionError("waited too long")
        time.sleep(0.005)


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def steps_of(folder):
    """The step events of a run's log.jsonl."""
    return [event for event in read_lines(folder / "log.jsonl") if event["event"] == "step"]


def text_of(path):
    """What a file holds that another process may make or take away at any time; "" without it."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def steps_done(folder):
    """Steps in the log of a run that may be going on."""
    return text_of(folder / "log.jsonl").count('"event":"step"')


def read_safetensors(path):
    """Metadata and tensors (dtype, shape, bytes) by name; an error unless the file is whole."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors, end = {}, 0
    for name, entry in header.items():
        begin, stop = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], data[8 + length :][begin:stop])
        end = max(end, stop)
    if 8 + length + end != len(data):
        raise AssertionError(f"{path} has {len(data)} bytes, wanted {8 + length + end}")
    return metadata, tensors


def write_safetensors(path, metadata, tensors):
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, raw) in tensors.items():
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def checksum_of(metadata, tensors):
    """What a checkpoint's metadata must say, computed here from the definition."""
    types = {"F32": "Float", "I64": "Long"}
    total = 0

    def add(data):
        nonlocal total
        total = zlib.crc32(data, total)

    def add_text(text):
        add(str(len(text.encode())).encode() + b":" + text.encode())

    for key, value in sorted(metadata.items()):
        if key != "checksum":
            add_text(key)
            add_text(value)
    for name, (dtype, shape, raw) in sorted(tensors.items()):
        add_text(name)
        add_text(types[dtype] + "[" + ", ".join(map(str, shape)) + "]")
        add(raw)
    return f"crc32:{total:08x}"


def read_checkpoint(path):
    """The same as read_safetensors, and an error unless the checksum is right."""
    metadata, tensors = read_safetensors(path)
    wanted = checksum_of(metadata, tensors)
    if metadata["checksum"] != wanted:
        raise AssertionError(f"{path}: checksum {metadata['checksum']}, wanted {wanted}")
    return metadata, tensors


def state_of(checkpoint):
    """The training state in a checkpoint's metadata."""
    return json.loads(read_safetensors(checkpoint)[0]["state"])


def decode_rle(segmentation):
    """COCO's run lengths as the set of (x, y) inside; runs go down the columns."""
    height, width = segmentation["size"]
    counts = segmentation["counts"]
    if isinstance(counts, str):
        counts = decode_counts(counts)
    if sum(counts) != height * width:
        raise AssertionError(f"runs of {sum(counts)} pixels in {height} x {width}")
    inside, at = set(), 0
    for number, count in enumerate(counts):
        if number % 2 == 1:
            inside.update(divmod(i, height) for i in range(at, at + count))
        at += count
    return inside


def decode_counts(text):
    counts, at = [], 0
    while at < len(text):
        value, shift, more = 0, 0, True
        while more:
            code = ord(text[at]) - 48
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            at, shift = at + 1, shift + 5
            if not more and code & 0x10:
                value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts


def read_png(path):
    """Width, height, channels of a PNG, every chunk's check sum verified."""
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise AssertionError(f"{path} is no PNG")
    at, packed, shape = 8, b"", None
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        if zlib.crc32(kind + body) != crc:
            raise AssertionError(f"{path}: wrong check sum")
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
            shape = (width, height, channels)
            row = (width * depth * channels + 7) // 8 + 1
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    if len(zlib.decompress(packed)) != height * row:
        raise AssertionError(f"{path}: wrong number of bytes")
    return shape


def write_png(path, width, height, pixels=None, colour=2, bits=8, orientation=None):
    """A PNG; colour 0 is grey, 2 RGB, 6 RGBA. Without pixels: a middle grey. `orientation` is EXIF's."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    pixels = pixels or bytes([128]) * (width * height * channels)
    row = width * channels * bits // 8
    raw = b"".join(b"\0" + pixels[y * row : (y + 1) * row] for y in range(height))

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    exif = b""
    if orientation:
        entry = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
        exif = chunk(b"eXIf", b"MM\0*\0\0\0\x08" + entry)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
        + exif
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def files_below(folder):
    """Every file but the lock with its time and size: equal means that nothing was touched."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


class Case(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_test_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def assert_fails(self, result, code, *words):
        """One line of error that holds the words, the exit code, nothing on stdout."""
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"\Apcnet: error: [^\n]+\n\Z")
        for word in words:
            self.assertIn(str(word), result.stderr)

    def assert_no_leftovers(self, folder):
        left = [str(path) for path in folder.rglob("*") if ".tmp-" in path.name]
        self.assertEqual(left, [])


if __name__ == "__main__":
    shutil.rmtree(os.environ["PCNET_BENCHMARK"], ignore_errors=True)
    write_benchmark(os.environ["PCNET_BENCHMARK"])
