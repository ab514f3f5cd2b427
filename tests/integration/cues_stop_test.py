"""Cues from a language model: stopped, killed, on a full disk, twice at once, another prompt."""

import json
import shutil
import signal
import threading
import time
import unittest

from chat_server import failure, take_apart
from cue_case import SENTENCES, AskingCase, write_sentences
from program import file_limit, read_lines, run_well, started, wait_for

MORE = tuple(f"cup number {word}" for word in ("one", "four", "six", "ten", "two", "nine"))
ALL = (*SENTENCES, *MORE)


class StopCase(AskingCase):
    def setUp(self):
        super().setUp()
        write_sentences(self.root, MORE)
        self.open = threading.Event()
        self.addCleanup(self.open.set)

    def serve_some(self, count):
        """So many good answers; then nothing until `self.open` is set."""

        def script(request, number):
            if number >= count:
                self.open.wait(20)
            return take_apart(request, number)

        return self.serve(script)

    def answered(self):
        """The sentences with an answer in the file, a torn last line aside."""
        if not self.answers.exists():
            return []
        lines = self.answers.read_text(encoding="utf-8").split("\n")[:-1]
        return [line["text"] for line in map(json.loads, lines) if "text" in line]

    def go_on(self, known):
        """The same command asks what is left, and no more; all is made."""
        server = self.serve()
        document = self.make_well(server)
        self.assertEqual(document["llm"]["known"], len(known))
        self.assertEqual(sorted(server.sentences), sorted(set(ALL) - set(known)))
        self.assert_made(ALL)
        self.assertEqual(sorted(self.answered()), sorted(ALL))


class Stop(StopCase):
    def test_a_stopped_one_goes_on(self):
        for name, code, said in (("SIGINT", 130, "Ctrl-C"), ("SIGTERM", 143, "SIGTERM")):
            with self.subTest(name):
                server = self.serve_some(3)
                with started(self.process(server)) as process:
                    wait_for(lambda: len(self.answered()) == 3, process)
                    begin = time.monotonic()
                    process.send_signal(getattr(signal, name))
                    out, error = process.communicate()
                self.assertLess(time.monotonic() - begin, 2)
                self.assertEqual((process.returncode, out), (code, ""))
                wanted = (
                    f"pcnet: stopped by {said}: 3 of 10 expressions are done and every answer is "
                    f"in {self.answers}: the same command goes on from there\n"
                )
                self.assertEqual(error.splitlines(True)[-1], wanted)
                self.assertFalse(self.out.exists())
                self.go_on(self.answered())
                self.out.unlink()
                self.answers.unlink()

    def test_stopped_before_any_answer_leaves_nothing(self):
        server = self.serve_some(0)
        with started(self.process(server)) as process:
            wait_for(lambda: server.requests, process)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertIn("stopped by Ctrl-C: 0 of 10 expressions are done\n", error)
        self.assert_nothing_written()

    def test_a_pause_can_be_stopped(self):
        server = self.serve(lambda *_: failure(503, "busy", {"Retry-After": "60"}))
        with started(self.process(server)) as process:
            wait_for(lambda: server.requests, process)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertLess(time.monotonic() - begin, 2)
        self.assert_nothing_written()

    def test_a_list_of_models_that_does_not_come_can_be_stopped(self):
        server = self.serve()
        server.before_get = lambda: self.open.wait(4)
        with started(self.process(server, model=None)) as process:
            wait_for(lambda: server.gets, process)
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertLess(time.monotonic() - begin, 2)

    def test_a_killed_one_asks_nothing_twice(self):
        known = []
        for count in (2, 3):
            server = self.serve_some(count)
            with started(self.process(server, "--concurrency", 2)) as process:
                wait_for(lambda n=len(known) + count: len(self.answered()) >= n, process)
                process.kill()
                process.wait()
            self.assertEqual(set(server.sentences) & set(known), set())
            known = self.answered()
        self.assertEqual(len(known), 5)
        self.go_on(known)

    def test_two_at_once_do_not_share_a_file(self):
        server = self.serve_some(1)
        with started(self.process(server)) as process:
            wait_for(lambda: len(self.answered()) == 1, process)
            other = self.serve()
            result = self.make(other, "-q")
            self.assert_fails(result, 1, self.answers, "another process")
            self.assertEqual(other.requests, [])
            self.open.set()
            process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assert_made(ALL)


class Kept(StopCase):
    """The file of answers, damaged in some way."""

    def damage(self, change):
        """A file with all answers, its lines changed: what is asked then, and what is said."""
        self.out.unlink(missing_ok=True)
        self.answers.unlink(missing_ok=True)
        self.make_well(self.serve())
        self.out.unlink()
        lines = self.answers.read_bytes().splitlines(True)
        self.answers.write_bytes(b"".join(change(lines)))
        server = self.serve()
        result = self.make(server, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_made(ALL)
        # It is whole again: nothing is asked any more, and nothing said of it but the old fault.
        again = self.make_well(self.serve())
        self.assertEqual((again["llm"]["known"], again["already_there"]), (10, True))
        return sorted(server.sentences), result.stderr

    def texts(self, lines):
        return sorted(json.loads(line)["text"] for line in lines)

    def test_a_torn_last_line_is_asked_again(self):
        torn = []

        def change(lines):
            torn.append(lines[-1])
            return [*lines[:-1], lines[-1][:25]]

        asked, said = self.damage(change)
        self.assertEqual(asked, self.texts(torn))
        self.assertNotIn("warning", said)
        self.assertEqual(len(read_lines(self.answers)), 11)

    def test_a_damaged_line_is_told_and_asked_again(self):
        wrong = b'{"text": 5, "answer": []}'
        for bad in (b"\x00\xffgarbage", b"{}", b"[1, 2]", b"null", wrong, b""):
            with self.subTest(bad):
                gone = []

                def change(lines, bad=bad, gone=gone):
                    gone.append(lines[4])
                    return [*lines[:4], bad + b"\n", *lines[5:]]

                asked, said = self.damage(change)
                self.assertEqual(asked, self.texts(gone))
                warning = f"warning: {self.answers}: no answer in line 5; what was asked there is"
                self.assertIn(warning, said)
                self.assertIn(bad, self.answers.read_bytes())

    def test_answers_below_damaged_settings_are_not_taken_for_current_ones(self):
        server = self.serve()
        self.make_well(server)
        other = self.serve(lambda *_: '["of another model"]')
        self.make_well(other, "--replace", "--allow-new-words", model="other")
        self.out.unlink()
        lines = self.answers.read_bytes().splitlines(True)
        (place,) = (i for i, line in enumerate(lines) if b'"model":"other"' in line)
        keep = lines[:3] + [b"damaged\n"] + lines[place + 1 :]
        self.answers.write_bytes(b"".join(keep))
        self.make_well(server, "--allow-new-words")
        self.assert_made(ALL)

    def test_an_empty_file_is_like_none(self):
        self.answers.write_bytes(b"")
        self.make_well(self.serve())
        self.assert_made(ALL)

    def test_answers_to_another_prompt_or_model_are_kept_and_not_used(self):
        self.make_well(self.serve())
        before = self.answers.read_bytes()
        prompt = self.folder / "own/prompt.txt"
        text = run_well("cues", "prompt").stdout
        prompt.write_text(text.replace("Take this expression apart", "Split this expression"))
        changes = ("--prompt", prompt), ("--temperature", "0.5"), ("--model", "other")
        for number, change in enumerate(changes):
            server = self.serve()
            result = self.make(server, "--json", "--replace", *change, model=None)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(sorted(server.sentences), sorted(ALL))
            self.assertEqual(json.loads(result.stdout)["llm"]["known"], 0)
            others = f"also holds {10 * (number + 1)} answers to another prompt, model or setting"
            self.assertIn(others, result.stderr)
            self.assertTrue(self.answers.read_bytes().startswith(before))
        asked = self.serve()
        self.assertEqual(self.make_well(asked)["llm"]["known"], 10)
        self.assertEqual(asked.requests, [])

    def test_another_address_makes_no_difference(self):
        self.make_well(self.serve())
        other = self.serve()
        self.assertTrue(self.make_well(other)["already_there"])
        self.assertEqual(other.requests, [])


class Disk(StopCase):
    def test_a_full_disk_keeps_the_whole_lines(self):
        self.make_well(self.serve())
        whole = self.answers.stat().st_size
        settings = len(self.answers.read_bytes().splitlines(True)[0])
        for limit in (settings + 10, (settings + whole) // 2):
            with self.subTest(limit):
                self.out.unlink(missing_ok=True)
                self.answers.unlink(missing_ok=True)
                result = self.make(self.serve(), "-q", preexec_fn=file_limit(limit))
                self.assert_fails(result, 1, f"cannot write {self.answers}")
                self.assertRegex(result.stderr, "File too large|No space left on device")
                self.assertFalse(self.out.exists())
                self.go_on(self.answered())

    def test_a_full_disk_at_the_end_keeps_the_answers(self):
        texts = [f"{word} " * 400 + "dog" for word in ("big", "red", "old")]
        (self.root / "annotations.jsonl").unlink()
        write_sentences(self.root, texts)
        answers = self.folder / "other.answers.jsonl"
        server = self.serve()
        self.make_well(server)
        shutil.copy(self.answers, answers)
        self.out.unlink()
        result = self.make(server, "-q", preexec_fn=file_limit(4000))
        self.assert_fails(result, 1, f"cannot write {self.out}", "File too large")
        self.assertFalse(self.out.exists())
        self.assert_no_leftovers(self.folder)
        self.assertEqual(self.answers.read_bytes(), answers.read_bytes())
        self.make_well(server)
        self.assertEqual(len(server.requests), 3)
        self.assert_made(texts)


class Prompt(AskingCase):
    PARTS = ("[general instruction]\nSay cues.\n", "[output constraints]\nA list of {count}.\n",
             "[in-context examples]\ndog: dog\n", "[question]\nExpression: {sentence}\nAnswer:\n")

    def write(self, *parts):
        path = self.root / "prompt.txt"
        path.write_text("".join(parts), encoding="utf-8")
        return path

    def test_ones_own_prompt_is_asked(self):
        question, examples = self.PARTS[3], self.PARTS[2]
        path = self.write("a note\n", question, *self.PARTS[:2], examples)
        server = self.serve()
        self.make_well(server, "--prompt", path)
        asked = [r.messages[0]["content"] for r in server.requests if r.sentence == "left dog"]
        self.assertEqual(
            asked,
            ["Say cues.\n\nA list of 5.\n\ndog: dog\n\nExpression: left dog\nAnswer:"],
        )

    def test_faulty_prompts_name_file_and_line(self):
        general, output, examples, question = self.PARTS
        server = self.serve()
        for parts, words in (
            ((general, output, "[samples]\ndog\n"), (":5: ", "unknown heading [samples]")),
            ((general, output, examples, general, question), (":7: ", "comes twice")),
            ((general, output, question), (": ", "there is no [in-context examples]")),
            ((general, "[output constraints]\n\n", examples, question),
             (":3: ", "nothing stands under [output constraints]")),
            ((general, output, examples, "[question]\nWhich?\n"), (":7: ", "lacks {sentence}")),
            (("",), (": ", "there is no [general instruction]")),
        ):
            with self.subTest(words):
                path = self.write(*parts)
                result = self.make(server, "-q", "--prompt", path)
                self.assert_fails(result, 1, f"{path}{words[0]}", *words[1:])
        missing = self.folder / "none.txt"
        self.assert_fails(self.make(server, "-q", "--prompt", missing), 1, missing)
        self.assertEqual((server.requests, server.gets), ([], []))
        self.assertFalse(self.answers.exists())


if __name__ == "__main__":
    unittest.main()
