"""The page of `pcnet serve` in Chromium: answers, stages, cues, masks, keys, phone, axe's rules.

browser_test.py [--url ADDRESS] [--shots FOLDER]: of a server that runs; pictures of the page.
"""

import argparse
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

import browser

SKIPPED = 77  # CTest's SKIP_RETURN_CODE
LOOKS = {  # width, height, dark
    "desktop_light": (1280, 900, False),
    "phone_dark": (390, 844, True),
    "desktop_dark": (1280, 900, True),  # the last two for pictures alone
    "phone_light": (390, 844, False),
}
NARROWEST = 360
OPTIONS = argparse.Namespace(url=None, shots=None)


def ask(path, body=None):
    """The server's JSON, or the bytes of an image."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=browser.PATIENCE) as answer:
        content = answer.read()
        is_json = "json" in answer.headers["Content-Type"]
    return json.loads(content) if is_json else content


def served(folder):
    """Starts the program on a tiny run and a toy Segment Anything; its address."""
    import toy_sam
    from program import BINARY, make_benchmark, train

    root = make_benchmark(folder / "data")
    # At its start a network finds something for every sentence, after a few steps nothing at all.
    result = train(root, folder / "run", config="pcnet.yaml", changes={"train__max_steps": 0})
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    toy_sam.write(folder / "sam.safetensors", seed=8)  # whose masks of a click differ
    command = [BINARY, "serve", str(folder / "run"), "--port", "0", "--threads", "1",
               "--sam", str(folder / "sam.safetensors")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    unittest.addModuleCleanup(process.wait)
    unittest.addModuleCleanup(process.terminate)
    said = []
    for line in process.stdout:
        said.append(line)
        address = re.search(r"http://[^\s/]+", line)
        if address:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return address[0]
    raise AssertionError(f"serve named no address: {''.join(said)}")


def setUpModule():
    global URL, DRIVER, DOWNLOADS, MODEL, PICTURE, TEXTS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_browser_"))
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    URL = OPTIONS.url.rstrip("/") if OPTIONS.url else served(folder)
    DOWNLOADS = folder / "downloads"
    DOWNLOADS.mkdir()
    DRIVER = browser.start(DOWNLOADS)
    unittest.addModuleCleanup(DRIVER.quit)
    MODEL = ask("/v1/model")
    example, TEXTS = found_texts()
    PICTURE = ask(f"/v1/examples/{example}")
    browser.Page(DRIVER, URL + "/").open()  # where this fails, each test would wait for nothing


def found_texts():
    """An example, and its sentences, of which the first is found and its mask holds its peak."""
    from base64 import b64encode

    for example in ask("/v1/examples"):
        image = b64encode(ask(f"/v1/examples/{example['id']}")).decode()
        texts = example["texts"]
        answers = ask("/v1/predict", {"image": image, "texts": texts})["answers"]
        texts = sorted(texts, key=lambda text: -answers[texts.index(text)]["peak"]["score"])
        if len(texts) < 2 or max(a["peak"]["score"] for a in answers) <= 0:
            continue
        if ask("/v1/predict", {"image": image, "texts": texts[:1] * 2})["collisions"]:
            return example["id"], texts
    raise AssertionError("no sentence of an example is found, with its peak in its mask")


class Case(unittest.TestCase):
    """Each test has the page to itself; at its end the console is silent, and no one else was asked."""

    allowed = ()  # parts of messages of the console that a test provokes

    def setUp(self):
        self.page = browser.Page(DRIVER, URL + "/")
        self.page.console()
        self.page.requested()
        self.page.open()
        self.addCleanup(self.check_silence)

    def check_silence(self):
        messages = [m for m in self.page.console() if not any(part in m for part in self.allowed)]
        self.assertEqual(messages, [])
        strangers = [address for address in self.page.requested()
                     if not address.startswith((URL, f"blob:{URL}", "data:", "about:"))]
        self.assertEqual(strangers, [])

    def answer(self, *texts):
        """Drops the picture, types the texts, and waits."""
        self.page.drop("dropped.png", PICTURE)
        self.page.wait("document.getElementById('caption').textContent.startsWith('dropped.png')")
        for number, text in enumerate(texts):
            if number:
                self.page.find("#add").click()
            self.page.find(f"#text-{number}").send_keys(text)
        self.page.answered(lambda: self.page.find(f"#text-{len(texts) - 1}").send_keys("\n"))

    def asked(self, **more):
        """What the server itself says of the picture."""
        from base64 import b64encode

        return ask("/v1/predict", {"image": b64encode(PICTURE).decode(), **more})["answers"]

    def shown_scores(self):
        return [text.replace("cosine ", "") for text in self.page.texts(".stage .score")]

    def scores_of(self, answer):
        return [f"{stage['peak']['score']:.2f}".replace("-", "−") for stage in answer["stages"]]


class Answers(Case):
    def test_a_dropped_picture_is_answered_stage_by_stage(self):
        self.answer(TEXTS[0])
        (answer,) = self.asked(texts=TEXTS[:1], segmentor=MODEL["default_segmentor"])
        facts = dict(zip(self.page.texts(".facts dt"), self.page.texts(".facts dd"), strict=True))
        self.assertEqual(facts["peak"], f"{answer['peak']['x']}, {answer['peak']['y']}")
        self.assertTrue(facts["mask"].startswith(f"{answer['mask_area']:,} px"), facts)
        self.assertEqual(self.shown_scores(), self.scores_of(answer))
        spoken = self.page.text("#spoken")
        place = f"peak at x {answer['peak']['x']}, y {answer['peak']['y']}, cosine "
        self.assertIn(place, spoken)
        self.assertIn(f"mask {answer['mask_area']:,} pixel", spoken)

    def test_the_slider_shows_other_stages_and_opacity_hides_them(self):
        self.answer(TEXTS[0])
        seen = {self.page.pixels()}
        for _ in range(MODEL["stages"] - 1):
            self.page.find("#stage").send_keys("\ue012")  # left
            seen.add(self.page.pixels())
        self.assertEqual(len(seen), MODEL["stages"])
        self.assertEqual(self.page.text("#stage-text"), f"1 of {MODEL['stages']}")
        before = self.page.pixels()
        self.page.find("#map-opacity").send_keys("\ue011")  # home: 0
        self.assertNotEqual(self.page.pixels(), before)
        self.page.find("#stage").send_keys("\ue014")
        self.assertEqual(self.page.text("#map-opacity-text"), "0 %")

    def test_a_changed_cue_is_asked_and_the_rules_come_back(self):
        self.answer(TEXTS[0])
        before = self.shown_scores()
        field = self.page.find("#cue-0-0")
        self.page.answered(lambda: field.send_keys("\ue009a\ue000", "star\n"))  # all selected
        cues = self.page.run(
            "return [...document.querySelectorAll('.stage input')].map(e => e.value)")
        self.assertEqual(cues[0], "star")
        (answer,) = self.asked(texts=TEXTS[:1], cues=[cues], segmentor=MODEL["default_segmentor"])
        self.assertEqual(self.shown_scores(), self.scores_of(answer))
        self.assertIn("the server still knew the picture", self.page.text("#status"))
        self.page.answered(lambda: self.page.run(
            "[...document.querySelectorAll('button')]"
            ".find(e => e.textContent.includes('by rules')).click()"))
        self.assertEqual(self.shown_scores(), before)

    def test_two_sentences_at_one_place_are_told(self):
        self.answer(TEXTS[0], TEXTS[0])
        self.assertEqual(self.page.texts("#collisions .notice"), ["12point at the same place"])
        self.assertEqual(self.page.texts(".facts .same"), ["same place as2", "same place as1"])
        self.page.find("[aria-label='Remove sentence 2']").click()
        self.assertEqual(self.page.texts("#collisions .notice"), [])

    def test_a_later_question_replaces_one_that_goes_on(self):
        self.answer(TEXTS[0])
        field = self.page.find("#text-0")
        field.send_keys(" star\n")
        field.clear()
        self.page.answered(lambda: field.send_keys(TEXTS[1] + "\n"))
        (answer,) = self.asked(texts=TEXTS[1:2])
        self.page.wait("!document.getElementById('progress').checkVisibility()")
        self.assertEqual(self.shown_scores(), self.scores_of(answer))

    def test_a_pasted_and_a_chosen_picture(self):
        self.page.find("#text-0").send_keys(TEXTS[0])
        self.page.answered(lambda: self.page.paste("pasted.png", PICTURE))
        self.assertTrue(self.page.text("#caption").startswith("pasted.png"))
        with tempfile.NamedTemporaryFile(suffix="_chosen.png") as file:
            file.write(PICTURE)
            file.flush()
            self.page.answered(lambda: self.page.find("#file").send_keys(file.name))
        self.assertIn("_chosen.png", self.page.text("#caption"))

    def test_a_link_with_an_example_answers_at_once(self):
        self.page.open()
        self.page.driver.get("about:blank")
        self.page.driver.get(f"{URL}/#example=0&text={TEXTS[0].replace(' ', '+')}&text=star")
        self.page.wait("document.getElementById('status').textContent.startsWith('Answered')")
        self.assertEqual(self.page.run("return document.querySelectorAll('.facts').length"), 2)


class Masks(Case):
    def download(self, label):
        """The one file that a button of the answer saves."""
        for path in DOWNLOADS.iterdir():
            path.unlink()
        self.page.run("[...document.querySelectorAll('.actions button')]"
                      ".find(e => e.textContent === arguments[0]).click()", label)
        end = time.monotonic() + browser.PATIENCE
        while True:
            # Until it is whole, an empty file holds its name, and another its bytes.
            files = list(DOWNLOADS.iterdir())
            if len(files) == 1 and files[0].suffix in (".png", ".json") and files[0].stat().st_size:
                return files[0]
            self.assertLess(time.monotonic(), end, "no file was saved")
            time.sleep(0.02)

    def test_the_saved_mask_is_the_answers(self):
        import numpy
        from PIL import Image
        from pycocotools import mask

        self.answer(TEXTS[0])
        (answer,) = self.asked(texts=TEXTS[:1], segmentor=MODEL["default_segmentor"])
        with Image.open(self.download("Mask PNG")) as picture:
            self.assertEqual(picture.mode, "L")
            saved = numpy.array(picture)
        self.assertTrue(numpy.array_equal(saved, 255 * mask.decode(answer["segmentation"])))
        self.assertGreater(saved.max(), 0)
        rle = json.loads(self.download("RLE").read_text(encoding="utf-8"))
        self.assertEqual(rle, answer["segmentation"])
        document = json.loads(self.download("JSON").read_text(encoding="utf-8"))
        self.assertEqual(document["peak"], answer["peak"])
        self.assertEqual([stage["cue"] for stage in document["stages"]],
                         [stage["cue"] for stage in answer["stages"]])

    def test_clicks_go_to_segment_anything(self):
        if "sam" not in MODEL["segmentors"]:
            self.skipTest("this server has no Segment Anything")
        self.answer(TEXTS[0])
        self.page.run("document.querySelector('[name=segmentor][value=none]').click()")
        self.page.answered(
            lambda: self.page.run("document.querySelector('[name=segmentor][value=sam]').click()"))
        width, height = self.page.run("return [state.picture.width, state.picture.height]")
        view = self.page.find("#view")
        self.page.run("arguments[0].focus()", view)
        self.page.answered(lambda: view.send_keys("\ue012" * 100 + "\ue013" * 100 + "\n"))
        self.assertIn("Click on the object at x 0, y 0", self.clicked(0, 0, 1))
        from selenium.webdriver import ActionChains, Keys

        corner = ActionChains(DRIVER).key_down(Keys.SHIFT).move_to_element(view).click()
        self.page.answered(lambda: corner.key_up(Keys.SHIFT).perform())
        clicks = self.page.run("return state.active.clicks")
        self.assertEqual(len(clicks), 2)
        self.assertEqual(clicks[1]["label"], 0)
        self.assertAlmostEqual(clicks[1]["x"], width / 2, delta=1)
        self.assertAlmostEqual(clicks[1]["y"], height / 2, delta=1)
        (answer,) = self.asked(texts=TEXTS[:1], segmentor="sam", clicks=[clicks])
        self.assertEqual(self.page.run("return state.active.answer.segmentation"),
                         answer["segmentation"])
        self.page.answered(lambda: self.page.find("#undo").click())
        self.assertEqual(len(self.page.run("return state.active.clicks")), 1)

    def clicked(self, x, y, label):
        self.assertEqual(self.page.run("return state.active.clicks"),
                         [{"x": x, "y": y, "label": label}])
        return f"Click {'on the object' if label else 'beside it'} at x {x}, y {y}"


class Trouble(Case):
    allowed = ("Failed to load resource",)

    def error(self):
        self.page.wait("document.getElementById('error').checkVisibility()")
        return self.page.text("#error-text")

    def test_a_file_that_is_no_picture(self):
        self.page.drop("notes.png", b"no picture")
        self.assertIn("notes.png is not a picture", self.error())
        self.page.find("#close-error").click()
        self.assertFalse(self.page.find("#error").is_displayed())

    def test_nothing_to_ask(self):
        self.page.find("#find").click()
        self.assertIn("Choose a picture", self.error())
        self.page.drop("a.png", PICTURE)
        self.page.wait("state.picture")
        self.page.find("#find").click()
        self.assertIn("Type what should be found", self.error())

    def test_the_servers_own_words_are_shown(self):
        if MODEL["words"] is None:
            self.skipTest("this model knows every word")
        self.page.drop("a.png", PICTURE)
        self.page.wait("state.picture")
        self.page.find("#text-0").send_keys("xylophone")
        self.assertIn("xylophone", self.page.text("#hint-0"))
        self.page.find("#text-0").send_keys("\n")
        self.assertIn("xylophone", self.error())

    def test_a_picture_that_the_server_forgot_is_sent_again(self):
        self.answer(TEXTS[0])
        self.page.run("state.picture.id = '0000000000000000'")
        self.page.answered(lambda: self.page.find("#find").click())
        self.assertFalse(self.page.find("#error").is_displayed())
        self.assertEqual(self.page.run("return document.querySelectorAll('.facts').length"), 1)


class Access(Case):
    def test_everything_by_keys_alone(self):
        first = self.reach("skip")
        self.assertEqual(first, 1, "the skip link comes first")
        DRIVER.switch_to.active_element.send_keys("\n")
        self.assertEqual(self.page.run("return document.activeElement.id"), "text-0")
        self.page.open()
        self.reach("example")
        self.page.answered(lambda: DRIVER.switch_to.active_element.send_keys("\n"))
        if self.page.run("return !document.querySelector('.facts')"):
            self.fail("an example gave no answer")
        self.page.run("document.activeElement.blur(); scrollTo(0, 0)")
        self.reach("#stage")
        DRIVER.switch_to.active_element.send_keys("\ue012")
        self.assertEqual(self.page.text("#stage-text"), f"{MODEL['stages'] - 1} of {MODEL['stages']}")
        self.reach("#cue-0-0")
        self.assertEqual(self.page.text("#stage-text"), f"1 of {MODEL['stages']}")
        self.reach("#add")
        DRIVER.switch_to.active_element.send_keys("\n")
        self.assertEqual(self.page.run("return document.activeElement.id"), "text-1")

    def reach(self, wanted):
        """Tabs to an element of an id (#) or class; how many it took. Each stop shows its focus."""
        from selenium.webdriver import ActionChains, Keys

        for number in range(1, 80):
            ActionChains(DRIVER).send_keys(Keys.TAB).perform()
            at = self.page.run(
                "const e = document.activeElement, shown = e.closest('label') ?? e;"
                "return {id: '#' + e.id, classes: [...e.classList], tag: e.tagName,"
                " outline: getComputedStyle(shown).outlineStyle}")
            self.assertTrue(at["tag"] == "BODY" or at["outline"] != "none", at)
            if at["id"] == wanted or wanted in at["classes"]:
                return number
        raise AssertionError(f"{wanted} is not reached")

    def test_axe_finds_no_fault_and_nothing_is_too_wide(self):
        for name, (width, height, dark) in list(LOOKS.items())[: 4 if OPTIONS.shots else 2]:
            with self.subTest(name):
                self.page.open(width, height, dark)
                self.assertEqual(self.page.violations(), [])
                self.page.shot(OPTIONS.shots, f"{name}_empty")
                self.answer(TEXTS[0])
                self.page.shot(OPTIONS.shots, f"{name}_one")
                self.page.find("#add").click()
                self.page.find("#text-1").send_keys(TEXTS[1])
                self.page.find("#add").click()
                self.page.answered(lambda: self.page.find("#text-2").send_keys(TEXTS[0], "\n"))
                self.page.shot(OPTIONS.shots, f"{name}_three")
                self.page.run("document.querySelectorAll('details').forEach(e => e.open = true)")
                self.page.drop("notes.png", b"no picture")
                self.page.wait("document.getElementById('error').checkVisibility()")
                self.assertEqual(self.page.violations(), [])
                self.page.shot(OPTIONS.shots, f"{name}_error")
                self.assertLessEqual(self.page.width(), width)
                self.page.resize(NARROWEST, height)
                self.assertLessEqual(self.page.width(), NARROWEST)

    def test_the_scheme_is_the_visitors(self):
        grounds = []
        for dark in (False, True):
            self.page.open(dark=dark)
            ground = self.page.run("return getComputedStyle(document.body).backgroundColor")
            grounds.append(sum(map(int, re.findall(r"\d+", ground))))
        self.assertGreater(grounds[0], 600)
        self.assertLess(grounds[1], 150)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a server that runs, in place of one that is started")
    parser.add_argument("--shots", type=pathlib.Path, help="folder for pictures of the page")
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    reason = browser.reason_to_skip()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    if OPTIONS.shots:
        OPTIONS.shots.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
