"""Cues from a language model that is slow, overloaded, broken, wrong or gone."""

import json
import socket
import threading
import time
import unittest
from email.utils import formatdate

from chat_server import MODEL, Response, completion, failure, take_apart
from cue_case import SENTENCES, AskingCase, cues_of, write_sentences
from program import read_lines

FEW = len(SENTENCES)
DAY = 24 * 60 * 60


def first_then(response):
    """That to the first request, a good answer to every other."""
    return lambda request, number: response if number == 0 else take_apart(request, number)


def with_header(bytes_after, length):
    """A response that announces so many bytes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    return Response(raw=head.encode() + bytes_after)


class Passing(AskingCase):
    """Faults that may pass: the request is repeated after a pause."""

    def gap(self, server):
        """Seconds between the first request and its repetition."""
        first, *later = server.requests
        (again,) = (request for request in later if request.sentence == first.sentence)
        return again.time - first.time

    def assert_passes(self, response, *more, said=()):
        """All sentences are answered, one at a time, with a single repetition."""
        server = self.serve(first_then(response))
        result = self.make(server, "--json", "--concurrency", 1, *more)
        self.assertEqual(result.returncode, 0, result.stderr)
        told = json.loads(result.stdout)["llm"]
        self.assertEqual((told["requests"], told["retries"]), (FEW + 1, 1))
        self.assertEqual((told["unanswered"], told["given_to_rules"]), (0, []))
        self.assert_made()
        (warning,) = (line for line in result.stderr.splitlines() if line.startswith("warning"))
        for words in (*said, "trying again"):
            self.assertIn(words, warning)
        return server

    def test_too_many_requests(self):
        server = self.assert_passes(failure(429, "slow down"), said=("HTTP 429", "slow down"))
        self.assertGreater(self.gap(server), 0.5 * 0.75 - 0.02)
        self.assertLess(self.gap(server), 0.5 * 1.25 + 1)

    def test_too_many_requests_with_a_time(self):
        server = self.assert_passes(failure(429, "wait", {"Retry-After": "0.9"}), said=("HTTP 429",))
        self.assertGreater(self.gap(server), 0.9 - 0.02)
        self.assertLess(self.gap(server), 2.5)
        # Nobody asks in between: the pause is for all.
        self.assertEqual(server.requests[1].time, min(r.time for r in server.requests[1:]))
        self.assertGreater(server.requests[1].time - server.requests[0].time, 0.9 - 0.02)

    def test_times_that_make_no_sense_are_not_followed(self):
        for asked in ("-5", "soon", "nan", ""):
            with self.subTest(asked):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)
                server = self.assert_passes(failure(429, "wait", {"Retry-After": asked}))
                self.assertLess(self.gap(server), 2.5)

    def test_faults_of_the_server(self):
        for status in (500, 502, 503, 408):
            with self.subTest(status):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)
                fault = failure(status, "oops")
                server = self.assert_passes(fault, said=(f"HTTP {status}", "oops"))
                self.assertGreater(self.gap(server), 0.5 * 0.75 - 0.02)

    def test_each_pause_is_twice_as_long(self):
        server = self.serve(
            lambda request, number: failure(500, "")
            if server.sentences.count(request.sentence) < 3 and request.sentence == SENTENCES[0]
            else take_apart(request, number)
        )
        self.make_well(server, "--concurrency", 1, retries=2)
        same = [r.time for r in server.requests if r.sentence == SENTENCES[0]]
        self.assertEqual(len(same), 3)
        self.assertGreater(same[2] - same[1], 1 * 0.75 - 0.02)
        self.assertLess(same[2] - same[1], 1 * 1.25 + 1)

    def test_a_cut_connection(self):
        self.assert_passes(with_header(b'{"choices": [', 5000))

    def test_a_connection_that_ends_without_a_word(self):
        self.assert_passes(Response(raw=b""))

    def test_bytes_that_are_no_http(self):
        self.assert_passes(Response(raw=b"\x00\xff\x16\x03garbage\r\n\r\n" * 20))

    def test_a_response_without_end(self):
        huge = Response(body=b'{"choices": "' + b"x" * (3 << 20))
        self.assert_passes(huge, said=("larger than 1.0 MiB",))

    def test_a_slow_answer(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def slow(request, number):
            if number == 0:
                done.wait(10)
            return take_apart(request, number)

        server = self.serve(slow)
        begin = time.monotonic()
        document = self.make_well(server, "--timeout", "0.7")
        self.assertLess(time.monotonic() - begin, 6)
        self.assertEqual(document["llm"]["retries"], 1)
        self.assert_made()

    def test_no_completion_in_the_middle(self):
        for bad in (Response(body=b"<html>busy \xff"), Response(body=b'{"choices": []}'),
                    failure(200, "overloaded"), Response(body=b"")):
            with self.subTest(bad.body):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)
                server = self.serve(
                    lambda r, number, bad=bad: bad if number == 1 else take_apart(r, number)
                )
                document = self.make_well(server, "--concurrency", 1)
                self.assertEqual(document["llm"]["retries"], 1)
                self.assert_made()

    def test_another_encoding_does_no_harm(self):
        body = completion('["PLACE dog", "left dog"]').body.replace(b"PLACE", b"caf\xe9")
        server = self.serve(
            lambda request, number: Response(body=body)
            if request.sentence == "left dog"
            else take_apart(request, number)
        )
        document = self.make_well(server)
        self.assertEqual(document["llm"]["left_out"], 1)
        self.assertEqual(cues_of(self.out)[2], ["left dog"])
        answers = [line["answer"] for line in read_lines(self.answers)[1:]]
        self.assertIn('["caf\ufffd dog", "left dog"]', answers)


class Final(AskingCase):
    """Faults that no repetition changes: one line, and nothing is left."""

    def assert_ends(self, response, *words, code=1, requests=1, retries=5, models=(MODEL,)):
        server = self.serve(lambda *_: response, models=models)
        begin = time.monotonic()
        result = self.make(server, "-q", "--concurrency", 1, retries=retries)
        self.assertLess(time.monotonic() - begin, 60)  # a busy machine is slow; a wait would be a day
        self.assert_fails(result, code, server.url, *words)
        self.assertEqual(len(server.requests), requests)
        self.assert_nothing_written()
        return result

    def test_a_time_too_long_to_wait(self):
        wanted = ("HTTP 429", "come tomorrow", "24:00:00", "same command again")
        self.assert_ends(failure(429, "come tomorrow", {"Retry-After": str(DAY)}), *wanted)

    def test_a_date_too_far_away(self):
        date = formatdate(time.time() + 3 * DAY, usegmt=True)
        self.assert_ends(failure(503, "closed", {"Retry-After": date}), "HTTP 503", "closed")

    def test_an_account_that_is_used_up(self):
        spent = failure(429, "You exceeded your quota", code="insufficient_quota")
        self.assert_ends(spent, "the account is used up", "HTTP 429", "You exceeded your quota")

    def test_a_key_that_is_missing(self):
        words = ("refuses the key", "HTTP 401", "who are you", "PCNET_API_KEY", "--key-env")
        self.assert_ends(failure(401, "who are you"), *words)

    def test_a_model_that_is_not_there(self):
        words = (f'no model "{MODEL}"', "HTTP 404 (gone)", "it lists llama-8b, qwen-7b", "--model")
        models = ("llama-8b", "qwen-7b")
        self.assert_ends(Response(404, b'{"error": "gone"}'), *words, models=models)

    def test_a_path_that_is_not_there(self):
        missing = Response(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"})
        self.assert_ends(missing, "HTTP 404", "Not Found", "--endpoint", models=None)

    def test_a_field_that_is_not_known(self):
        words = ("refuses the request", "HTTP 400 (no seed)", "--request")
        # One may be refused for its text, all of them may not.
        self.assert_ends(Response(400, b'{"message": "no seed"}'), *words, requests=len(SENTENCES))

    def test_a_page_in_place_of_a_completion(self):
        page = Response(200, b"<html>Welcome!</html>", {"Content-Type": "text/html"})
        self.assert_ends(page, "does not answer with a chat completion", "text/html", "--endpoint")

    def test_an_error_in_place_of_a_completion(self):
        # One may be refused for its text, all of them may not.
        words = ("the model is not loaded", "--endpoint")
        error = failure(200, "the model is not loaded")
        self.assert_ends(error, *words, requests=3, retries=0)

    def test_a_redirection(self):
        moved = Response(301, b"", {"Location": "http://127.0.0.1:9/v2/chat/completions"})
        self.assert_ends(moved, "HTTP 301", "http://127.0.0.1:9/v2/chat/completions", "--endpoint")

    def test_the_tries_are_used_up(self):
        (self.root / "annotations.jsonl").unlink()
        write_sentences(self.root, ["left dog"])
        words = ("no answer in 2 tries", "HTTP 500", "out of memory", "--source rules")
        self.assert_ends(failure(500, "out of memory"), *words, requests=2, retries=1)
        server = self.serve(lambda *_: time.sleep(1) or "late")
        result = self.make(server, "-q", "--timeout", "0.3", retries=0)
        self.assert_fails(result, 1, "no answer in 1 try", "timed out")

    def test_nothing_listens(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        for model in (MODEL, None):
            begin = time.monotonic()
            result = self.make(url, "-q", model=model, retries=6)
            self.assertLess(time.monotonic() - begin, 2)
            self.assert_fails(result, 1, f"no language model at {url}", "--endpoint", "rules")
            self.assert_nothing_written()

    def test_a_name_that_is_none(self):
        result = self.make("http://no-such-host.invalid", "-q")
        self.assert_fails(result, 1, "no-such-host.invalid", "--endpoint")
        self.assert_nothing_written()

    def test_messages_with_line_ends_are_one_line(self):
        said = "first\nsecond\r\n\x1b[31mred"
        result = self.assert_ends(failure(401, said), "first second")
        self.assertNotIn("\x1b", result.stderr)

    def test_a_long_message_is_shortened(self):
        server = self.serve(lambda *_: failure(400, "é" * 5000))
        result = self.make(server, "-q")
        self.assert_fails(result, 1, "HTTP 400", "ééé")
        self.assertLess(len(result.stderr), 1000)

    def test_json_of_any_depth(self):
        deep = b"[" * 250_000 + b"]" * 250_000
        bodies = (deep, b'{"error": ' + deep + b"}", deep)
        server = self.serve(lambda _, number: Response((500, 500, 200)[number], bodies[number]))
        result = self.make(server, "-vv", "--concurrency", 1)
        self.assertEqual(result.returncode, 1)
        for words in ("HTTP 500 ([[[[", 'HTTP 500 ({"error": [[[[', 'holds no "choices"'):
            self.assertIn(words, result.stderr)
        self.assert_nothing_written()

    def test_an_out_that_cannot_be_written_is_found_before_asking(self):
        server = self.serve()
        missing = self.folder / "none"
        is_folder = f"{self.root}: it is a folder"
        for out, words in ((missing / "cues.jsonl", missing), (self.root, is_folder)):
            with self.subTest(out):
                self.out = out
                self.assert_fails(self.make(server, "-q"), 1, words)
        self.assertEqual(server.requests, [])
        self.assert_nothing_written()

    def test_other_cues_are_found_before_asking(self):
        self.out.write_text('{"sent_id":1,"cues":["dear"]}\n')
        server = self.serve()
        self.assert_fails(self.make(server, "-q"), 1, self.out, "still to be asked", "--replace", "--out")
        self.assertEqual(server.requests, [])
        self.assertEqual(self.out.read_text(), '{"sent_id":1,"cues":["dear"]}\n')
        self.assertFalse(self.answers.exists())
        self.make_well(server, "--replace")
        self.assert_made()


class Middle(AskingCase):
    """Faults after some answers: these are kept."""

    def test_a_text_that_is_refused_is_given_to_the_rules(self):
        for status in (400, 413, 422):
            with self.subTest(status):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)
                server = self.serve(
                    lambda request, number, status=status: failure(status, "content filter")
                    if request.sentence == SENTENCES[3]
                    else take_apart(request, number)
                )
                result = self.make(server, "--json", "--concurrency", 1)
                told = json.loads(result.stdout)["llm"]
                self.assertEqual((told["unanswered"], told["invalid"]), (1, 0))
                self.assertEqual(told["given_to_rules"], [SENTENCES[3]])
                self.assertIn("warning: 1 of 4 expressions were given to the rules", result.stderr)
                self.assert_made(by_rules=[SENTENCES[3]])
                # It has no answer: that one is asked again.
                server.script = take_apart
                again = self.make_well(server, "--replace")
                self.assertEqual((again["llm"]["known"], again["llm"]["requests"]), (3, 1))
                self.assert_made()

    def test_a_text_that_never_gets_an_answer_holds_up_no_other(self):
        for status in (400, 500):
            with self.subTest(status):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)

                def no_first(request, number, status=status):
                    if request.sentence == SENTENCES[0]:
                        return failure(status, "content filter")
                    return take_apart(request, number)

                # Before any answer, and again when it is the only one left.
                for _ in range(2):
                    told = self.make_well(
                        self.serve(no_first), "--replace", "--concurrency", 1, retries=0
                    )
                    self.assertEqual(told["llm"]["given_to_rules"], [SENTENCES[0]])
                    self.assert_made(by_rules=[SENTENCES[0]])

    def test_a_text_that_is_given_up_keeps_the_others_waiting(self):
        def busy(request, number):
            if number != 1:
                return take_apart(request, number)
            return failure(503, "busy", {"Retry-After": formatdate(time.time() + 1.5, usegmt=True)})

        server = self.serve(busy)
        told = self.make_well(server, "--concurrency", 1, retries=0)
        self.assertEqual(told["llm"]["given_to_rules"], [SENTENCES[1]])
        self.assertGreater(server.requests[2].time - server.requests[1].time, 0.9)

    def test_an_answer_without_content_is_a_fault_of_its_text_alone(self):
        more = [f"cup number {word}" for word in ("one", "four", "six", "ten", "two", "nine")]
        write_sentences(self.root, more)
        nothing = Response(body=b'{"choices": [{"message": {"role": "assistant"}}]}')
        for bad in (nothing, failure(200, "content filter")):
            with self.subTest(bad.body):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)
                # More of them in a row than a server that is down gets.
                server = self.serve(
                    lambda request, number, bad=bad: bad
                    if request.sentence in more
                    else take_apart(request, number)
                )
                result = self.make(server, "--json", "--concurrency", 1, retries=0)
                told = json.loads(result.stdout)["llm"]
                self.assertEqual((told["unanswered"], told["retries"]), (len(more), 0))
                self.assertEqual(sorted(told["given_to_rules"]), sorted(more))
                # The same when the run is taken up again, whose first question gets no answer.
                again = self.make_well(server, "--replace", "--concurrency", 1, retries=1)
                self.assertEqual((again["llm"]["known"], again["llm"]["unanswered"]), (4, len(more)))
                self.assertEqual(again["llm"]["retries"], len(more))

    def test_text_after_text_in_vain_ends_the_run(self):
        write_sentences(self.root, [f"cup number {i}" for i in range(60)])
        for status, count, words in ((400, 25, "refuses"), (500, 3, "1 try to each of 3 questions")):
            with self.subTest(status):
                self.answers.unlink(missing_ok=True)

                def once(request, number, status=status):
                    return failure(status, "no credit") if number else take_apart(request, number)

                server = self.serve(once)
                result = self.make(server, "-q", "--concurrency", 1, retries=0)
                done = "1 of 64 expressions are done"
                self.assert_fails(result, 1, words, f"HTTP {status} (no credit)", done)
                self.assertEqual(len(server.requests), 1 + count)
                self.assertFalse(self.out.exists())

    def test_a_server_that_goes_down_can_be_gone_on_with(self):
        more = [f"cup number {word}" for word in ("one", "four", "six", "ten", "two", "nine")]
        write_sentences(self.root, more)
        sentences = (*SENTENCES, *more)

        def three_times(request, number):
            if number == 3:
                threading.Thread(target=server.stop).start()
                time.sleep(0.3)
                return Response(raw=b"")
            return take_apart(request, number)

        server = self.serve(three_times)
        result = self.make(server, "-q", "--concurrency", 1)
        # Three are answered; those that were asked in vain are not done.
        words = ("3 of 10 expressions are done", self.answers, "same command")
        self.assertFalse(self.out.exists())
        self.assertEqual(len(read_lines(self.answers)), 1 + 3)
        first = server.sentences[:3]
        server.script, server.requests = take_apart, []
        server.start()
        document = self.make_well(server)
        self.assertEqual(sorted(server.sentences), sorted(set(sentences) - set(first)))
        self.assertEqual((document["llm"]["known"], document["llm"]["requests"]), (3, 7))
        self.assert_made(sentences)
        self.assert_fails(result, 1, server.url, *words)

    def test_a_server_that_is_gone_at_the_end_is_no_fault_of_the_texts(self):
        def twice(request, number):
            if number == 2:
                threading.Thread(target=server.stop).start()
                time.sleep(0.3)
                return Response(raw=b"")
            return take_apart(request, number)

        server = self.serve(twice)
        result = self.make(server, "-q", "--concurrency", 1)
        self.assertFalse(self.out.exists(), result.stdout)
        self.assert_fails(result, 1, server.url, "2 of 4 expressions are done", self.answers)

    def test_a_key_that_ends_in_the_middle_keeps_the_answers(self):
        # One answer is there before the refusal, two were under way.
        delays = dict(zip(SENTENCES, (0, 0.1, 0.3, 0.3)))

        def expire(request, number):
            time.sleep(delays[request.sentence])
            expired = request.sentence == SENTENCES[1]
            return failure(401, "expired") if expired else take_apart(request, number)

        server = self.serve(expire)
        result = self.make(server, "-q")
        self.assert_fails(result, 1, "expired", "3 of 4 expressions are done", self.answers)
        server.script = take_apart
        self.assertEqual(self.make_well(server)["llm"]["known"], 3)
        self.assertEqual(server.sentences[4:], [SENTENCES[1]])


if __name__ == "__main__":
    unittest.main()
