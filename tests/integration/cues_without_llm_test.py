"""A build with PCNET_WITH_LLM=OFF: cues by rules work, asking a language model is one clear error."""

import json
import unittest

from cue_case import SENTENCES, cues_by_rules, cues_of, write_sentences
from program import Case, run, run_well


class WithoutLlm(Case):
    def test_asking_a_language_model_is_one_error(self):
        root = write_sentences(self.folder / "own", SENTENCES)
        asked = ("--source", "llm", "--endpoint", "http://127.0.0.1:9")
        for what in ((root,), ("--text", "left dog")):
            result = run("cues", "make", *what, *asked)
            self.assert_fails(result, 2, "--source rules", "libcurl", "PCNET_WITH_LLM=ON")
        self.assertEqual([path.name for path in root.iterdir()], ["annotations.jsonl"])

    def test_the_rules_and_the_prompt_are_there(self):
        root = write_sentences(self.folder / "own", SENTENCES)
        run_well("cues", "make", root)
        self.assertEqual(cues_of(root / "cues.jsonl")[1], cues_by_rules(SENTENCES[0]))
        self.assertIn("[question]", run_well("cues", "prompt").stdout)

    def test_doctor_names_it(self):
        self.assertEqual(json.loads(run_well("--json", "doctor").stdout)["cue_sources"], ["rules"])
        self.assertIn("PCNET_WITH_LLM=OFF", run_well("doctor").stdout)


if __name__ == "__main__":
    unittest.main()
