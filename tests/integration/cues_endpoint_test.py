"""Cues from a language model: what is asked, and how answers are read."""

import gzip
import json
import time
import unittest

from chat_server import MODEL, Response, completion, take_apart, two_cues
from cue_case import SENTENCES, AskingCase, cues_by_rules, cues_of, write_sentences
from program import read_lines, run, run_well


class Questions(AskingCase):
    def test_each_different_sentence_is_asked_once(self):
        write_sentences(self.root, SENTENCES[:2], split="val")
        server = self.serve()
        document = self.make_well(server)
        self.assertEqual(sorted(server.sentences), sorted(SENTENCES))
        self.assert_made(SENTENCES + SENTENCES[:2])
        self.assertEqual((document["sentences"], document["expressions"]), (6, 4))
        self.assertEqual((document["cues"], document["already_there"]), (8, False))
        told = document["llm"]
        self.assertEqual((told["known"], told["requests"], told["retries"]), (0, 4, 0))
        self.assertEqual((told["prompt_tokens"], told["completion_tokens"]), (400, 40))
        self.assertEqual((told["model"], told["given_to_rules"]), (MODEL, []))
        for request in server.requests:
            self.assertEqual(request.path, "/v1/chat/completions")
            self.assertEqual(request.headers["content-type"], "application/json")
            self.assertNotIn("authorization", request.headers)
            body = {key: value for key, value in request.body.items() if key != "messages"}
            wanted = {"model": MODEL, "temperature": 0.0, "seed": 0, "max_tokens": 256}
            self.assertEqual(body, wanted)
            self.assertEqual([message["role"] for message in request.messages], ["user"])

    def test_every_answer_is_kept_and_not_asked_for_again(self):
        server = self.serve()
        self.make_well(server)
        settings, *lines = read_lines(self.answers)
        self.assertEqual(settings["settings"]["request"]["model"], MODEL)
        kept = {line["text"]: line["answer"] for line in lines}
        self.assertEqual(kept, {text: json.dumps(two_cues(text)) for text in SENTENCES})
        before = self.out.stat().st_mtime_ns, self.answers.read_bytes()
        again = self.make_well(server)
        self.assertEqual(len(server.requests), 4)
        self.assertEqual((again["already_there"], again["llm"]["known"]), (True, 4))
        server.stop()
        result = self.make(server)
        self.assertIn(f"{self.out} holds these cues already: nothing to do\n", result.stdout)
        self.assertEqual(before, (self.out.stat().st_mtime_ns, self.answers.read_bytes()))

    def test_the_question_holds_the_four_parts_of_the_prompt(self):
        server = self.serve()
        self.make_well(server, "--count", "3")
        (asked,) = (r.messages[0]["content"] for r in server.requests if r.sentence == "left dog")
        prompt = run_well("cues", "prompt").stdout
        parts = prompt.split("[general instruction]\n")[1]
        for heading in ("[output constraints]\n", "[in-context examples]\n", "[question]\n"):
            parts = parts.replace(heading, "")
        wanted = parts.strip().replace("{sentence}", "left dog").replace("{count}", "3")
        self.assertEqual(asked, wanted)
        self.assertIn("Give 1 to 3 phrases", asked)

    def test_the_options_are_sent(self):
        server = self.serve()
        self.make_well(
            *(server, "--request", "seed=null", "--request", "top_p=0.5"),
            *("--request", "stop=###", "--temperature", "0.7", "--max-tokens", "99"),
        )
        body = server.requests[0].body
        self.assertNotIn("seed", body)
        self.assertEqual((body["top_p"], body["stop"]), (0.5, "###"))
        self.assertEqual((body["temperature"], body["max_tokens"]), (0.7, 99))
        again = self.make_well(server, "--seed", "7", "--replace")
        self.assertEqual(server.requests[-1].body["seed"], 7)
        self.assertEqual(again["llm"]["known"], 0)

    def test_fields_that_cannot_be_set_are_refused(self):
        server = self.serve()
        for field, words in (
            ("messages=1", ("--request", '"messages"')),
            ("stream=true", ("--request", '"stream"')),
            ("top_p", ("--request", '"top_p"', "FIELD=VALUE")),
            ("=1", ("--request", '"=1"', "FIELD=VALUE")),
        ):
            with self.subTest(field):
                self.assert_fails(self.make(server, "-q", "--request", field), 2, *words)
        self.assertEqual((server.requests, server.gets), ([], []))

    def test_the_only_model_is_taken(self):
        server = self.serve(models=("lonely-7b",))
        document = self.make_well(server, model=None)
        self.assertEqual(server.gets, ["/v1/models"])
        self.assertEqual({r.body["model"] for r in server.requests}, {"lonely-7b"})
        self.assertEqual(document["llm"]["model"], "lonely-7b")

    def test_of_several_models_one_must_be_named(self):
        server = self.serve(models=("small-1b", "large-70b"))
        result = self.make(server, "-q", model=None)
        self.assert_fails(result, 2, "small-1b", "large-70b", "--model")
        server.models = None
        result = self.make(server, "-q", model=None)
        self.assert_fails(result, 2, f"{server.url}/v1/models", "HTTP 404", "--model")
        self.assertEqual(server.requests, [])
        self.assert_nothing_written()

    def test_an_address_may_be_the_base_or_the_whole(self):
        server = self.serve()
        for number, (path, wanted) in enumerate(
            (
                ("", "/v1/chat/completions"),
                ("/", "/v1/chat/completions"),
                ("/v1/chat/completions", "/v1/chat/completions"),
                ("/api/openai/", "/api/openai/chat/completions"),
                ("/x?api-version=2", "/x/chat/completions?api-version=2"),
            )
        ):
            url = server.url + path
            self.make_well(url, "--replace", "--seed", number)
            self.assertEqual(server.requests[-1].path, wanted)
        for url in ("127.0.0.1:8080", "ftp://127.0.0.1", "http://", "no address"):
            with self.subTest(url):
                self.assert_fails(self.make(url, "-q"), 2, "--endpoint", url, "wanted an address")

    def test_an_endpoint_goes_with_its_source(self):
        for endpoint in ((), ("--endpoint", "")):
            result = run("cues", "make", self.root, "--source", "llm", *endpoint, "--out", self.out)
            self.assert_fails(result, 2, "--source llm needs --endpoint")
        result = run("cues", "make", self.root, "--endpoint", "http://127.0.0.1", "--out", self.out)
        self.assert_fails(result, 2, "--endpoint is for --source llm")
        result = run("cues", "make", self.root, "--allow-new-words", "--out", self.out)
        self.assert_fails(result, 2, "--allow-new-words is for --source llm")
        result = run("cues", "make", "--text", "a dog", "--tries", "3")
        self.assert_fails(result, 2, "--tries is for --source llm")

    def test_texts_are_answered_on_the_spot(self):
        server = self.serve()
        asked = ("--source", "llm", "--endpoint", server.url, "--text", "left dog")
        result = run_well("cues", "make", *asked, cwd=self.folder)
        self.assertEqual(result.stdout, "left dog\n  left dog\n  dog\n")
        broken = "café \udcff dog"  # a byte that is no UTF-8
        result = run_well("--json", "cues", "make", *asked, "--text", broken, cwd=self.folder)
        wanted = [{"text": text, "cues": [text, "dog"], "source": "llm"}
                  for text in ("left dog", "café \ufffd dog")]
        self.assertEqual(json.loads(result.stdout), wanted)
        self.assertIn(wanted[1]["text"], server.sentences)
        self.assert_nothing_written()

    def test_the_cost_is_told(self):
        server = self.serve(lambda request, _: completion('["dog"]', 500_000, 250_000))
        arguments = ("--source", "llm", "--allow-new-words", "--price", "0.5,2")
        document = self.make_well(server, *arguments[2:])
        self.assertAlmostEqual(document["llm"]["cost"], 4 * (0.5 * 0.5 + 2 * 0.25))
        self.assert_fails(self.make(server, "--price", "0.5"), 2, "--price")

    def test_as_many_are_asked_at_once_as_is_said(self):
        write_sentences(self.root, [f"cup number {word}" for word in ("one", "four", "six", "ten")])

        def slow(request, number):
            time.sleep(0.15)
            return take_apart(request, number)

        for concurrency in (1, 3):
            server = self.serve(slow)
            self.make_well(server, "--concurrency", concurrency, "--replace", "--seed", concurrency)
            self.assertEqual(len(server.requests), 8)
            self.assertEqual(max(request.at_once for request in server.requests), concurrency)

    def test_no_more_are_asked_a_minute_than_is_said(self):
        server = self.serve()
        self.make_well(server, "--rate-limit", "150")
        times = [request.time for request in server.requests]
        gaps = [later - time for time, later in zip(times, times[1:])]
        self.assertEqual(len(gaps), 3)
        self.assertGreater(min(gaps), 0.2)
        self.assertGreater(times[-1] - times[0], 3 * 0.4 - 0.1)
        self.assertLess(times[-1] - times[0], 3 * 0.4 + 1.5)


class Answers(AskingCase):
    FORMS = {
        "dog": '["{}", "left {}"]',
        "cat": '{{"target": "cat", "cues": ["{}", "left {}"]}}',
        "cup": "1. {}\n2. left {}\n",
        "car": '```json\n["{}", "left {}"]\n```',
        "cow": "['{}', 'left {}']",
        "bus": '<think>Is ["right bus"] good? No.</think>\n["{}", "left {}"]',
        "boy": 'Sure! Here are the phrases: ["{}", "left {}"]. I hope this helps [you].',
        "hat": "- {}\n- left {}",
        "pig": '[{{"phrase": "{}"}}, {{"phrase": "left {}"}}]',
        "bed": "**{}**\n*left {}*",
    }

    def one(self, *answers, sentence="left dog"):
        """A server that answers one sentence so, the last for ever, and nothing else is asked."""
        (self.root / "annotations.jsonl").unlink()
        write_sentences(self.root, [sentence])
        return self.serve(lambda _, number: answers[min(number, len(answers) - 1)])

    def test_lists_are_found_in_any_form(self):
        (self.root / "annotations.jsonl").unlink()
        write_sentences(self.root, [f"left {noun}" for noun in self.FORMS])

        def answer(request, _):
            noun = request.sentence.split()[-1]
            return self.FORMS[noun].format(noun, noun)

        document = self.make_well(self.serve(answer))
        wanted = {i + 1: [noun, f"left {noun}"] for i, noun in enumerate(self.FORMS)}
        self.assertEqual(cues_of(self.out), wanted)
        self.assertEqual((document["llm"]["requests"], document["llm"]["left_out"]), (10, 0))

    def test_an_answer_of_parts_is_put_together(self):
        parts = [{"type": "text", "text": '["dog", '}, {"type": "text", "text": '"left dog"]'}]
        self.make_well(self.one(completion(parts)))
        self.assertEqual(cues_of(self.out), {1: ["dog", "left dog"]})

    def test_a_response_may_come_packed_or_in_pieces(self):
        body = completion('["dog", "left dog"]').body
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        packed = {"Content-Encoding": "gzip"}
        for number, response in enumerate(
            (Response(raw=head + pieces), Response(body=gzip.compress(body), headers=packed))
        ):
            self.make_well(self.one(response), "--replace", "--seed", number)
            self.assertEqual(cues_of(self.out), {1: ["dog", "left dog"]})
            self.out.unlink()

    def test_what_cannot_be_used_is_asked_again_and_told_why(self):
        for number, bad in enumerate(("", "{}", "[]", '["right cat"]')):
            with self.subTest(bad):
                server = self.one(bad, '["dog"]')
                document = self.make_well(server, "--replace", "--seed", number)
                self.assertEqual(cues_of(self.out), {1: ["dog"]})
                told = document["llm"]
                self.assertEqual((told["requests"], told["asked_again"]), (2, 1))
                self.assertEqual((told["invalid"], told["given_to_rules"]), (0, []))
                first, *said = server.requests[1].messages
                self.assertEqual(first, server.requests[0].messages[0])
                if not bad:  # strict servers refuse an empty message
                    self.assertEqual(said, [])
                    continue
                answer, complaint = said
                self.assertEqual(answer, {"role": "assistant", "content": bad})
                self.assertEqual(complaint["role"], "user")
                why = '"right cat": the expression does not say right, cat'
                wanted = why if bad.startswith('["') else "there is no list of phrases in it"
                self.assertIn(f"That cannot be used: {wanted}. Answer again", complaint["content"])

    def test_then_the_rules_take_it_and_it_is_counted(self):
        server = self.serve(
            lambda request, number: '["unicorn"]'
            if request.sentence == SENTENCES[0]
            else take_apart(request, number)
        )
        result = self.make(server, "--json")
        told = json.loads(result.stdout)["llm"]
        self.assertEqual((told["requests"], told["asked_again"], told["invalid"]), (5, 1, 1))
        self.assertEqual((told["unanswered"], told["given_to_rules"]), (0, [SENTENCES[0]]))
        self.assertIn(
            f'warning: 1 of 4 expressions were given to the rules, e.g. "{SENTENCES[0]}"\n',
            result.stderr,
        )
        self.assert_made(by_rules=[SENTENCES[0]])
        # Both answers are kept: nothing is asked again, and the rules are counted as before.
        again = self.make_well(server)["llm"]
        self.assertEqual((again["requests"], again["known"], again["invalid"]), (0, 4, 1))
        # One more try is one more question.
        server.script = lambda *_: '["tall man"]'
        more = self.make_well(server, "--tries", "3", "--replace")["llm"]
        self.assertEqual((more["requests"], more["known"], more["invalid"]), (1, 3, 0))
        self.assertEqual(cues_of(self.out)[1], ["tall man"])

    def test_one_try_is_one_question(self):
        server = self.one("no idea at all, sorry")
        told = self.make_well(server, "--tries", "1")["llm"]
        self.assertEqual((told["requests"], told["asked_again"], told["invalid"]), (1, 0, 1))
        self.assertEqual(cues_of(self.out), {1: cues_by_rules("left dog")})

    def test_new_words_are_left_out_and_counted(self):
        server = self.one('["the dog", "fluffy dog", "left dogs", "left dog by the red door"]')
        told = self.make_well(server)["llm"]
        self.assertEqual(told["left_out"], 2)
        self.assertEqual(cues_of(self.out), {1: ["the dog", "left dogs"]})
        result = self.make(server, "-q", "--allow-new-words")
        self.assert_fails(result, 1, self.out, "holds other cues", "--replace")
        told = self.make_well(server, "--allow-new-words", "--replace")["llm"]
        # What is kept is judged anew, without a question.
        self.assertEqual((told["requests"], told["left_out"]), (0, 1))
        self.assertEqual(cues_of(self.out), {1: ["the dog", "fluffy dog", "left dogs"]})

    def test_no_more_cues_are_taken_than_said_and_none_twice(self):
        phrases = ["man", "Man", "tall man", "man in red", "man", "the man", "in red", "red man"]
        server = self.one(json.dumps(phrases), sentence="the tall man in red")
        self.make_well(server)
        wanted = ["man", "tall man", "man in red", "the man", "in red"]
        self.assertEqual(cues_of(self.out), {1: wanted})
        self.make_well(server, "--count", "2", "--replace")
        self.assertEqual(cues_of(self.out), {1: wanted[:2]})

    def test_any_script_survives(self):
        sentence = "café «Zoë» at the 東京 corner 😀"
        server = self.one(json.dumps(["café", "corner 😀", "東京 corner"]), sentence=sentence)
        self.make_well(server)
        self.assertEqual(server.sentences, [sentence])
        self.assertEqual(cues_of(self.out), {1: ["café", "corner 😀", "東京 corner"]})
        self.assertIn("東京", self.out.read_text(encoding="utf-8"))

    def test_a_sentence_is_never_a_placeholder(self):
        server = self.one('["sign"]', sentence="sign that says {count} {sentence}")
        self.make_well(server)
        self.assertEqual(server.sentences, ["sign that says {count} {sentence}"])


if __name__ == "__main__":
    unittest.main()
