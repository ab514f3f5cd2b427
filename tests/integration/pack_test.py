"""`pcnet data pack`: a pack is as good as its dataset, refused when it is not, survives stops."""

import json
import pathlib
import pickle
import random
import shutil
import signal
import tempfile
import unittest

from program import (
    BINARY,
    CONFIGS,
    Case,
    broken_copy,
    file_limit,
    files_below,
    make_benchmark,
    pictures_of,
    read_lines,
    read_png,
    read_safetensors,
    run,
    run_well,
    settings,
    started,
    steps_of,
    train,
    wait_for,
    write_png,
)

LARGE = ("--set", "data.image_size=320")
SKIP = ("--set", "data.on_bad_image=skip")
BYTES = 3 * 320 * 320  # of a picture in the large pack


def setUpModule():
    global ROOT, PACK, MANY, WHOLE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_pack_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT, PACK = make_benchmark(folder / "data"), folder / "data.pack"
    pack_well(ROOT, PACK)
    MANY, WHOLE = folder / "many", folder / "many.pack"
    run_well("-q", "data", "synth", "--out", MANY, "--images", 600, "--difficulty", "easy")
    pack_well(MANY, WHOLE, *LARGE)


def pack_arguments(root, out, *more, config="clip_plain.yaml"):
    return ("data", "pack", CONFIGS / config, "--root", root, "--out", out, *more)


def pack(root, out, *more, config="clip_plain.yaml", **options):
    return run("-q", *pack_arguments(root, out, *more, config=config), **options)


def pack_well(root, out, *more, config="clip_plain.yaml"):
    result = run_well("-q", "--json", *pack_arguments(root, out, *more, config=config))
    return json.loads(result.stdout)


def train_packed(path, folder, *arguments, config="clip_plain.yaml", changes=None):
    return run(
        *("train", CONFIGS / config, "--pack", path, "--run", folder, *arguments),
        *settings(**(changes or {})),
    )


def partial_of(path):
    return path.with_name(path.name + ".partial")


def written(path):
    """Bytes that take room: the file has its length from the first moment."""
    return path.stat().st_blocks * 512 if path.exists() else 0


def same_bytes(one, other):
    return one.read_bytes() == other.read_bytes()


def without_paths(results):
    results = json.loads(json.dumps(results))
    results.pop("checkpoint", None)
    return {key: results[key] for key in ("splits",)}


class Same(Case):
    """From the files and from the pack: the same numbers."""

    def assert_same_run(self, one, other):
        curves = [
            [(step["step"], step["epoch"], step["lr"], step["loss"]) for step in steps_of(folder)]
            for folder in (one, other)
        ]
        self.assertGreater(len(curves[0]), 0)
        self.assertEqual(curves[0], curves[1])
        for name in ("last", "best"):
            path = f"checkpoints/{name}.safetensors"
            self.assertTrue(
                read_safetensors(one / path)[1] == read_safetensors(other / path)[1], name
            )
        documents = [json.loads((run / "results.json").read_text()) for run in (one, other)]
        self.assertEqual(*map(without_paths, documents))

    def assert_trains_alike(self, root, path, config="clip_plain.yaml", changes=None):
        files, packed = self.folder / "files", self.folder / "packed"
        for result in (
            train(root, files, config=config, changes=changes),
            train_packed(path, packed, config=config, changes=changes),
        ):
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_run(files, packed)

    def test_image_text_training(self):
        self.assert_trains_alike(ROOT, PACK)

    def test_the_first_stage(self):
        path = self.folder / "tris.pack"
        pack_well(ROOT, path, config="tris.yaml")
        self.assert_trains_alike(ROOT, path, config="tris.yaml")

    def test_without_a_cache(self):
        self.assert_trains_alike(ROOT, PACK, changes={"data__cache": "none"})

    def test_broken_pictures_that_are_skipped(self):
        root, path = broken_copy(ROOT, self.folder, 2), self.folder / "broken.pack"
        self.assert_fails(pack(root, path), 1, "image_id 1", "on_bad_image")
        self.assertEqual(pack_well(root, path, *SKIP)["unreadable"], 2)
        self.assert_trains_alike(root, path, changes={"data__on_bad_image": "skip"})
        result = train_packed(path, self.folder / "strict", "-q", changes={"train__max_steps": 9})
        self.assert_fails(result, 1, "image_id", "on_bad_image")

    def test_a_run_of_files_goes_on_from_the_pack(self):
        whole, run_folder = self.folder / "whole", self.folder / "run"
        changes = {"train__checkpoint_every": 5}
        self.assertEqual(train(ROOT, whole, changes=changes).returncode, 0)
        command = [BINARY, "train", CONFIGS / "clip_plain.yaml", "--root", ROOT, "--run", run_folder]
        command += [*settings(**changes), "--threads", "1"]
        last = run_folder / "checkpoints/last.safetensors"
        with started([str(part) for part in command]) as process:
            wait_for(last.exists, process)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        result = train_packed(PACK, run_folder, "--resume", "auto", changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_run(whole, run_folder)

    def test_evaluation(self):
        folder = self.folder / "run"
        self.assertEqual(train(ROOT, folder).returncode, 0)
        for segmentor in ("none", "proposal", "oracle-proposal"):
            found = []
            for source in (("--root", ROOT), ("--pack", PACK)):
                lines = self.folder / f"{source[0]}.{segmentor}.jsonl"
                shown = run_well(
                    *("-q", "--json", "eval", folder, *source),
                    *("--segmentor", segmentor, "--per-sentence", lines),
                )
                found.append((without_paths(json.loads(shown.stdout)), read_lines(lines)))
            self.assertGreater(len(found[0][1]), 0)
            self.assertEqual(found[0], found[1], segmentor)


class Alone(Case):
    def test_the_dataset_may_be_gone(self):
        root, path = self.folder / "data", self.folder / "a.pack"
        shutil.copytree(ROOT, root)
        pack_well(root, path)
        before = json.loads(
            run_well("--json", "data", "stats", CONFIGS / "clip_plain.yaml", "--root", root).stdout
        )
        of_files = self.folder / "of_files"
        self.assertEqual(train(root, of_files).returncode, 0)
        root.rename(self.folder / "elsewhere")
        folder = self.folder / "run"
        self.assertEqual(train_packed(path, folder).returncode, 0)
        shown = json.loads(run_well("-q", "--json", "eval", folder, "--pack", path).stdout)
        self.assertGreater(shown["splits"]["val"]["sentences"], 0)
        result = run_well("--json", "eval", of_files, "--pack", path)  # its data.root is no more
        self.assertIn("warning: no dataset folder", result.stderr)
        self.assertEqual(without_paths(json.loads(result.stdout)), without_paths(shown))
        for source in ((CONFIGS / "clip_plain.yaml", "--pack", path), (path,)):  # it knows its settings
            after = json.loads(run_well("--json", "data", "stats", *source).stdout)
            self.assertEqual(after, before)
        drawn = json.loads(
            run_well("--json", "data", "show", "--pack", path, cwd=self.folder).stdout
        )
        size = read_png(self.folder / drawn["out"])
        self.assertEqual(size, (drawn["width"], drawn["height"], 3))
        checked = json.loads(run_well("--json", "data", "check", "--pack", path).stdout)
        self.assertEqual((checked["faults"], checked["counts"]["pictures"]), (0, 40))


class Tree(Case):
    """A copy of the benchmark with its pack."""

    def setUp(self):
        super().setUp()
        self.root, self.path = self.folder / "data", self.folder / "a.pack"
        shutil.copytree(ROOT, self.root)
        pack_well(self.root, self.path)
        self.tables = self.root / "refsynth"

    def change_lines(self, name, key):
        path = self.tables / name
        lines = read_lines(path)
        lines[0][key] = lines[1][key]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def change_references(self):
        path = self.tables / "refs(unc).p"
        refs = pickle.loads(path.read_bytes())
        refs[0]["sentences"][0].update(sent="a thing", raw="a thing", tokens=["a", "thing"])
        path.write_bytes(pickle.dumps(refs, protocol=2))

    def change_objects(self):
        path = self.tables / "instances.json"
        document = json.loads(path.read_text())
        document["annotations"][0]["area"] += 1
        path.write_text(json.dumps(document))

    def changes(self):
        """Each kind of source with what changes it."""
        return {
            "references": ("refs(unc).p", self.change_references),
            "objects": ("instances.json", self.change_objects),
            "cues": ("cues.jsonl", lambda: self.change_lines("cues.jsonl", "cues")),
            "proposals": (
                "proposals.jsonl",
                lambda: self.change_lines("proposals.jsonl", "proposals"),
            ),
        }


class Again(Tree):
    def test_what_is_there_is_left_alone(self):
        before = files_below(self.folder)
        self.assertTrue(pack_well(self.root, self.path)["already_there"])
        self.assertIn("already", pack(self.root, self.path).stdout)
        self.assertEqual(files_below(self.folder), before)

    def test_other_settings_are_refused_until_replaced(self):
        before = self.path.read_bytes()
        other = ("--set", "data.image_size=64")
        words = (self.path, "data.image_size is 64", "96", "--replace")
        self.assert_fails(pack(self.root, self.path, *other), 1, *words)
        self.assertEqual(self.path.read_bytes(), before)
        done = pack_well(self.root, self.path, "--replace", *other)
        self.assertEqual((done["already_there"], done["key"]["image_size"]), (False, 64))

    def test_changed_annotations_are_refused_until_replaced(self):
        for kind, (name, change) in self.changes().items():
            with self.subTest(kind):
                before = self.path.read_bytes()
                change()
                result = pack(self.root, self.path)
                self.assert_fails(result, 1, f"the {kind} in", name, "--replace")
                self.assertEqual(self.path.read_bytes(), before)
                self.assertFalse(pack_well(self.root, self.path, "--replace")["already_there"])

    def test_a_changed_picture_is_refused_until_replaced(self):
        write_png(pictures_of(self.root)[0], 80, 80)
        self.assert_fails(pack(self.root, self.path), 1, "1 image of", "--replace")
        pack_well(self.root, self.path, "--replace")
        self.assertTrue(pack_well(self.root, self.path)["already_there"])

    def test_another_file_is_never_overwritten(self):
        for content in (b"", b"dear", b"x" * 100_000):
            letter = self.folder / "letter"
            letter.write_bytes(content)
            for more in ((), ("--replace",)):
                self.assert_fails(pack(self.root, letter, *more), 1, letter, "no pack")
                self.assertEqual(letter.read_bytes(), content)
                self.assertFalse(partial_of(letter).exists())


class Names(Case):
    def test_data_is_named_by_a_folder_or_by_a_pack(self):
        for data in (ROOT, PACK):
            shown = run_well("-q", "data", "check", data).stdout
            self.assertIn(f"{data}", shown)
            self.assertTrue(shown.endswith("\nno fault found\n"), shown)
        blind = ("-q", "eval", "--baseline", "centre")
        from_files = run_well(*blind, "--root", ROOT).stdout
        self.assertEqual(run_well(*blind, "--pack", PACK).stdout, from_files)

    def test_out_may_lie_in_a_new_folder_and_must_be_a_file(self):
        out = self.folder / "new folder/a.pack"
        pack_well(ROOT, out)
        self.assertTrue(same_bytes(out, PACK))
        self.assert_fails(pack(ROOT, self.folder), 1, self.folder, "folder")
        self.assert_fails(pack(ROOT, ""), 2, "--out")
        link = self.folder / "link.pack"
        link.symlink_to(out)
        pack_well(ROOT, link, "--replace", "--set", "data.image_size=64")
        self.assertTrue(link.is_symlink())
        self.assertFalse(same_bytes(out, PACK))

    def test_packs_are_not_packed_or_converted(self):
        out = self.folder / "out"
        self.assert_fails(run("-q", "data", "pack", PACK, "--out", out), 2, "data.pack", PACK)
        result = run("-q", "data", "convert", PACK, "--to", "custom", "--out", out)
        self.assert_fails(result, 2, "cannot convert the pack", PACK)
        self.assertFalse(out.exists())

    def test_another_partial_is_left_alone(self):
        path = self.folder / "a.pack"
        partial_of(path).write_text("dear diary")
        self.assert_fails(pack(ROOT, path), 1, partial_of(path), "no unfinished pack")
        self.assertEqual(partial_of(path).read_text(), "dear diary")

    def test_a_pack_that_another_program_wrote_is_read(self):
        seeds = pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus/pack"
        checked = json.loads(run_well("-q", "--json", "data", "check", seeds / "whole").stdout)
        counts = {"pictures": 1, "objects": 2, "references": 2, "sentences": 2}
        self.assertEqual((checked["faults"], checked["counts"]), (0, counts))


class Stale(Tree):
    def assert_refused(self, *words, code=1, arguments=(), changes=None):
        folder = self.folder / "run"
        result = train_packed(self.path, folder, "-q", *arguments, changes=changes)
        self.assert_fails(result, code, self.path, *words)
        self.assertFalse(folder.exists(), "nothing was trained")

    def test_changed_files_are_refused(self):
        for kind, (name, change) in self.changes().items():
            with self.subTest(kind):
                before = (self.tables / name).read_bytes()
                change()
                self.assert_refused(f"the {kind} in", name, arguments=("--root", self.root))
                (self.tables / name).write_bytes(before)

    def test_the_time_of_a_file_says_nothing(self):
        for path in [*self.tables.iterdir(), *pictures_of(self.root)]:
            path.touch()
        changes = {"train__max_steps": 2}
        result = train_packed(
            self.path, self.folder / "run", "--root", self.root, changes=changes
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        run_well("data", "check", "--pack", self.path, "--root", self.root)
        self.assertTrue(pack_well(self.root, self.path)["already_there"])

    def test_other_settings_are_named(self):
        for key, value in (
            ("data.image_size", 64),
            ("data.text_length", 12),
            ("data.truncate", "cut"),
            ("data.proposal_filter.most", 7),
        ):
            with self.subTest(key):
                changes = {key.replace(".", "__"): value}
                self.assert_refused(key, f"is {value}", changes=changes)

    def test_another_tokenizer_is_named(self):
        self.assert_refused("bpe", changes={"model__clip__text__tokenizer": "bpe"})


class Stopped(Case):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "a.pack"
        self.partial = partial_of(self.path)

    def start(self, *more, root=None):
        command = [BINARY, *pack_arguments(root or MANY, self.path, *LARGE, *more)]
        return started([str(part) for part in [*command, "--threads", "1"]])

    def stop(self, number, code, pictures=100, root=None):
        with self.start(root=root) as process:
            wait_for(lambda: written(self.partial) >= pictures * BYTES, process)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, errors)
        self.assertFalse(self.path.exists())
        self.assertTrue(self.partial.exists())
        return errors

    def assert_finishes(self, least=1):
        done = pack_well(MANY, self.path, *LARGE)
        self.assertGreaterEqual(done["taken_over"], least)
        self.assertTrue(same_bytes(self.path, WHOLE))
        self.assertFalse(self.partial.exists())

    def test_interrupted_it_goes_on(self):
        self.assertIn("the same command goes on", self.stop(signal.SIGINT, 130))
        result = train_packed(self.partial, self.folder / "run", "-q")
        self.assert_fails(result, 1, self.partial)
        self.assert_fails(run("-q", "data", "check", "--pack", self.partial), 1, self.partial)
        self.assert_finishes(least=90)

    def test_killed_at_any_moment_it_goes_on(self):
        generator = random.Random(5)
        for _ in range(3):
            with self.start() as process:
                pictures = generator.randrange(1, 450)
                wait_for(lambda: written(self.partial) >= pictures * BYTES, process)
                process.kill()
        self.assert_finishes()

    def test_a_partial_of_other_settings_is_begun_anew(self):
        self.stop(signal.SIGINT, 130)
        other = ("--set", "data.image_size=64")
        result = run(*pack_arguments(MANY, self.path, *other))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("warning: ", result.stderr)
        self.assertIn("begun anew", result.stderr)
        fresh = self.folder / "fresh.pack"
        pack_well(MANY, fresh, *other)
        self.assertTrue(same_bytes(self.path, fresh))

    def test_a_picture_that_changed_meanwhile_is_packed_as_it_is_now(self):
        root = self.folder / "data"
        shutil.copytree(MANY, root)
        self.stop(signal.SIGINT, 130, root=root)
        write_png(pictures_of(root)[0], 80, 80)
        pack_well(root, self.path, *LARGE)
        fresh = self.folder / "fresh.pack"
        pack_well(root, fresh, *LARGE)
        self.assertTrue(same_bytes(self.path, fresh))

    def test_one_process_at_a_time(self):
        with self.start() as process:
            wait_for(lambda: written(self.partial) >= BYTES, process)
            process.send_signal(signal.SIGSTOP)
            result = pack(MANY, self.path, *LARGE)
            self.assert_fails(result, 1, "another process is writing", self.path)
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertTrue(same_bytes(self.path, WHOLE))

    def test_a_full_disk(self):
        # The limit is beyond the pictures: what follows them does not fit.
        limit = WHOLE.stat().st_size - 100_000
        result = pack(MANY, self.path, *LARGE, preexec_fn=file_limit(limit))
        self.assert_fails(result, 1, "cannot write", self.partial, "File too large")
        self.assertFalse(self.path.exists())
        self.assert_finishes(least=600)

    def test_the_number_of_threads_does_not_matter(self):
        command = map(str, pack_arguments(ROOT, self.path))
        with started([BINARY, *command, "--threads", "5"]) as process:
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertTrue(same_bytes(self.path, PACK))


class Damage(Case):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "a.pack"
        self.content = PACK.read_bytes()

    def check(self):
        return run("-q", "data", "check", "--pack", self.path)

    def assert_unusable(self):
        self.assert_fails(self.check(), 1, self.path)
        result = train_packed(self.path, self.folder / "run", "-q")
        self.assert_fails(result, 1, self.path)

    def flip(self, at):
        content = bytearray(self.content)
        content[at] ^= 0x40
        self.path.write_bytes(content)

    def test_cut_at_any_length(self):
        size = len(self.content)
        lengths = [0, 1, 7, 8, 100, 4095, 4096, 5000, size // 2, size - 4096, size - 1]
        for length in lengths:
            with self.subTest(length):
                self.path.write_bytes(self.content[:length])
                self.assert_unusable()

    def test_a_flipped_byte_in_the_header(self):
        for at in range(0, 64, 3):
            with self.subTest(at):
                self.flip(at)
                self.assert_fails(self.check(), 1, self.path)

    def test_a_flipped_byte_in_the_index(self):
        for text in (b"refsynth_000000000003.png", b'"image_size"'):
            with self.subTest(text):
                self.flip(self.content.index(text))
                self.assert_unusable()

    def test_a_flipped_byte_in_a_picture(self):
        self.flip(8192 + 20 * 3 * 96 * 96 + 11)
        result = self.check()
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("FAULT  damaged image or proposals: 1\n", result.stdout)
        result = train_packed(self.path, self.folder / "run", "-q")
        self.assert_fails(result, 1, self.path, "damaged")

    def test_any_flipped_byte_is_seen(self):
        generator = random.Random(3)
        end = self.content.index(b"refsynth_000000000001.png")
        places = [generator.randrange(8192 + 40 * 3 * 96 * 96, end) for _ in range(12)]
        for at in places:  # proposals, masks, texts
            with self.subTest(at):
                self.flip(at)
                result = self.check()
                padding = self.content[at - 1 : at + 2] == b"\0\0\0"
                self.assertIn(result.returncode, (0, 1) if padding else (1,), result.stderr)

    def test_what_is_no_pack(self):
        self.path.write_text("dear\n")
        self.assert_unusable()
        self.path.write_text("dear " * 5000)
        self.assert_unusable()
        self.path.unlink()
        self.assert_unusable()
        self.path.mkdir()
        self.assert_unusable()


class Documents(Case):
    def test_the_figures_of_packing_and_checking(self):
        path = self.folder / "a.pack"
        done = pack_well(ROOT, path)
        checked = json.loads(run_well("-q", "--json", "data", "check", "--pack", path).stdout)
        files = json.loads(run_well("-q", "--json", "data", "check", "--root", ROOT).stdout)
        self.assertEqual(checked["counts"], files["counts"])
        for name, count in files["counts"].items():
            self.assertEqual(done[name], count, name)
        self.assertEqual(done["bytes"], path.stat().st_size)
        self.assertEqual((done["unreadable"], done["unused"], done["taken_over"]), (0, 0, 0))
        self.assertEqual(done["pictures_with_proposals"], 40)
        self.assertEqual((done["out"], done["already_there"]), (str(path), False))
        self.assertEqual((checked["faults"], checked["findings"]), (0, []))


if __name__ == "__main__":
    unittest.main()
