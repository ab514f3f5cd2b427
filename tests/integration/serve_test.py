"""`pcnet serve`: answers as `predict`'s, the description beside the answers, limits, and its end."""

import base64
import concurrent.futures
import contextlib
import http.client
import io
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

import jsonschema
import numpy
import toy_sam
from PIL import Image
from pycocotools import mask as coco
from program import BINARY, make_benchmark, pictures_of, run, run_well, train, wait_for

TEXTS = ["the small red circle", "the star"]


def png_header(width, height):
    """A PNG whose header promises so many pixels and which holds a few bytes of them."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(3000)))
        + chunk(b"IEND", b"")
    )


class Client:
    """Asks a server; the status, headers and body of each answer."""

    def __init__(self, port, token=None):
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.send("GET", path, headers=headers)

    def ask(self, **question):
        """Status and document of a question."""
        body = json.dumps(question)
        status, _, answer = self.send(
            "POST", "/v1/predict", body, {"Content-Type": "application/json"}
        )
        return status, json.loads(answer)

    def ask_well(self, **question):
        status, document = self.ask(**question)
        if status != 200:
            raise AssertionError(f"{status}: {document}")
        return document

    def figure(self, name):
        for line in self.get("/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        raise AssertionError(f"no {name}")


@contextlib.contextmanager
def serving(*arguments, environment=None):
    """A server on a free port: its process and a client."""
    command = [BINARY, "serve", *map(str, arguments), "--port", "0", "--json"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        text = ""
        while "}" not in text:
            line = process.stdout.readline()
            if not line:
                raise AssertionError(process.stderr.read())
            text += line
        port = int(json.loads(text)["url"].rstrip("/").rsplit(":", 1)[1])
        yield process, Client(port)
    finally:
        process.kill()
        process.communicate()


def size_of(path):
    with Image.open(path) as image:
        return image.size


def encoded(path):
    return base64.b64encode(pathlib.Path(path).read_bytes()).decode()


class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.root = make_benchmark(cls.folder / "data")
        cls.model = cls.folder / "run"
        # At its start a network finds something for every sentence, after a few steps nothing.
        start = {"train__max_steps": 0}
        trained = train(cls.root, cls.model, config="pcnet.yaml", changes=start)
        assert trained.returncode == 0, trained.stderr
        cls.picture = pictures_of(cls.root)[0]
        cls.process, cls.client = cls.enterClassContext(
            serving(cls.model, "--max-pixels", 2_000_000, "--max-body", 4, "--threads", 1)
        )
        cls.api = json.loads(cls.client.get("/openapi.json")[2])

    def check(self, name, document):
        """An answer is what the description says."""
        schema = {
            "$ref": f"#/components/schemas/{name}",
            "components": self.api["components"],
        }
        jsonschema.Draft202012Validator(schema).validate(document)

    def refuse(self, status, words, **question):
        got, document = self.client.ask(**question)
        self.assertEqual(got, status, document)
        self.check("Error", document)
        self.assertEqual(document["error"]["status"], status)
        self.assertIn(words, document["error"]["message"])
        self.assertNotIn(str(self.folder), document["error"]["message"])

    def test_answers_are_those_of_predict(self):
        out = self.folder / "found"
        wanted = json.loads(
            run_well(
                *("predict", self.model, "--image", self.picture, "--out", out, "--json"),
                *("--text", TEXTS[0], "--text", TEXTS[1]),
            ).stdout
        )
        got = self.client.ask_well(image=encoded(self.picture), texts=TEXTS, maps=True)
        self.check("Prediction", got)
        size = size_of(self.picture)
        self.assertEqual((got["width"], got["height"]), size)
        for answer, one in zip(got["answers"], wanted, strict=True):
            for key in ("text", "cues", "box", "mask_area", "segmentor"):
                self.assertEqual(answer[key], one[key], key)
            for stage, other in zip(answer["stages"], one["stages"], strict=True):
                self.assertEqual(stage["peak"]["x"], other["peak"]["x"])
                self.assertEqual(stage["peak"]["y"], other["peak"]["y"])
                self.assertAlmostEqual(stage["peak"]["score"], other["peak"]["score"], 5)
                image = Image.open(io.BytesIO(base64.b64decode(stage["map"])))
                self.assertEqual((image.mode, image.size), ("L", size))
                highest = 255 if stage["peak"]["score"] > 0 else 0
                self.assertEqual(image.getextrema()[1], highest)
        for number, answer in enumerate(got["answers"]):
            stem = f"{self.picture.stem}_{number}"
            with Image.open(out / f"{stem}.mask.png") as image:
                mask = numpy.array(image) > 0
            self.assertEqual(answer["mask_area"], mask.sum())
            inside = coco.decode(answer["segmentation"])
            self.assertEqual(inside.tolist(), mask.tolist())

    def test_image_is_encoded_once(self):
        image = encoded(pictures_of(self.root)[1])
        before = self.client.figure("pcnet_encoded_images_total")
        first = self.client.ask_well(image=image, texts=[TEXTS[0]])
        self.assertTrue(first["encoded"])
        by_id = self.client.ask_well(image_id=first["image_id"], texts=[TEXTS[0]])
        again = self.client.ask_well(image=image, texts=[TEXTS[0]])
        self.assertFalse(by_id["encoded"])
        self.assertFalse(again["encoded"])
        self.assertEqual(by_id["answers"], first["answers"])
        self.assertEqual(again["answers"], first["answers"])
        self.assertEqual(self.client.figure("pcnet_encoded_images_total"), before + 1)

    def test_image_that_many_send_at_once_is_encoded_once(self):
        image = encoded(pictures_of(self.root)[9])
        before = self.client.figure("pcnet_encoded_images_total")
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            got = list(pool.map(lambda _: self.client.ask_well(image=image, texts=TEXTS), range(12)))
        self.assertEqual(sum(one["encoded"] for one in got), 1)
        self.assertEqual(self.client.figure("pcnet_encoded_images_total"), before + 1)
        for one in got:
            for answer, wanted in zip(one["answers"], got[0]["answers"], strict=True):
                self.assertAlmostEqual(answer["peak"]["score"], wanted["peak"]["score"], 5)

    def test_cues_change_the_stages_that_read_them(self):
        image = encoded(self.picture)
        ask = self.client.ask_well
        by_rules = ask(image=image, texts=[TEXTS[0]])["answers"][0]
        given = ask(image=image, texts=[TEXTS[0]], cues=[by_rules["cues"]])["answers"][0]
        self.assertEqual(given, by_rules)
        other = ask(image=image, texts=[TEXTS[0]], cues=[["the star"]])["answers"][0]
        self.assertEqual([stage["cue"] for stage in other["stages"]], ["the star"] * 3)
        self.assertNotEqual(other["stages"][0]["peak"], by_rules["stages"][0]["peak"])
        itself = ask(image=image, texts=[TEXTS[0]], cues=[[]])["answers"][0]
        self.assertEqual(itself["cues"], [])
        self.assertEqual([stage["cue"] for stage in itself["stages"]], [TEXTS[0]] * 3)

    def test_form_is_the_same_as_json(self):
        curl = subprocess.run(
            [
                *("curl", "-sS", "-F", f"image=@{self.picture}", "-F", f"text={TEXTS[0]}"),
                *("-F", f"text={TEXTS[1]}", "-F", "cue=star", "-F", "cue=circle"),
                f"http://127.0.0.1:{self.client.port}/v1/predict",
            ],
            capture_output=True,
            check=True,
        )
        form = json.loads(curl.stdout)
        self.check("Prediction", form)
        cues = [["star", "circle"]] * 2
        other = self.client.ask_well(image=encoded(self.picture), texts=TEXTS, cues=cues)
        self.assertEqual(form["answers"], other["answers"])

    def test_collisions_are_pairs_that_point_at_one_place(self):
        got = self.client.ask_well(image=encoded(self.picture), texts=[TEXTS[1], TEXTS[1], TEXTS[1]])
        self.assertGreater(got["answers"][0]["peak"]["score"], 0)
        self.assertEqual(got["collisions"], [[0, 1], [0, 2], [1, 2]])

    def test_maps_are_no_larger_than_asked(self):
        wide = self.folder / "wide.png"
        Image.effect_noise((300, 100), 90).save(wide)
        got = self.client.ask_well(image=encoded(wide), texts=[TEXTS[0]], maps=True, map_size=60)
        for stage in got["answers"][0]["stages"]:
            size = Image.open(io.BytesIO(base64.b64decode(stage["map"]))).size
            self.assertEqual(size, (60, 20))

    def test_awkward_images(self):
        turned = self.folder / "turned.jpg"
        noise = Image.effect_noise((40, 20), 90).convert("RGB")
        exif = Image.Exif()
        exif[0x0112] = 6
        noise.save(turned, exif=exif)
        got = self.client.ask_well(image=encoded(turned), texts=["star"])
        self.assertEqual((got["width"], got["height"]), (20, 40))
        for kind, mode in [("webp", "RGB"), ("bmp", "L"), ("tiff", "RGB"), ("png", "RGBA")]:
            path = self.folder / f"kind.{kind}"
            noise.convert(mode).save(path)
            got = self.client.ask_well(image=encoded(path), texts=["star"])
            self.assertEqual((got["width"], got["height"]), (40, 20), kind)
        for size in [(1, 1), (1, 900), (900, 1)]:
            path = self.folder / "thin.png"
            Image.new("RGB", size, "red").save(path)
            got = self.client.ask_well(image=encoded(path), texts=["star"], maps=True)
            self.assertEqual((got["width"], got["height"]), size)
            self.check("Prediction", got)

    def test_bad_questions(self):
        image = encoded(self.picture)
        self.refuse(400, "wanted image or image_id", texts=["star"])
        self.refuse(400, "no text", image=image)
        self.refuse(400, "empty", image=image, texts=[" "])
        self.refuse(422, "no word that the model knows", image=image, texts=["zebra"])
        self.refuse(422, "zebra", image=image, texts=["star"], cues=[["zebra"]])
        self.refuse(404, "send the image again", image_id="0" * 40, texts=["star"])
        self.refuse(400, "no Segment Anything", image=image, texts=["star"], segmentor="sam")
        self.refuse(400, "none or sam", image=image, texts=["star"], segmentor="proposal")
        self.refuse(400, "clicks need", image=image, texts=["star"], clicks=[[{"x": 1, "y": 1}]])
        self.refuse(413, "at most 16", image=image, texts=["star"] * 17)
        self.refuse(413, "at most 1000", image=image, texts=["star " * 300])
        hello = base64.b64encode(b"hello").decode()
        self.refuse(400, "no JPEG", image=hello, texts=["star"])
        cut = base64.b64encode(self.picture.read_bytes()[:1000]).decode()
        self.refuse(400, "image", image=cut, texts=["star"])
        bomb = base64.b64encode(png_header(60_000, 60_000)).decode()
        self.refuse(400, "damaged", image=bomb, texts=["star"])
        large = base64.b64encode(png_header(2000, 1001)).decode()
        self.refuse(413, "at most 2000000", image=large, texts=["star"])

    def test_unknown_words_are_said(self):
        got = self.client.ask_well(image=encoded(self.picture), texts=["the zebra star"])
        self.assertEqual(len(got["answers"][0]["warnings"]), 1)
        self.assertIn("zebra", got["answers"][0]["warnings"][0])

    def test_bad_requests(self):
        send = self.client.send
        json_type = {"Content-Type": "application/json"}
        cases = [
            (400, send("POST", "/v1/predict", "{", json_type)),
            (400, send("POST", "/v1/predict", b"\xff\xfe", json_type)),
            (413, send("POST", "/v1/predict", b" " * (5 << 20), json_type)),
            (415, send("POST", "/v1/predict", "x", {"Content-Type": "text/plain"})),
            (405, send("GET", "/v1/predict")),
            (405, send("PUT", "/v1/model", "x")),
            (404, send("GET", "/v1/nothing")),
            (404, send("POST", "/nothing", "x")),
            (404, send("GET", "/v1/examples/99")),
            (404, send("GET", "/v1/examples/-1")),
            (404, send("GET", "/../../etc/passwd")),
            (403, send("GET", "/v1/model", headers={"Host": "example.com"})),
            (403, send("GET", "/v1/model", headers={"Origin": "http://example.com"})),
            (400, send("POST", "/v1/predict", "x", {"Content-Type": "multipart/form-data"})),
        ]
        for wanted, (status, headers, body) in cases:
            self.assertEqual(status, wanted, body)
            self.check("Error", json.loads(body))
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(self.client.get("/v1/health")[0], 200)

    def test_large_body_is_refused_before_it_is_sent(self):
        with socket.create_connection(("127.0.0.1", self.client.port), timeout=10) as stream:
            stream.sendall(
                b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                b"Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
            )
            self.assertTrue(stream.recv(100).startswith(b"HTTP/1.1 413"))

    def raw(self, data, *more, half_close=False):
        """All that the server sends to a client that writes these bytes."""
        with socket.create_connection(("127.0.0.1", self.client.port), timeout=30) as stream:
            stream.sendall(data)
            for piece in more:
                time.sleep(0.05)
                stream.sendall(piece)
            if half_close:
                stream.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := stream.recv(1 << 16):
                answer += piece
            return answer

    def statuses(self, data, *more, **options):
        return [int(x) for x in re.findall(rb"HTTP/1\.1 (\d+)", self.raw(data, *more, **options))]

    def test_heads_that_are_not_as_they_should_be(self):
        end = b"Host: localhost\r\nConnection: close\r\n"
        get, post = b"GET /v1/health HTTP/1.1\r\n" + end, b"POST /v1/predict HTTP/1.1\r\n" + end
        json_type = b"Content-Type: application/json\r\n"
        for wanted, data in [
            (200, get + b"\r\n"),
            (200, get + b"Range: bytes=0-3\r\n\r\n"),  # is not for answers that are made
            (431, get + b"A: " + b"b" * 20_000 + b"\r\n\r\n"),
            (431, get + b"A: b\r\n" * 5000 + b"\r\n"),
            (431, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + end + b"\r\n"),
            (400, b"hello\r\n\r\n"),
            (400, get + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
            (400, get + b"Content-Length: -1\r\n\r\n"),
            (411, post + json_type + b"\r\n"),
            (413, post + json_type + b"Content-Length: 999999999999\r\n\r\n"),
            (405, b"OPTIONS /v1/predict HTTP/1.1\r\n" + end + b"\r\n"),
            (403, b"GET /v1/model HTTP/1.1\r\nConnection: close\r\n\r\n"),
            (400, post + json_type + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            (413, post + json_type + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffffff\r\n" + b" " * 0xFFFFFF),
        ]:
            self.assertEqual(self.statuses(data)[:1], [wanted], data[:200])
        whole = self.raw(get + b"Range: bytes=0-3\r\n\r\n")
        self.assertTrue(whole.endswith(b'{"status":"ok"}\n'), whole)

    def test_one_request_is_never_two(self):
        inner = b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\n\r\n"
        outer = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        self.assertEqual(self.statuses(outer % len(inner) + inner), [200])
        refused = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        self.assertEqual(self.statuses(refused % len(inner) + inner), [415])

    def test_pipelined_requests_are_all_answered(self):
        one = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        body = json.dumps({"image": encoded(self.picture), "texts": TEXTS}).encode()
        post = (
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        data = one * 5 + post + body + last
        self.assertEqual(self.statuses(data), [200] * 7)
        self.assertEqual(self.statuses(data[:70], data[70:3000], data[3000:]), [200] * 7)

    def test_a_client_that_sends_no_more_is_answered(self):
        one = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertEqual(self.statuses(one, half_close=True), [200])

    def test_jpeg_of_very_many_scans(self):
        path = self.folder / "scans.jpg"
        Image.effect_noise((64, 64), 90).save(path, progressive=True)
        file = path.read_bytes()
        last = file.rindex(b"\xff\xda")
        many = base64.b64encode(file[:-2] + file[last:-2] * 600 + file[-2:]).decode()
        self.refuse(400, "500 scans", image=many, texts=["star"])

    def test_pages(self):
        status, headers, page = self.client.get("/")
        self.assertEqual(status, 200)
        policy = headers["Content-Security-Policy"]
        nonce = policy.split("'nonce-")[1].split("'")[0]
        self.assertEqual(page.decode().count(f'nonce="{nonce}"'), 2)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotEqual(self.client.get("/")[1]["Content-Security-Policy"], policy)
        model = json.loads(self.client.get("/v1/model")[2])
        self.check("Model", model)
        self.assertEqual(model["stages"], 3)
        self.assertIn("star", model["words"])
        examples = json.loads(self.client.get("/v1/examples")[2])
        self.assertEqual(len(examples), model["examples"])
        self.assertGreater(len(examples), 0)
        for example in examples:
            self.check("Example", example)
            image = Image.open(io.BytesIO(self.client.get(f"/v1/examples/{example['id']}")[2]))
            self.assertEqual(image.size, (example["width"], example["height"]))
        self.check("Health", json.loads(self.client.get("/v1/health")[2]))

    def test_description_names_every_path(self):
        self.assertEqual(self.api["openapi"], "3.1.0")
        for path in self.api["paths"]:
            status = self.client.get(path.replace("{id}", "0"))[0]
            self.assertEqual(status, 405 if path == "/v1/predict" else 200, path)

    def test_many_clients_at_once(self):
        images = [encoded(path) for path in pictures_of(self.root)[:8]]
        alone = [self.client.ask_well(image=image, texts=TEXTS)["answers"] for image in images]

        def one(number):
            if number % 5 == 4:
                return self.client.ask(image="no", texts=TEXTS)[0] == 400
            got = self.client.ask_well(image=images[number % 8], texts=TEXTS)["answers"]
            for answer, wanted in zip(got, alone[number % 8], strict=True):
                if abs(answer["peak"]["score"] - wanted["peak"]["score"]) > 1e-5:
                    return False
            return True

        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            self.assertTrue(all(pool.map(one, range(200))))


class ServeEndTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = make_benchmark(self.folder / "data")
        self.model = self.folder / "run"
        self.assertEqual(train(self.root, self.model, config="clip_plain.yaml").returncode, 0)
        self.image = encoded(pictures_of(self.root)[0])

    def test_token(self):
        with serving(self.model, environment={"PCNET_TOKEN": "abc"}) as (_, client):
            self.assertEqual(client.get("/")[0], 200)
            self.assertEqual(client.get("/v1/health")[0], 200)
            for path in ("/v1/model", "/metrics", "/openapi.json", "/v1/examples", "/v1/nothing"):
                self.assertEqual(client.get(path)[0], 401)
            self.assertEqual(client.ask(image=self.image, texts=["star"])[0], 401)
            wrong = Client(client.port, "abd")
            self.assertEqual(wrong.ask(image=self.image, texts=["star"])[0], 401)
            right = Client(client.port, "abc")
            right.ask_well(image=self.image, texts=["star"])

    def test_full_queue(self):
        with serving(self.model, "--queue", 1) as (_, client):
            with socket.create_connection(("127.0.0.1", client.port), timeout=30) as slow:
                slow.sendall(
                    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
                )
                end = time.monotonic() + 30
                while client.figure("pcnet_requests_in_flight") < 1 and time.monotonic() < end:
                    time.sleep(0.01)
                body = json.dumps({"image": self.image, "texts": ["star"]})
                status, headers, _ = client.send(
                    "POST", "/v1/predict", body, {"Content-Type": "application/json"}
                )
                self.assertEqual(status, 429)
                self.assertGreaterEqual(int(headers["Retry-After"]), 1)
            while client.figure("pcnet_requests_in_flight") > 0 and time.monotonic() < end:
                time.sleep(0.01)
            client.ask_well(image=self.image, texts=["star"])

    def test_equal_images_that_are_not_kept_or_damaged_are_each_answered(self):
        damaged = base64.b64encode(base64.b64decode(self.image)[:200]).decode()

        def one(number):
            image = damaged if number % 3 == 2 else self.image
            return client.ask(image=image, texts=["star"])[0]

        with serving(self.model, "--cache", 0) as (_, client):
            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                self.assertEqual(list(pool.map(one, range(24))), [200, 200, 400] * 8)

    def test_body_that_does_not_come(self):
        with serving(self.model, "--timeout", 0.5) as (_, client):
            with socket.create_connection(("127.0.0.1", client.port), timeout=30) as slow:
                slow.sendall(
                    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
                )
                for _ in range(20):
                    try:
                        slow.sendall(b" ")
                    except OSError:
                        break
                    time.sleep(0.1)
                self.assertIn(b" 408 ", slow.recv(100))
            self.assertEqual(client.figure("pcnet_requests_in_flight"), 0)

    def test_end_answers_what_came_before(self):
        with serving(self.model) as (process, client):
            connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
            body = json.dumps({"image": self.image, "texts": ["star"]}).encode()
            connection.putrequest("POST", "/v1/predict")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:10])
            wait_for(lambda: client.figure("pcnet_requests_in_flight") == 1, process)
            process.send_signal(signal.SIGTERM)

            def is_closed():  # it takes no new ones
                try:
                    client.get("/v1/health")
                except OSError:
                    return True
                return False

            wait_for(is_closed, process)
            connection.send(body[10:])
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            self.assertEqual(process.wait(30), 0)

    def test_end_does_not_wait_for_a_head(self):
        with serving(self.model) as (process, client):
            with socket.create_connection(("127.0.0.1", client.port), timeout=30) as slow:
                slow.sendall(b"GET / HTTP/1.1\r\nX: ")
                client.get("/v1/health")
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(5), 0)

    def test_segment_anything(self):
        sam = self.folder / "sam.safetensors"
        toy_sam.write(sam, seed=8)  # whose masks of a click differ
        with serving(self.model, "--sam", sam) as (_, client):
            model = json.loads(client.get("/v1/model")[2])
            self.assertEqual(model["segmentors"], ["none", "sam"])
            self.assertEqual(model["default_segmentor"], "sam")
            first = client.ask_well(image=self.image, texts=["star"], segmentor="none")
            status, _ = client.ask(image_id=first["image_id"], texts=["star"], segmentor="sam")
            self.assertEqual(status, 404)  # it has not seen the pixels
            wanted = json.loads(
                run_well(
                    *("predict", self.model, "--image", pictures_of(self.root)[0], "--text", "star"),
                    *("--segmentor", "sam", "--sam", sam, "--out", self.folder / "out", "--json"),
                ).stdout
            )[0]
            got = client.ask_well(image=self.image, texts=["star"])["answers"][0]
            self.assertEqual(got["segmentor"], "sam")
            self.assertEqual((got["mask_area"], got["box"]), (wanted["mask_area"], wanted["box"]))
            peak = {key: got["peak"][key] for key in ("x", "y")}
            ask = {"image_id": first["image_id"], "texts": ["star"]}
            at_peak = client.ask_well(**ask, clicks=[[peak]])["answers"][0]
            self.assertEqual(at_peak["segmentation"], got["segmentation"])
            elsewhere = {"x": 0 if peak["x"] > 40 else 79, "y": 0 if peak["y"] > 40 else 79}
            moved = client.ask_well(**ask, clicks=[[elsewhere]])["answers"][0]
            self.assertNotEqual(moved["segmentation"], got["segmentation"])
            two = client.ask_well(**ask, clicks=[[peak, {**elsewhere, "label": 0}]])
            self.assertEqual(len(two["answers"]), 1)
            status, document = client.ask(**ask, clicks=[[{"x": 80, "y": 0}]])
            self.assertEqual((status, "outside" in document["error"]["message"]), (400, True))

    def test_wrong_usage(self):
        for arguments, words in [
            ((self.model, "--host", "0.0.0.0"), "--token"),
            ((self.model, "--port", "70000"), "70000"),
            ((self.folder / "none",), "none"),
            ((self.model, "--root", self.folder / "elsewhere"), "elsewhere"),
            ((self.model, "--sam", self.folder / "no.pt"), "no.pt"),
        ]:
            result = run("serve", *arguments)
            self.assertIn(result.returncode, (1, 2), arguments)
            self.assertIn(words, result.stderr)
            errors = [x for x in result.stderr.splitlines() if x.startswith("pcnet: error: ")]
            self.assertEqual(len(errors), 1, result.stderr)
        with serving(self.model) as (_, client):
            result = run("serve", self.model, "--port", client.port)
            self.assertEqual(result.returncode, 1)
            self.assertIn(str(client.port), result.stderr)

    def test_without_the_dataset_there_are_no_examples(self):
        self.root.rename(self.folder / "away")
        with serving(self.model) as (_, client):
            self.assertEqual(json.loads(client.get("/v1/examples")[2]), [])
            client.ask_well(image=self.image, texts=["star"])


if __name__ == "__main__":
    unittest.main()
