"""Screenshots of the web page: every view in two themes and three widths, for docs and for a look.

    python -m tools.page_screenshots FOLDER

A daemon runs on the built-in clip, and Chromium looks at it. FOLDER gets VIEW-THEME-WIDTH.png of
each view; texts that are cut are listed. With `--axe axe.min.js`, of the npm package axe-core, so
is what makes the page hard to use by keyboard or screen reader.
"""

import argparse
import shutil
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from edge.bench.stream import LiveStream
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port

VIEWS = ("guide", "live", "history", "files", "settings", "health", "privacy")
THEMES = ("light", "dark")
SIZES = {1280: 900, 1920: 1080, 390: 844}
"""Height of the window by its width, in pixels."""

SETTLING_S = 8.0
"""Seconds of events before the first screenshot."""

CUT_TEXTS = """() => [...document.querySelectorAll("body *")].filter((one) =>
  one.children.length === 0 && one.textContent.trim() && one.checkVisibility() &&
  getComputedStyle(one).clipPath === "none" && one.scrollWidth > one.clientWidth + 1 &&
  getComputedStyle(one).display !== "inline").map((one) => one.textContent.trim())"""
"""Texts that are wider than their element."""


def main(arguments: list[str] | None = None) -> int:
    """Write the screenshots; return 1 where a text is cut, or the page is wider than the window."""
    parser = argparse.ArgumentParser(prog="python -m tools.page_screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--axe", type=Path, help="the script of axe-core")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    axe = options.axe.read_text(encoding="utf-8") if options.axe else ""
    folder.mkdir(parents=True, exist_ok=True)
    faults = []
    with TemporaryDirectory() as scratch, LiveStream(CLIP, 15) as stream, sync_playwright() as play:
        address = f"http://127.0.0.1:{(port := free_port())}"
        config = Path(scratch, "emotiond.yaml")
        source = {"kind": "stream", "url": stream.url}
        sinks = [
            {"kind": "mqtt", "host": "127.0.0.1", "port": free_port(), "device": "kitchen"},
            {"kind": "jsonl", "path": "events.jsonl"},
        ]
        web = {"enabled": True, "port": port, "faces": str(Path(scratch, "faces"))}
        config.write_text(yaml.safe_dump({"source": source, "sinks": sinks, "web": web}))
        command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
        with subprocess.Popen(command) as daemon:
            try:
                _wait_for(address)
                browser = play.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                for look in product(THEMES, SIZES):
                    faults += _visit(browser, address, look, folder, axe)
            finally:
                daemon.terminate()
    print("\n".join(faults) or "no text is cut")
    return 1 if faults else 0


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            with urlopen(f"{address}/healthz"):
                return
        except URLError:
            time.sleep(0.2)
    raise SystemExit(f"{address}: expected the page, found none after a minute")


def _visit(
    browser: Browser, address: str, look: tuple[str, int], folder: Path, axe: str
) -> list[str]:
    """Write one theme and width; return the faults seen."""
    theme, width = look
    page = browser.new_page(
        bypass_csp=bool(axe),  # the page runs no script but its own
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page.goto(address)
    page.locator("#faces .face").first.wait_for()
    page.wait_for_timeout(SETTLING_S * 1000)
    faults: list[str] = []
    for view in VIEWS:
        path = folder / f"{view}-{theme}-{width}.png"
        faults += _shoot(page, view, path)
        if axe:
            page.add_script_tag(content=axe)
            for one in page.evaluate("axe.run()")["violations"]:
                places = ", ".join(str(node["target"][0]) for node in one["nodes"])
                faults.append(f"{path.name}: {one['impact']}: {one['help']} ({places})")
    page.close()
    return faults


def _shoot(page: Page, view: str, path: Path) -> list[str]:
    page.evaluate(f"location.hash = '{view}'")
    page.wait_for_timeout(600)
    page.screenshot(path=path)
    cut = [f"{path.name}: {text!r} is cut" for text in page.evaluate(CUT_TEXTS)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        cut.append(f"{path.name}: wider than the window")
    return cut


if __name__ == "__main__":
    sys.exit(main())
