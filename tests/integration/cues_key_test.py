"""The key of a language model goes to its server and nowhere else; encryption is insisted on."""

import json
import os
import shutil
import subprocess
import unittest

from chat_server import MODEL, Response, completion, failure, two_cues
from cue_case import AskingCase

SECRET = "sk-Zebra42-not-for-eyes"


class Key(AskingCase):
    def assert_hidden(self, result, secret=SECRET):
        self.assertNotIn(secret[3:-3], result.stdout + result.stderr)
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret[3:-3], path.read_text(encoding="utf-8"), path)

    def test_the_key_arrives_and_is_nowhere_else(self):
        def echo(request, number):
            if number == 0:
                return failure(500, f"I saw {request.headers.get('authorization')}")
            return completion(json.dumps([*two_cues(request.sentence), SECRET]))

        server = self.serve(echo)
        environment = {"PCNET_API_KEY": f" {SECRET}\n", "OTHER": "sk-other"}
        result = self.make(server, "-v", "-v", env=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("I saw Bearer ***", result.stderr)
        sent = {request.headers["authorization"] for request in server.requests}
        self.assertEqual(sent, {f"Bearer {SECRET}"})
        self.assert_hidden(result)
        self.assert_made()
        self.make_well(server, "--key-env", "OTHER", "--seed", "1", "--replace", env=environment)
        self.assertEqual(server.requests[-1].headers["authorization"], "Bearer sk-other")

    def test_a_key_that_is_none_changes_nothing(self):
        for key in ("1", "man", "token"):
            with self.subTest(key):
                self.make_well(self.serve(), "--replace", "--seed", len(key),
                               env={"PCNET_API_KEY": key})
                self.assert_made()

    def test_an_error_that_echoes_the_key_hides_it(self):
        # As a server may write them in JSON.
        with_slash, with_quotes = r"sk-ab\/cd+ef==", r"sk-ab\"cd\"ef"
        for written in (SECRET, with_slash, with_quotes):
            secret = written.replace("\\", "")
            for status, said in ((401, "check what MINE holds"), (400, "refuses"), (500, "1 try")):
                body = f'{{"error": {{"message": "bad key {written}"}}}}'.encode()
                server = self.serve(lambda *_, s=status, b=body: Response(s, b))
                with self.subTest(secret=secret, status=status):
                    named = ("--key-env", "MINE")
                    result = self.make(server, "-vv", *named, retries=0, env={"MINE": secret})
                    self.assertEqual(result.returncode, 1)
                    self.assertIn("bad key ***", result.stderr)
                    self.assertIn(said, result.stderr)
                    self.assert_hidden(result, secret)
                    self.assert_nothing_written()

    def test_a_long_error_is_not_cut_within_the_key(self):
        lengths = (288, 294, 299, 300)
        server = self.serve(lambda _, number: failure(500, "x" * lengths[number] + SECRET))
        result = self.make(server, "-vv", retries=0, env={"PCNET_API_KEY": SECRET})
        self.assertEqual(result.stderr.count(": HTTP 500 (xxx"), len(lengths) + 1)
        self.assertNotIn("xs", result.stderr)

    def test_an_answer_that_echoes_the_key_hides_it(self):
        secret = "sk-ab/cd+ef=="

        def echo(request, _):
            body = completion(json.dumps([*two_cues(request.sentence), secret])).body
            return Response(body=body.replace(b"/", rb"\/"))  # as some servers write it

        result = self.make(self.serve(echo), "-vv", env={"PCNET_API_KEY": secret})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_hidden(result, secret)
        self.assert_made()

    def test_a_header_that_echoes_the_key_hides_it(self):
        elsewhere = {"Location": f"http://127.0.0.1/?key={SECRET}"}
        page = {"Content-Type": f"text/html; key={SECRET}"}
        for response in (Response(301, b"", elsewhere), Response(200, b"<p>hi", page)):
            with self.subTest(response.status):
                server = self.serve(lambda *_, r=response: r)
                result = self.make(server, "-vv", env={"PCNET_API_KEY": SECRET})
                self.assertEqual(result.returncode, 1)
                self.assert_hidden(result)

    def test_a_list_of_models_that_echoes_the_key_hides_it(self):
        server = self.serve(models=(SECRET, "b"))
        result = self.make(server, "-vv", model=None, env={"PCNET_API_KEY": SECRET})
        self.assertEqual(result.returncode, 2)
        self.assert_hidden(result)

    def test_faulty_keys_are_refused_before_anything_is_sent(self):
        server = self.serve()
        result = self.make(server, "-q", "--key-env", "NO_SUCH_KEY")
        self.assert_fails(result, 2, "--key-env", "NO_SUCH_KEY", "not set")
        for bad in ("two words", "a\nX-Evil: 1", "schlüssel"):
            with self.subTest(bad):
                result = self.make(server, "-q", "--key-env", "KEY", env={"KEY": bad})
                self.assert_fails(result, 2, "KEY")
                self.assert_hidden(result, bad)
        with self.subTest("empty"):
            result = self.make(server, "-q", "--key-env", "KEY", env={"KEY": ""})
            self.assert_fails(result, 2, "--key-env", "KEY", "empty")
        self.assertEqual((server.requests, server.gets), ([], []))

    def test_a_key_in_the_address_is_refused_and_not_repeated(self):
        for url in (f"http://me:{SECRET}@127.0.0.1:1", f"https://{SECRET}@127.0.0.1:1/v1",
                    f"ftp://me:{SECRET}@127.0.0.1", f"me:{SECRET}@127.0.0.1"):
            with self.subTest(url):
                result = self.make(url, "-q")
                self.assert_fails(result, 2, "--endpoint")
                self.assert_hidden(result)

    def test_an_unencrypted_way_to_another_host_is_warned_of(self):
        server = self.serve()
        url = server.url.replace("127.0.0.1", "0.0.0.0")  # itself, by a name that is not its own
        result = self.make(url, env={"PCNET_API_KEY": SECRET})
        self.assertEqual(result.returncode, 0, result.stderr)
        warning = "warning: the key of PCNET_API_KEY goes to 0.0.0.0 unencrypted"
        self.assertIn(warning, result.stderr)
        result = self.make(server, "--seed", "1", "--replace", env={"PCNET_API_KEY": SECRET})
        self.assertNotIn("unencrypted", result.stderr)


@unittest.skipUnless(shutil.which("openssl"), "no openssl command to make a certificate with")
class Encrypted(AskingCase):
    def certificate(self):
        pem, key = self.folder / "own/cert.pem", self.folder / "own/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", key, "-out", pem],
            check=True, capture_output=True, env={**os.environ, "OPENSSL_CONF": os.devnull},
        )
        return pem, key

    def test_a_certificate_of_its_own_must_be_named(self):
        certificate = self.certificate()
        server = self.serve(certificate=certificate)
        for model in (MODEL, None):
            result = self.make(server, "-q", model=model)
            self.assert_fails(result, 1, server.url, "certificate", "--ca-file")
        self.assertEqual((server.requests, server.gets), ([], []))
        self.assertFalse(self.answers.exists())
        document = self.make_well(server, "--ca-file", certificate[0], model=None)
        self.assertEqual(document["llm"]["requests"], 4)
        self.assert_made()

    def test_a_missing_certificate_file_is_named(self):
        certificate = self.certificate()
        missing = self.folder / "none.pem"
        result = self.make(self.serve(certificate=certificate), "-q", "--ca-file", missing)
        self.assert_fails(result, 1, missing, "--ca-file")

    def test_a_certificate_of_another_name_is_refused(self):
        certificate = self.certificate()
        server = self.serve(certificate=certificate)
        url = server.url.replace("localhost", "127.0.0.1")
        result = self.make(url, "-q", "--ca-file", certificate[0])
        self.assert_fails(result, 1, url)
        self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
