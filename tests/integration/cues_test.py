"""Cues by rules, their check, and the way to and from the official folder."""

import json
import pathlib
import shutil
import tempfile
import unittest

from cue_case import cues_of, write_sentences
from program import Case, file_limit, files_below, make_benchmark, read_lines, run, run_well

MAN, DOG, CAFE = "the tall man in red", "left dog", "left café 😀"
CUES = {
    1: ["the man", "tall man", "man in red"],
    2: ["dog", "left dog"],
    3: ["café 😀", "left café 😀"],
    4: ["dog", "left dog"],
}


def setUpModule():
    global SYNTHETIC
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_cues_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    SYNTHETIC = make_benchmark(folder / "data")


class CueCase(Case):
    def setUp(self):
        super().setUp()
        self.root = write_sentences(self.folder / "own", [MAN, DOG, CAFE])
        write_sentences(self.root, [DOG], split="val")
        self.out = self.root / "cues.jsonl"

    def make(self, *more):
        return run("-q", "cues", "make", self.root, *more)

    def json(self, *command):
        return json.loads(run_well("-q", "--json", *command).stdout)

    def write_cues(self, cues):
        lines = [json.dumps({"sent_id": i, "cues": texts}) + "\n" for i, texts in cues.items()]
        self.out.write_text("".join(lines), encoding="utf-8")


class Make(CueCase):
    def test_every_sentence_gets_its_cues(self):
        result = run_well("cues", "make", self.root)
        self.assertEqual(cues_of(self.out), CUES)
        self.assertIn(f"wrote {self.out} in ", result.stdout)
        self.assertIn("sentences   4, 3 different ones\n", result.stdout)
        self.assertIn("cues        2.33 an expression\n", result.stdout)
        # Text, not escapes: a person can read the file.
        line = '{"sent_id":3,"cues":["café 😀","left café 😀"],"sentence":"left café 😀"}\n'
        self.assertIn(line, self.out.read_text("utf-8"))
        self.assertEqual(sorted(path.name for path in self.root.iterdir()),
                         ["annotations.jsonl", "cues.jsonl"])

    def test_the_result_is_one_document(self):
        document = self.json("cues", "make", self.root)
        self.assertGreater(document.pop("seconds"), 0)
        wanted = {"out": str(self.out), "source": "rules", "already_there": False, "sentences": 4,
                  "expressions": 3, "cues": 7}
        self.assertEqual(document, wanted)

    def test_again_changes_nothing(self):
        self.make()
        before = files_below(self.root)
        result = run_well("cues", "make", self.root)
        self.assertIn(f"{self.out} holds these cues already: nothing to do\n", result.stdout)
        self.assertTrue(self.json("cues", "make", self.root)["already_there"])
        self.assertEqual(files_below(self.root), before)

    def test_other_cues_stay_unless_told(self):
        self.write_cues({1: ["dear"]})
        before = files_below(self.root)
        self.assert_fails(self.make(), 1, self.out, "other cues", "--replace", "--out")
        self.assertEqual(files_below(self.root), before)
        self.assertEqual(self.make("--replace").returncode, 0)
        self.assertEqual(cues_of(self.out), CUES)

    def test_a_split_and_a_number_can_be_named(self):
        out = self.folder / "val.jsonl"
        document = self.json("cues", "make", self.root, "--split", "val", "--out", out)
        self.assertEqual((document["sentences"], document["out"]), (1, str(out)))
        self.assertEqual(cues_of(out), {4: CUES[4]})
        self.json("cues", "make", self.root, "--split", "val", "--split", "train", "--replace",
                  "--out", out)
        self.assertEqual(cues_of(out), CUES)
        self.json("cues", "make", self.root, "--count", "2", "--replace", "--out", out)
        fewer = cues_of(out)
        self.assertEqual(fewer[1], ["the man", "tall man in red"])
        self.assertEqual(max(map(len, fewer.values())), 2)
        self.assertFalse(self.out.exists())

    def test_texts_are_taken_apart_on_the_spot(self):
        result = run_well("cues", "make", "--text", MAN, "--text", CAFE, cwd=self.folder)
        wanted = [MAN, *("  " + cue for cue in CUES[1]), CAFE, *("  " + cue for cue in CUES[3])]
        self.assertEqual(result.stdout.splitlines(), wanted)
        document = self.json("cues", "make", "--text", CAFE)
        self.assertEqual(document, [{"text": CAFE, "cues": CUES[3], "source": "rules"}])
        self.assertFalse(self.out.exists())

    def test_bad_values_are_refused(self):
        for arguments, words in (
            (("--count", "0"), ("--count", "1 to 20")),
            (("--source", "magic"), ("--source", "magic", "rules", "llm")),
            (("--concurrency", "0"), ("--concurrency", "1 to 1024")),
            (("--retries", "-1"), ("--retries", "0 to 100")),
            (("--temperature", "3"), ("--temperature", "from 0 to 2")),
            (("--temperature", "nan"), ("--temperature", "nan")),
            (("--timeout", "0"), ("--timeout", "0")),
            (("--timeout", "nan"), ("--timeout", "nan")),
            (("--rate-limit", "-1"), ("--rate-limit", "-1")),
            (("--tries", "0"), ("--tries", "1 to 10")),
        ):
            with self.subTest(arguments):
                result = self.make(*arguments)
                self.assert_fails(result, 2, *words)
                self.assertLess(len(result.stderr), 200, result.stderr)
        self.assertFalse(self.out.exists())

    def test_bad_places_are_named(self):
        self.assert_fails(self.make("--split", "nope"), 2, '"nope"', "wanted", "train", "val")
        self.assert_fails(self.make("--out", self.root), 1, f"{self.root} is a folder")
        missing = self.folder / "none/cues.jsonl"
        self.assert_fails(self.make("--out", missing), 1, missing, "No such file")
        self.assert_fails(run("-q", "cues", "make", self.folder / "none"), 2, self.folder / "none")
        self.assert_fails(run("-q", "cues", "make"), 2, "--root")
        self.assertFalse(self.out.exists())

    def test_a_full_disk_leaves_nothing(self):
        result = run("-q", "cues", "make", self.root, preexec_fn=file_limit(20))
        self.assert_fails(result, 1, f"cannot write {self.out}", "File too large")
        self.assertEqual([path.name for path in self.root.iterdir()], ["annotations.jsonl"])


class Check(CueCase):
    def test_cues_come_through_a_pipe(self):
        self.make()
        text = self.out.read_text("utf-8")
        result = run_well("-q", "--json", "cues", "check", self.root, "--cues", "/dev/stdin",
                          input=text)
        self.assertEqual(json.loads(result.stdout)["with_cues"], 4)

    def test_good_cues_are_well(self):
        self.make()
        document = self.json("cues", "check", self.root)
        self.assertEqual((document["sentences"], document["with_cues"]), (4, 4))
        self.assertEqual((document["coverage"], document["words_said"]), (100.0, 100.0))
        self.assertEqual((document["faults"], document["notes"]), (0, 0))
        self.assertEqual(document["sentences_by_different_cues"],
                         {"1": 0, "2": 3, "3": 1, "4": 0, "5": 0})
        self.assertEqual(document["different_cues_a_sentence"], 9 / 4)
        self.assertEqual(document["findings"], [])
        result = run_well("cues", "check", self.root, "--tolerance", "0")
        self.assertIn("coverage    4 of 4 sentences\n", result.stdout)
        self.assertIn("no fault found", result.stdout)

    def test_missing_cues_are_a_fault(self):
        self.write_cues({1: CUES[1], 2: [], 3: CUES[3], 99: ["other"]})
        result = run("-q", "cues", "check", self.root)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        for words in ("coverage    2 of 4 sentences", "sentence without cues: 2", "sent_id 2 ",
                      "sent_id 4 ", "others      1 ", "2 faults"):
            self.assertIn(words, result.stdout)
        document = json.loads(run("-q", "--json", "cues", "check", self.root).stdout)
        self.assertEqual((document["coverage"], document["faults"]), (50.0, 2))
        self.assertEqual(document["of_other_sentences"], 1)

    def test_each_kind_of_note_is_found(self):
        self.write_cues({
            1: ["the man", "tall man", "short man"],  # a word that is not there
            2: ["left"],  # nothing that names the target
            3: ["café 😀", "the café 😀"],  # the same twice
            4: ["left dog"],  # not taken apart
        })
        findings = self.json("cues", "check", self.root)["findings"]
        found = {kind["kind"]: [item["where"] for item in kind["items"]] for kind in findings}
        wanted = {
            "cues with words that their sentence does not have": "sent_id 1 ",
            "cues that do not name the target": "sent_id 2 ",
            "two cues that say the same": "sent_id 3 ",
            "sentence that was not taken apart": "sent_id 4 ",
        }
        self.assertEqual(set(found), set(wanted))
        for kind, where in wanted.items():
            self.assertEqual(len(found[kind]), 1, kind)
            self.assertTrue(found[kind][0].startswith(where), found[kind])
        self.assertEqual({kind["severity"] for kind in findings}, {"note"})
        (made_up,) = [kind for kind in findings if kind["kind"].startswith("cues with words")]
        self.assertIn('"short man" says short', made_up["items"][0]["what"])

    def test_notes_beyond_the_tolerance_are_faults(self):
        self.write_cues({**CUES, 1: ["the man", "short man"]})  # one of four sentences
        for tolerance, code in ((100, 0), (25, 0), (24, 1), (0, 1)):
            with self.subTest(tolerance):
                result = run("-q", "cues", "check", self.root, "--tolerance", tolerance)
                self.assertEqual((result.returncode, result.stderr), (code, ""))
                self.assertIn("short", result.stdout)
        for bad in ("-1", "101", "few", "nan"):
            self.assert_fails(run("cues", "check", self.root, "--tolerance", bad), 2, "--tolerance")

    def test_without_any_cues_it_says_so(self):
        result = run("-q", "cues", "check", self.root)
        self.assert_fails(result, 1, "no cues", "cues make")

    def test_a_damaged_file_names_its_line(self):
        for line, words in (("{", ":2"), ('{"sent_id": 1, "cues": ["a"]}', "duplicate sent_id 1"),
                            ('{"sent_id": "2", "cues": ["a"]}', "sent_id"),
                            ('{"sent_id": 2, "cues": "a"}', "wanted a list"),
                            ('{"sent_id": 2, "cues": [5]}', "a cue is 5")):
            with self.subTest(line):
                self.out.write_text('{"sent_id": 1, "cues": ["a"]}\n' + line + "\n")
                result = run("-q", "cues", "check", self.root)
                self.assert_fails(result, 1, f"{self.out}:2", words)


class Official(CueCase):
    """The folder of <ref_id>.json with five cues a sentence."""

    def export(self, *more, out="official"):
        return run("-q", "cues", "export", self.root, "--out", self.folder / out, *more)

    def test_there_and_back(self):
        self.make()
        folder = self.folder / "official"
        document = self.json("cues", "export", self.root, "--out", folder)
        self.assertEqual(document, {"out": str(folder), "files": 4, "sentences": 4})
        repeated = {i: [cues[k % len(cues)] for k in range(5)] for i, cues in CUES.items()}
        for ref_id in range(1, 5):
            written = json.loads((folder / f"{ref_id}.json").read_text(encoding="utf-8"))
            self.assertEqual(written, {str(ref_id): repeated[ref_id]})
        back = self.folder / "back.jsonl"
        document = self.json("cues", "import", folder, "--out", back)
        self.assertEqual(document, {"out": str(back), "already_there": False, "sentences": 4,
                                    "cues": 20, "without": 0, "of_other_sentences": 0})
        self.assertEqual(cues_of(back), repeated)
        # The same again, now as the dataset's own: the lines gain their sentences.
        for there in (False, True):
            document = self.json("cues", "import", folder, self.root, "--out", back)
            self.assertEqual(document["already_there"], there)
        texts = [line["sentence"] for line in read_lines(back)]
        self.assertEqual(texts, [MAN, DOG, CAFE, DOG])
        self.assertEqual(self.json("cues", "check", self.root, "--cues", folder)["coverage"], 100.0)

    def test_more_than_five_cues_survive(self):
        self.write_cues({i: [f"cue {k}" for k in range(7)] for i in range(1, 5)})
        self.assertEqual(self.export().returncode, 0)
        written = json.loads((self.folder / "official/1.json").read_text())
        self.assertEqual(written, {"1": [f"cue {k}" for k in range(7)]})

    def test_a_missing_sentence_leaves_nothing(self):
        self.write_cues({i: CUES[i] for i in (1, 2, 4)})
        result = self.export()
        self.assert_fails(result, 1, "no cues for sent_id 3", "ref_id 3", self.out)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["own"])

    def test_a_folder_with_other_things_is_left_alone(self):
        self.make()
        before = files_below(self.root)
        self.assert_fails(self.export(out="own"), 1, self.root)
        self.assertEqual(files_below(self.root), before)
        self.assert_fails(run("cues", "export", self.root), 2, "--out")

    def test_import_takes_the_datasets_sentences_alone(self):
        given = self.folder / "given.jsonl"
        lines = [{"sent_id": i, "cues": ["naïve 犬"]} for i in (2, 4, 70)]
        imported = [{**line, "sentence": DOG} for line in lines[:2]]
        given.write_text("".join(json.dumps(line) + "\n" for line in lines))
        document = self.json("cues", "import", given, self.root)
        self.assertEqual(document, {"out": str(self.out), "already_there": False, "sentences": 2,
                                    "cues": 2, "without": 2, "of_other_sentences": 1})
        self.assertEqual(read_lines(self.out), imported)
        self.assertIn("naïve 犬", self.out.read_text(encoding="utf-8"))
        self.make("--replace")
        before = files_below(self.root)
        result = run("-q", "cues", "import", given, self.root)
        self.assert_fails(result, 1, self.out, "other cues", "--replace")
        self.assertEqual(files_below(self.root), before)
        run_well("cues", "import", given, self.root, "--replace")
        self.assertEqual(read_lines(self.out), imported)

    def test_cues_of_another_dataset_are_refused(self):
        other = self.folder / "other"
        other.mkdir()
        (other / "900.json").write_text(json.dumps({"900": ["a", "b", "c", "d", "e"]}))
        result = run("-q", "cues", "import", other, self.root)
        self.assert_fails(result, 1, other, "another dataset")
        self.assertFalse(self.out.exists())

    def test_damaged_folders_name_the_file(self):
        folder = self.folder / "given"
        folder.mkdir()
        out = self.folder / "out.jsonl"
        self.assert_fails(run("-q", "cues", "import", folder, "--out", out), 1, folder, "no cues")
        path = folder / "1.json"
        for text, words in (("{", "broken JSON"), ("[]", "wanted an object"),
                            ('{"1": ["a"]}', "1 cues, wanted at least 5"),
                            ('{"one": ["a", "b", "c", "d", "e"]}', "no sent_id")):
            with self.subTest(text):
                path.write_text(text)
                result = run("-q", "cues", "import", folder, "--out", out)
                self.assert_fails(result, 1, path, words)
        self.assert_fails(run("-q", "cues", "import", self.folder / "none"), 1, "none")
        self.assertFalse(out.exists())


class Synthetic(Case):
    """A tree in REFER's formats."""

    def test_rules_suit_it_and_go_there_and_back(self):
        out = self.folder / "cues.jsonl"
        document = json.loads(
            run_well("--json", "cues", "make", "--root", SYNTHETIC, "--out", out).stdout
        )
        self.assertEqual(len(cues_of(out)), document["sentences"])
        checked = run_well("--json", "cues", "check", "--root", SYNTHETIC, "--cues", out)
        quality = json.loads(checked.stdout)
        self.assertEqual((quality["coverage"], quality["faults"]), (100.0, 0))
        self.assertEqual(quality["words_said"], 100.0)
        kinds = [finding["kind"] for finding in quality["findings"]]
        self.assertNotIn("cues with words that their sentence does not have", kinds)
        source = ("--root", SYNTHETIC, "--cues", out)
        run_well("cues", "export", *source, "--out", self.folder / "official")
        back = self.folder / "back.jsonl"
        run_well("cues", "import", self.folder / "official", *source[:2], "--out", back)
        mine = {i: [cues[k % len(cues)] for k in range(5)] for i, cues in cues_of(out).items()}
        self.assertEqual(cues_of(back), mine)


class Prompt(Case):
    def test_it_is_the_shipped_file(self):
        shipped = pathlib.Path(__file__).resolve().parents[2] / "configs/cues/prompt.txt"
        self.assertEqual(run_well("cues", "prompt").stdout, shipped.read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
