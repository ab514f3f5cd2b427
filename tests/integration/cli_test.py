"""The program's contract: exit codes, help, typo hints, pure JSON, config and doctor."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

BINARY = os.environ["PCNET_BINARY"]


def run(*arguments, cwd=None, **more):
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd, **more
    )


def commands(*path):
    """The commands that `pcnet <path> --help` lists."""
    lines = iter(run(*path, "--help").stdout.splitlines())
    for line in lines:
        if line == "Commands:":
            break
    names = []
    for line in lines:
        if not line.startswith("  "):
            break
        if line[2] != " ":
            names.append(line.split()[0])
    return names


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pcnet_cli_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def assert_fails(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        for line in result.stderr.splitlines():
            self.assertTrue(line.startswith("pcnet: error: "), line)
        for word in words:
            self.assertIn(word, result.stderr)

    def run_json(self, *arguments):
        result = run(*arguments, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)


class Usage(Case):
    def test_folders_are_the_business_of_one_standard_library(self):
        """LibTorch exports a std::filesystem of its own; half of it with half of another crashes."""
        names = self.folder / "bindings"
        run("--version", env={**os.environ, "LD_BIND_NOW": "1", "LD_DEBUG": "bindings",
                              "LD_DEBUG_OUTPUT": str(names)})
        text = "".join(path.read_text() for path in self.folder.glob("bindings*"))
        bound = [line for line in text.splitlines()
                 if "std10filesystem" in line or "NSt10filesystem" in line]
        self.assertTrue(bound)
        for line in bound:
            if f"binding file {BINARY} " in line:
                self.assertIn("libstdc++", line.split(" to ")[1])

    def test_version_names_pcnet_and_torch(self):
        for arguments in (["--version"], ["config", "--version"]):
            result = run(*arguments)
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stdout, r"^pcnet \d+\.\d+\.\d+ \(torch \d+\.\d+.*\)\n$")
            self.assertEqual(result.stderr, "")

    def test_help_of_every_command_has_examples(self):
        paths = [[]]
        for path in paths:
            paths.extend([*path, name] for name in commands(*path))
            for flag in ("-h", "--help"):
                result = run(*path, flag)
                self.assertEqual(result.returncode, 0, path)
                self.assertEqual(result.stderr, "", path)
                self.assertIn("\nExamples:\n  pcnet ", result.stdout, path)
                self.assertIn("--help", result.stdout, path)
        self.assertIn(["config", "show"], paths)
        self.assertIn(["doctor"], paths)

    def test_no_command_shows_help_and_fails(self):
        for path in ([], ["config"]):
            result = run(*path)
            self.assertEqual(result.returncode, 2)
            self.assertEqual(result.stdout, "")
            self.assertIn("Commands:", result.stderr)

    def test_typos_name_the_nearest(self):
        self.assert_fails(run("docter"), 2, 'did you mean "doctor"?', "see `pcnet --help`")
        self.assert_fails(run("config", "shwo", "x"), 2, '"show"', "see `pcnet config --help`")
        self.assert_fails(run("doctor", "--jsn"), 2, "did you mean --json?")
        self.assert_fails(run("config", "docs", "--markdwn=1"), 2, "did you mean --markdown?")
        self.assert_fails(run("xyzzyxyzzy"), 2, "wanted one of")

    def test_wrong_arguments_are_one_line(self):
        for arguments in (
            ["config", "show"],
            ["config", "show", "a", "b"],
            ["doctor", "--threads", "many"],
            ["doctor", "--threads", "-1"],
            ["doctor", "--device"],
            ["doctor", "--device", "gpu"],
            ["doctor", "-v", "-q"],
        ):
            result = run(*arguments)
            self.assert_fails(result, 2)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_global_options_work_on_both_sides_of_the_command(self):
        path = self.write("a.yaml", "")
        for arguments in (
            ["--set", "run.seed=5", "--json", "config", "show", path],
            ["config", "--json", "show", "--set", "run.seed=5", path],
            ["config", "show", path, "--json", "--set", "run.seed=5"],
        ):
            self.assertEqual(self.run_json(*arguments)["values"]["run"]["seed"], 5)

    def test_device_and_threads_become_overrides(self):
        path = self.write("a.yaml", "run: {device: auto, threads: 9}\n")
        shown = self.run_json("config", "show", path, "--json", "--device", "cpu", "--threads", "3")
        self.assertEqual(shown["values"]["run"]["device"], "cpu")
        self.assertEqual(shown["values"]["run"]["threads"], 3)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk_is_no_success(self):
        for arguments in (["--version"], ["--help"], ["config", "docs"], ["doctor", "--json"]):
            with open("/dev/full", "w") as full:
                result = subprocess.run(
                    [BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, text=True
                )
            self.assertEqual(result.returncode, 1, arguments)
            self.assertRegex(result.stderr, r"^pcnet: error: cannot write the result to stdout.*\n$")

    def test_a_closed_stdout_is_no_success(self):
        result = subprocess.run(
            [BINARY, "config", "docs"],
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.close(1),
        )
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write the result to stdout", result.stderr)

    def test_a_reader_that_leaves_is_no_crash(self):
        with subprocess.Popen(
            [BINARY, "config", "docs"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            process.stdout.close()
            process.stderr.read()
            self.assertNotEqual(process.wait(), -signal.SIGPIPE)


class Config(Case):
    def test_show_gives_every_value_its_origin(self):
        self.write("base.yaml", "train:\n  epochs: 2\n")
        self.write("a.yaml", "extends: base.yaml\ntrain: {batch_size: 8}\n")
        result = run("config", "show", "a.yaml", "--set", "run.seed=3", cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"\n  batch_size: 8 +# a\.yaml:2\n")
        self.assertRegex(result.stdout, r"\n  epochs: 2 +# base\.yaml:2\n")
        self.assertRegex(result.stdout, r"\n  seed: 3 +# --set\n")
        self.assertRegex(result.stdout, r"\n  image_size: 320 +# default\n")

    def test_show_can_be_read_again(self):
        self.write("a.yaml", "train: {batch_size: 8, learning_rate: 0.3}\n")
        shown = run("config", "show", "a.yaml", cwd=self.folder).stdout
        self.write("run/config.yaml", shown)
        self.assertEqual(self.run_json("config", "diff", "a.yaml", "run", "--json"), [])

    def test_show_reads_a_pipe(self):
        result = run("config", "show", "/dev/stdin", "--json", input="train: {batch_size: 8}\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["values"]["train"]["batch_size"], 8)

    def test_show_json_has_values_and_origins(self):
        self.write("a.yaml", "train: {batch_size: 8}\n")
        shown = self.run_json("config", "show", "a.yaml", "--json")
        self.assertEqual(list(shown), ["values", "origins"])
        self.assertEqual(shown["values"]["train"]["batch_size"], 8)
        self.assertEqual(shown["origins"]["train.batch_size"], "a.yaml:1")

    def test_every_fault_is_a_line(self):
        self.write("a.yaml", "train: {batch_sise: 8, epochs: x}\n")
        result = run("config", "show", "a.yaml", "--json", cwd=self.folder)
        self.assert_fails(result, 2, 'a.yaml:1: unknown key "train.batch_sise"', "train.epochs")
        self.assertEqual(len(result.stderr.splitlines()), 2)

    def test_a_missing_file_is_an_error(self):
        self.assert_fails(run("config", "show", "none.yaml", "--json"), 2, "none.yaml")

    def test_diff_shows_only_what_differs(self):
        self.write("a.yaml", "train: {batch_size: 8}\n")
        self.write("b.yaml", "train: {batch_size: 16}\nrun: {seed: 1}\n")
        result = run("config", "diff", "a.yaml", "b.yaml", cwd=self.folder)
        self.assertEqual(result.returncode, 0)
        rows = [line.split() for line in result.stdout.splitlines()]
        self.assertEqual(rows, [["train.batch_size", "8", "16"], ["run.seed", "0", "1"]])
        self.assertEqual(
            self.run_json("config", "diff", "a.yaml", "b.yaml", "--json")[1],
            {"key": "run.seed", "left": "0", "right": "1"},
        )

    def test_docs_have_every_key_in_three_forms(self):
        keys = self.run_json("config", "docs", "--json")
        self.assertEqual(
            list(keys[0]), ["key", "type", "unit", "default", "range", "source", "help", "affects", "packed"]
        )
        text = run("config", "docs").stdout
        table = run("config", "docs", "--markdown").stdout
        for entry in keys:
            self.assertIn(entry["key"] + "\n", text)
            self.assertIn("| `" + entry["key"] + "` |", table)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        page = pathlib.Path(__file__).parents[2] / "docs/configuration.md"
        self.assertEqual(table, page.read_text(encoding="utf-8"),
                         "renew it: pcnet config docs --markdown > docs/configuration.md")


class Doctor(Case):
    def test_json_holds_what_was_examined(self):
        found = self.run_json("doctor", "--json", "--threads", "1")
        self.assertEqual(found["processor"]["threads"], 1)
        self.assertTrue(any(finding.startswith("one thread") for finding in found["findings"]))
        self.assertGreater(found["memory"]["total"], found["memory"]["available"])
        self.assertLessEqual(found["processor"]["usable_cores"], found["processor"]["cores"])
        self.assertEqual(found["cuda"]["available"], bool(found["cuda"]["devices"]))
        self.assertEqual(found["cue_sources"][0], "rules")
        self.assertEqual(found["disk"][0]["folder"], str(self.folder.resolve()))

    def test_affinity_limits_the_threads(self):
        one = {min(os.sched_getaffinity(0))}
        result = run("doctor", "--json", preexec_fn=lambda: os.sched_setaffinity(0, one))
        found = json.loads(result.stdout)
        self.assertEqual(found["processor"]["usable_cores"], 1)
        self.assertEqual(found["processor"]["threads"], 1)

    def test_omp_num_threads_counts_where_no_threads_are_asked_for(self):
        environment = {**os.environ, "OMP_NUM_THREADS": "3"}
        result = run("doctor", "--json", env=environment)
        self.assertEqual(json.loads(result.stdout)["processor"]["threads"], 3)
        self.assertEqual(result.stderr, "")  # no library complains of more threads than cores
        shown = json.loads(run("doctor", "--json", "--threads", "2", env=environment).stdout)
        self.assertEqual(shown["processor"]["threads"], 2)
        self.assertTrue(any("OMP_NUM_THREADS=3 is not used" in f for f in shown["findings"]))

    def test_the_users_way_of_waiting_wins_and_is_shown(self):
        environment = {**os.environ, "GOMP_SPINCOUNT": "300000"}
        shown = json.loads(run("doctor", "--json", "--threads", "2", env=environment).stdout)
        self.assertEqual(shown["processor"]["gomp_spincount"], "300000")
        self.assertFalse(shown["processor"]["watched_for_crowding"])
        self.assertTrue(any("GOMP_SPINCOUNT=300000" in f for f in shown["findings"]))

    def test_text_names_the_versions(self):
        result = run("doctor")
        self.assertEqual(result.returncode, 0, result.stderr)
        for word in ("pcnet", "torch", "OpenCV", "compiler", "glibc", "memory", "disk"):
            self.assertIn("\n" + word, "\n" + result.stdout)

    def test_cuda_without_cuda_says_why(self):
        if self.run_json("doctor", "--json")["cuda"]["available"]:
            self.skipTest("there is a CUDA device")
        self.assert_fails(run("doctor", "--device", "cuda"), 2, "device cuda", "use cpu or auto")


if __name__ == "__main__":
    unittest.main()
