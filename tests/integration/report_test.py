"""`report`: one page that stands alone, of one run and of two, and of runs that lack something."""

import base64
import html.parser
import json
import pathlib
import pickle
import re
import shutil
import tempfile
import unittest
from urllib.parse import urlsplit

from program import Case, make_benchmark, read_png, run, run_well, train

VOID = {"meta", "img", "br", "line", "circle", "polyline"}
EVIL = "<script>alert('\"&\"')</script>"

# The split with the most sentences, and a rate at which 20 steps find something of them.
CHANGES = {
    "eval__samples": 0,
    "eval__splits": "[train]",
    "train__eval_every": 10,
    "train__learning_rate": 0.003,
}


def setUpModule():
    global ROOT, CLIP, OTHER
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_report_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    CLIP, OTHER = folder / "clip", folder / "other"
    for run_folder, seed in ((CLIP, 1), (OTHER, 2)):
        changes = {**CHANGES, "run__seed": seed}
        result = train(ROOT, run_folder, changes=changes)
        if result.returncode != 0:
            raise AssertionError(result.stderr)


class Page(html.parser.HTMLParser):
    """Takes a page apart; an error for elements that are not closed in order."""

    def __init__(self, path):
        super().__init__()
        self.open, self.pictures, self.addresses = [], [], []
        self.ids, self.tables, self.texts, self.scripts = set(), [], [], 0
        self.charts = 0
        self.feed(path.read_text(encoding="utf-8"))  # strict: no byte that is not UTF-8
        self.close()
        if self.open:
            raise AssertionError(f"never closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if len(values) != len(attributes):
            raise AssertionError(f"an attribute twice: {attributes}")
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            if values["id"] in self.ids:
                raise AssertionError(f"id {values['id']} twice")
            self.ids.add(values["id"])
        self.addresses += [values[name] for name in ("src", "href", "srcset") if name in values]
        self.charts += tag == "svg"
        self.scripts += tag == "script"
        if tag == "img":
            self.pictures.append(values)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID or not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> in {self.open} at {self.getpos()}")

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    def cells(self, row, column):
        """What the tables with such a heading say in rows of this name."""
        found = []
        for table in self.tables:
            if column not in table[0]:
                continue
            found += [line[table[0].index(column)] for line in table[1:] if line[0] == row]
        return found

    def text(self):
        return " ".join(self.texts)


def page_of(path, folder):
    """The page; an error unless it stands alone and its pictures can be read."""
    page = Page(path)
    for address in page.addresses:
        if address.startswith("#"):
            if address[1:] not in page.ids:
                raise AssertionError(f"no place {address}")
            continue
        kind, data = re.fullmatch(r"data:image/(png|jpeg);base64,([A-Za-z0-9+/=]+)", address).groups()
        raw = base64.b64decode(data, validate=True)
        if kind == "png":
            (folder / "picture.png").write_bytes(raw)
            read_png(folder / "picture.png")
        elif raw[:3] != b"\xff\xd8\xff" or raw[-2:] != b"\xff\xd9":
            raise AssertionError("no whole JPEG")
    if any(urlsplit(address).netloc for address in page.addresses):
        raise AssertionError("the page asks the network")
    source = path.read_text()
    if re.search(r"url\(|@import|<link|<iframe", source):
        raise AssertionError("the page asks for another file")
    for picture in page.pictures:
        if not picture["alt"]:
            raise AssertionError("a picture without words")
    return page


class ReportCase(Case):
    def report(self, *arguments):
        out = self.folder / "page.html"
        run_well("-q", "report", *arguments, "--out", out)
        self.assert_no_leftovers(self.folder)
        return page_of(out, self.folder)

    def copy(self, name="run"):
        return pathlib.Path(shutil.copytree(CLIP, self.folder / name))


class One(ReportCase):
    def test_figures_are_those_of_the_results(self):
        page = self.report(CLIP)
        results = json.loads((CLIP / "results.json").read_text())["splits"]["train"]
        for name, key in (("PointM", "point_m"), ("mIoU", "miou"), ("oIoU", "oiou")):
            low, high = results["intervals"][key]
            wanted = f"{results[key]:.1f} [{low:.1f}, {high:.1f}]"
            self.assertEqual(page.cells("clip", name), [wanted])
        for kind, scores in results["kinds"].items():
            (found,) = page.cells(kind, "PointM")
            self.assertTrue(found.startswith(f"{scores['point_m']:.1f} ["), found)
            self.assertEqual(page.cells(kind, "sentences"), [str(scores["sentences"])])
        self.assertEqual(page.cells("run.seed", "value")[0], "1")
        self.assertEqual(page.ids, {"results", "curves", "stages0", "answers0", "configuration",
                                    "environment"})
        for words in ("loss: total", "gradient norm", "learning rate", "PointM of validations",
                      "Successes", "Failures", "ground truth"):
            self.assertIn(words, page.text())
        self.assertNotIn("in results.json", page.text())
        environment = dict(row[:2] for table in page.tables for row in table if len(row) == 2)
        start = json.loads((CLIP / "log.jsonl").read_text().splitlines()[0])["environment"]
        for name in ("torch", "device", "processor", "threads"):
            self.assertEqual(environment[name], str(start[name]))

    def test_the_same_call_writes_the_same_bytes_and_a_seed_other_pictures(self):
        pages = []
        for number, more in enumerate(([], [], ["--seed", 3])):
            out = self.folder / f"{number}.html"
            run_well("-q", "report", CLIP, "--out", out, *more)
            pages.append(out.read_bytes())
        self.assertEqual(pages[0], pages[1])
        self.assertNotEqual(pages[0], pages[2])

    def test_count_and_split_choose_the_pictures(self):
        few = self.report(CLIP, "--count", 1, "--split", "testA")
        many = self.report(CLIP, "--count", 2, "--split", "testA")
        self.assertGreater(len(many.pictures), len(few.pictures))
        self.assertEqual(len(self.report(CLIP, "--count", 0).pictures), 0)
        self.assertIn("pictures of split testA", few.text())
        self.assertEqual(len(few.cells("clip", "PointM")), 2)  # train of results.json, and testA

    def test_without_pictures_neither_model_nor_data_is_needed(self):
        copy = self.copy()
        shutil.rmtree(copy / "checkpoints")
        page = self.report(copy, "--no-pictures", "--root", self.folder / "nowhere")
        self.assertEqual(page.pictures, [])
        self.assertGreater(page.charts, 5)
        self.assertEqual(len(page.cells("run", "PointM")), 1)

    def test_published_figures_stand_beside_those_of_their_split(self):
        copy, root = self.copy(), self.folder / "refcoco"
        (copy / "results.json").unlink()
        more = ("--images", 20, "--dataset", "refcoco", "--difficulty", "easy")
        run_well("-q", "data", "synth", "--out", root, *more)
        page = self.report(copy, "--root", root, "--split", "val", "--count", 1)
        self.assertEqual(page.cells("PCNet_S", "PointM"), ["60.0"])  # Table 1, RefCOCO val
        self.assertEqual(page.cells("PCNet_S", "mIoU"), ["31.3"])
        self.assertEqual(page.cells("Oracle (point)", "mIoU"), [])  # of rows with a segmentor
        self.assertNotIn("published", self.report(CLIP, "--count", 0).text())

    def test_the_page_goes_into_the_run_by_default(self):
        copy = self.copy()
        found = json.loads(run_well("-q", "--json", "report", copy, "--no-pictures").stdout)
        self.assertEqual(found["report"], str(copy / "report.html"))
        self.assertEqual(found["bytes"], (copy / "report.html").stat().st_size)


class Two(ReportCase):
    def test_they_are_compared_as_eval_compares_them(self):
        page = self.report(CLIP, OTHER, "--count", 2)
        command = ["-q", "--json", "eval", "--compare", CLIP, OTHER, "--split", "train"]
        val = json.loads(run_well(*command).stdout)["splits"]["train"]
        (found,) = page.cells("all", "only clip")
        self.assertEqual(found, str(val["hits"]["only_a"]))
        self.assertEqual(page.cells("all", "only other"), [str(val["hits"]["only_b"])])
        difference = val["difference"]["miou"]
        shown = page.cells("mIoU", "difference")[0].replace("\u2212", "-")
        self.assertEqual(float(shown), round(difference, 1))
        self.assertEqual(page.cells("run.seed", "other")[0], "2")
        leads = [entry["text"] for side in ("better_b", "better_a") for entry in val[side]]
        self.assertGreater(len(leads), 5)
        (table,) = (table for table in page.tables if table[0][0] == "sentence")
        self.assertEqual([row[0] for row in table[1:]], leads)
        self.assertIn("Stages, other", page.text())

    def test_two_of_one_name_have_their_whole_paths(self):
        copy = self.copy("clip")
        page = self.report(CLIP, copy, "--no-pictures")
        self.assertEqual(len(page.cells(str(CLIP), "PointM")), 1)
        self.assertEqual(len(page.cells(str(copy), "PointM")), 1)


class Awkward(ReportCase):
    def test_a_run_without_results(self):
        copy = self.copy()
        results = json.loads((copy / "results.json").read_text())["splits"]["train"]
        (copy / "results.json").unlink()
        page = self.report(copy)
        self.assertIn("has no results.json", page.text())
        self.assertTrue(page.cells("run", "PointM")[0].startswith(f"{results['point_m']:.1f} ["))
        page = self.report(copy, "--no-pictures")
        self.assertIn("run has no results", page.text())

    def test_results_of_other_weights_are_told(self):
        copy = self.copy()
        results = json.loads((copy / "results.json").read_text())
        results["splits"]["train"]["point_m"] = 99.9
        (copy / "results.json").write_text(json.dumps(results))
        self.assertIn("99.9 in results.json", self.report(copy).text())

    def test_a_log_that_is_torn_resumed_or_missing(self):
        copy = self.copy()
        log = copy / "log.jsonl"
        text = log.read_text()
        log.write_text(text + '{"event":"resume","step":19}\n' + text.splitlines()[-2][:40])
        page = self.report(copy, "--no-pictures")
        self.assertRegex(page.text(), r"run: [1-9]\d* lines of steps that were done again")
        self.assertIn("and 1 that cannot be read", page.text())
        log.unlink()
        self.assertIn("The log holds no step", self.report(copy, "--no-pictures").text())
        (copy / "config.yaml").unlink()
        self.assert_fails(run("-q", "report", copy), 2, copy, "config.yaml")

    def test_broken_results(self):
        copy = self.copy()
        for text, words in (("{", "broken JSON"), ("[]", "splits"), ('{"splits": 3}', "splits")):
            (copy / "results.json").write_text(text)
            self.assert_fails(run("-q", "report", copy), 1, copy / "results.json", words)
        for text in ('{"splits": {}}', '{"splits": {"train": {"point_m": "<b>", "stages": 3}}}'):
            (copy / "results.json").write_text(text)
            self.report(copy, "--no-pictures")
            self.report(copy, "--count", 1)

    def test_a_missing_dataset_or_run(self):
        out = self.folder / "page.html"
        for arguments, code, words in (
            ([CLIP, "--root", self.folder / "nowhere"], 1, ("nowhere", "--no-pictures")),
            ([self.folder / "nowhere"], 2, ("no run folder",)),
            ([CLIP, "--split", "none"], 1, ("none", "--no-pictures")),
            ([], 2, ("runs",)),
            ([CLIP, "--count", -1], 2, ("--count",)),
        ):
            self.assert_fails(run("-q", "report", *arguments, "--out", out), code, *words)
            self.assertFalse(out.exists())
        self.assert_fails(run("-q", "report", CLIP, "--out", "/nowhere/a.html"), 1, "/nowhere")

    def test_sentences_are_text_and_never_markup(self):
        root = self.folder / "data"
        shutil.copytree(ROOT, root)
        (path,) = root.rglob("refs(*).p")
        refs = pickle.loads(path.read_bytes())
        for ref in refs:
            for sentence in ref["sentences"]:
                for key in ("sent", "raw"):
                    sentence[key] += f" {EVIL} caf\u00e9 \x1b"
        path.write_bytes(pickle.dumps(refs, protocol=2))
        page = self.report(CLIP, OTHER, "--root", root, "--count", 2)
        self.assertEqual(page.scripts, 1)  # the page's own
        self.assertIn(EVIL, page.text())
        self.assertTrue(any(EVIL in picture["alt"] for picture in page.pictures))
        self.assertNotIn("\x1b", (self.folder / "page.html").read_text())


if __name__ == "__main__":
    unittest.main()
