"""Memory: what --dry-run foretells, and what is said when there is too little."""

import json
import pathlib
import re
import resource
import shutil
import tempfile
import unittest

from program import CONFIGS, Case, make_benchmark, run, run_well, settings, train

BIG = {"data__image_size": 384, "train__batch_size": 32, "data__workers": 1, "data__prefetch": 0}


def setUpModule():
    global ROOT
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_memory_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")


def dry_run(**changes):
    """The document of a dry run."""
    shown = run_well(
        *("-q", "--json", "train", CONFIGS / "clip_plain.yaml", "--root", ROOT, "--dry-run"),
        *settings(**changes),
    )
    return json.loads(shown.stdout)


def address_space(count):
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (count, count))


class DryRun(Case):
    def test_names_each_part(self):
        document = dry_run()
        memory = document["memory"]
        count = document["parameters"]
        self.assertEqual(memory["gradients"], 4 * count)
        self.assertGreaterEqual(memory["weights"], 4 * count)  # and the buffers
        self.assertGreater(memory["moments"], 8 * count)  # two of each, and the steps
        self.assertGreater(memory["activations"], memory["largest_tensor"])
        total = sum(memory[key] for key in ("weights", "gradients", "moments", "activations"))
        self.assertEqual(memory["total"], total)
        self.assertEqual([step["batch_size"] for step in memory["measured"]], [4, 8])
        sizes = {row["batch_size"]: row["total"] for row in memory["batch_sizes"]}
        self.assertEqual(list(sizes), [2, 4, 8, 16, 32])
        self.assertEqual(sizes[8], memory["total"])
        self.assertLess(memory["total"], memory["process_peak"])
        self.assertNotIn("device_peak", memory)

    def test_the_estimate_of_another_size_is_near_what_that_takes(self):
        foretold = {
            row["batch_size"]: row["total"] for row in dry_run()["memory"]["batch_sizes"]
        }
        for size in (16, 32):
            measured = dry_run(train__batch_size=size)["memory"]["total"]
            self.assertLess(abs(foretold[size] - measured), 0.15 * measured, size)

    def test_larger_pictures_need_more(self):
        small = dry_run()["memory"]
        large = dry_run(data__image_size=192)["memory"]
        self.assertGreater(large["activations"], 2 * small["activations"])
        self.assertEqual(large["weights"], small["weights"])

    def test_is_a_table_for_people(self):
        shown = run_well(
            *("-q", "train", CONFIGS / "clip_plain.yaml", "--root", ROOT, "--dry-run"), *settings()
        )
        for word in ("weights ", "gradients ", "moments ", "activations ", "batch of 16", "free "):
            self.assertIn(word, shown.stdout)


class OutOfMemory(Case):
    def too_little(self, *arguments):
        """Trains with an address space in which a smaller batch would fit."""
        need = dry_run(**BIG)["memory"]
        start = self.address_space_at_start()
        limit = start + need["weights"] + need["moments"] + need["step_peak"] // 2
        return train(
            *(ROOT, self.folder / "run", "-q", *arguments),
            changes=BIG,
            preexec_fn=address_space(limit),
        )

    def address_space_at_start(self):
        """Bytes that the program with its libraries and threads takes before the first step."""
        low, high = 0, 16 << 30
        if run("--version", preexec_fn=address_space(high)).returncode != 0:
            self.skipTest("the program reserves more addresses than a limit allows (sanitizer?)")
        while high - low > 64 << 20:
            middle = (low + high) // 2
            done = train(
                *(ROOT, self.folder / "run", "-q", "--dry-run"),
                preexec_fn=address_space(middle),
            )
            low, high = (low, middle) if done.returncode == 0 else (middle, high)
        return high

    def test_one_line_says_which_batch_would_fit(self):
        for arguments in ([], ["--dry-run"]):
            with self.subTest(arguments):
                result = self.too_little(*arguments)
                self.assert_fails(
                    *(result, 1, "out of memory on cpu at step 1: ", " are free for a step"),
                    *("train.recompute=true", "train.accumulate"),
                )
                fits = re.search(r"train\.batch_size=(\d+) would fit", result.stderr)
                self.assertTrue(fits, result.stderr)
                self.assertLess(int(fits[1]), BIG["train__batch_size"])
        if (self.folder / "run").exists():
            self.assertEqual(list((self.folder / "run").rglob("*.safetensors")), [])


if __name__ == "__main__":
    unittest.main()
