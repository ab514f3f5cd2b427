"""A headless Chromium that opens the page of `pcnet serve`, as browser_test.py needs it."""

import base64
import importlib.util
import json
import os
import pathlib
import shutil
import time

PATIENCE = 30  # seconds


def reason_to_skip():
    """What is missing for the test; empty: nothing."""
    for name in ("chromium", "chromedriver"):
        path = shutil.which(name)
        if not path or "/snap/" in os.path.realpath(path):
            return f"no {name} of a Debian package: run scripts/setup.sh --browser"
    for module in ("selenium", "pycocotools", "PIL", "axe_playwright_python"):
        if not importlib.util.find_spec(module):
            return f"this Python has no {module}: run scripts/setup.sh"
    return ""


def axe_rules():
    """axe-core's script; the package that holds it is for another driver and is not imported."""
    spec = importlib.util.find_spec("axe_playwright_python")
    return (pathlib.Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def start(downloads):
    """A browser that notes its console and its requests, and saves downloads to a folder."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    # Its sandbox needs rights that containers lack; the pages are our own. No calls home.
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                     "disable-background-networking", "no-first-run", "window-size=1280,900"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    driver.set_script_timeout(PATIENCE)
    return driver


class Page:
    """The opened page: what a visitor does, and what a visitor sees."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url

    def open(self, width=1280, height=900, dark=False):
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        self.driver.get("about:blank")  # the same address again, after a #, would load nothing
        self.driver.get(self.url)
        self.wait("[...document.querySelectorAll('.example img')].every(i => i.naturalWidth)"
                  " && document.querySelector('.example')")

    def resize(self, width, height):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": width < 600})

    def width(self):
        """What the content takes, more than the window's where something is too wide."""
        return self.run("return document.documentElement.scrollWidth")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        """Until a JavaScript expression holds; an error that shows what the page says otherwise."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > end:
                said = self.text("#status"), self.text("#error-text")
                raise AssertionError(f"waited too long for {condition}; the page says {said}")
            time.sleep(0.02)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def texts(self, selector):
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
        )

    def drop(self, name, content, kind="image/png"):
        """A file that is let go above the page."""
        self.run(
            "const bytes = Uint8Array.from(atob(arguments[1]), c => c.charCodeAt(0));"
            "const transfer = new DataTransfer();"
            "transfer.items.add(new File([bytes], arguments[0], {type: arguments[2]}));"
            "for (const kind of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent("
            "new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));",
            name, base64.b64encode(content).decode(), kind,
        )

    def paste(self, name, content):
        self.run(
            "const bytes = Uint8Array.from(atob(arguments[1]), c => c.charCodeAt(0));"
            "const transfer = new DataTransfer();"
            "transfer.items.add(new File([bytes], arguments[0], {type: 'image/png'}));"
            "document.body.dispatchEvent("
            "new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true}));",
            name, base64.b64encode(content).decode(),
        )

    def answered(self, act):
        """Acts, and waits for the answer to that."""
        self.run("document.getElementById('status').textContent = ''")
        act()
        self.wait("document.getElementById('status').textContent.startsWith('Answered')"
                  " || document.getElementById('error').checkVisibility()")
        if self.text("#error-text"):
            raise AssertionError(f"the page says {self.text('#error-text')}")

    def pixels(self):
        """The canvas as it is drawn now."""
        return self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() =>"
            " done(document.getElementById('view').toDataURL())))"
        )

    def violations(self):
        """axe-core's, a line each."""
        self.run(axe_rules())
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(r => done(r.violations), e => done(String(e)))"
        )
        if isinstance(found, str):
            raise AssertionError(found)
        return [f"{rule['id']}: {rule['help']}: {node['target']} {node['failureSummary']}"
                for rule in found for node in rule["nodes"]]

    def console(self):
        """Messages of the console that are worse than information, since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self):
        """The addresses that the browser asked for, since the last call."""
        events = [json.loads(entry["message"])["message"]
                  for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def shot(self, folder, name):
        """The whole page as a PNG, where a folder was named."""
        if folder:
            size = self.run("return [innerWidth, document.documentElement.scrollHeight]")
            clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
            picture = self.driver.execute_cdp_cmd(
                "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
            )
            (folder / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))
