"""Screenshots of the web page: every view in two themes and three widths, for docs and for a look.

    python -m tools.page_screenshots FOLDER

A daemon runs on the built-in clip, and Chromium looks at it. FOLDER gets VIEW-THEME-WIDTH.png of
each view; texts that are cut, or lie over others, are listed. With `--axe axe.min.js`, of the npm
package axe-core, so is what makes the page hard to use by keyboard or screen reader. The page is in
English, or the language of `--locale`.

    python -m tools.page_screenshots docs --docs

writes the images of the docs instead: of a day that is made up of the clip, and of a video.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID

import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port

VIEWS = ("guide", "live", "history", "files", "settings", "health", "privacy")
THEMES = ("light", "dark")
SIZES = {1280: 900, 1920: 1080, 390: 844}
"""Height of the window by its width, in pixels."""

ZONES = {"desk": [[0.3, 0.1], [0.75, 0.1], [0.75, 0.9], [0.3, 0.9]]}
"""Shown in the images, and told in the events."""

SETTLING_S = 8.0
"""Seconds of events before the first screenshot."""

CUT_TEXTS = """() => [...document.querySelectorAll("body *")].filter((one) =>
  one.children.length === 0 && one.textContent.trim() && one.checkVisibility() &&
  getComputedStyle(one).clipPath === "none" && one.scrollWidth > one.clientWidth + 1 &&
  getComputedStyle(one).display !== "inline").map((one) => one.textContent.trim())"""
"""Texts that are wider than their element."""

OVERLAPS = """() => {
  const seen = [], faults = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement, text = node.data.trim();
    if (!text || parent.closest("option, .unseen, .skip") || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      let { left, top, right, bottom } = line;
      for (let box = parent; box; box = box.parentElement) {
        if (getComputedStyle(box).overflow === "visible") continue;
        const edge = box.getBoundingClientRect();
        [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
        [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
      }
      if (right - left < 2 || bottom - top < 2) continue;
      if (left < 0 || right > innerWidth + 1) faults.push(`${text} is outside`);
      if (!parent.closest("nav, #answer, #save")) seen.push({ text, left, top, right, bottom });
    }
  }
  seen.forEach((one, index) => seen.slice(index + 1).forEach((other) => {
    const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (width > 2 && height > 3) faults.push(`${one.text} lies over ${other.text}`);
  }));
  return faults;
}"""
"""Lines of text that lie over others, by their boxes, or outside the window. What stands above the
page on purpose, such as the bar of views on a phone, is passed over."""


def main(arguments: list[str] | None = None) -> int:
    """Write the screenshots; return 1 where a text is cut, or the page is wider than the window."""
    parser = argparse.ArgumentParser(prog="python -m tools.page_screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--axe", type=Path, help="the script of axe-core")
    parser.add_argument("--locale", default="en-US", help="language, such as de-DE")
    parser.add_argument("--docs", action="store_true", help="write the images of docs/")
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
        web = {"enabled": True, "port": port, "faces": "faces"}
        _record_day(Path(scratch))
        settings = {"source": source, "sinks": sinks, "web": web, "state_dir": "state"}
        settings |= {"zones": ZONES, "privacy": {"allow_snapshots": True}}
        settings |= {"snapshots": {"on": ["start", "change"]}}
        config.write_text(yaml.safe_dump(settings))
        command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
        with subprocess.Popen(command) as daemon:
            try:
                _wait_for(address)
                browser = play.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                if options.docs:
                    _write_docs(browser, address, folder)
                for look in () if options.docs else product(THEMES, SIZES):
                    faults += _visit(browser, address, look, axe, options)
            finally:
                daemon.terminate()
    print("\n".join(faults) or "no text is cut or lies over another")
    return 1 if faults else 0


def _record_day(folder: Path) -> None:
    """Write events.jsonl: what is seen in the clip, again and again on the day before and today."""
    recorded = folder / "clip.jsonl"
    command = [sys.executable, "-m", "edge", "video", str(CLIP), "--events", str(recorded)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clip = [json.loads(line) for line in recorded.read_text().splitlines()]
    rng, lines = random.Random(1), list[str]()
    day = datetime.now().astimezone().replace(hour=0, minute=0, second=0) - timedelta(days=1)
    for minute in sorted(rng.sample(range(420, 1380), 150)):
        run, slower = f"{minute:08x}", rng.uniform(1, 4)
        for event in clip:
            at = day + timedelta(minutes=minute, seconds=event["position"] * slower)
            told = {key: value for key, value in event.items() if key != "position"}
            told |= {"time": at.isoformat(), "run": run, "id": str(UUID(int=len(lines)))}
            told |= {"duration": event["duration"] * slower, "zones": ["desk"][: minute % 3]}
            lines.append(json.dumps(told) + "\n")
    (folder / "events.jsonl").write_text("".join(lines))


def _write_docs(browser: Browser, address: str, folder: Path) -> None:
    """Write the images of docs/web.md, at a scale at which all of them are small."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=0.6)
    page.set_default_timeout(120_000)
    page.goto(address)
    page.locator("#faces .face").first.wait_for()
    page.wait_for_timeout(SETTLING_S * 2000)
    page.screenshot(path=folder / "page.png")
    page.locator("#snapshots img").nth(5).wait_for()
    page.locator("#snapshots").screenshot(path=folder / "page-snapshots.png")
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Yesterday").click()
    page.wait_for_timeout(2000)
    page.screenshot(path=folder / "page-history.png")
    page.get_by_role("link", name="Files").click()
    page.locator("#file").set_input_files(CLIP)
    page.locator("#videos video").wait_for()
    page.locator("#videos video").evaluate("video => { video.currentTime = 6 }")
    page.wait_for_timeout(1000)
    page.screenshot(path=folder / "page-files.png")
    page.get_by_role("link", name="Settings").click()
    page.locator("#zone-list li").first.wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=folder / "page-settings.png")
    page.close()


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            with urlopen(f"{address}/healthz"):
                return
        except URLError:
            time.sleep(0.2)
    raise SystemExit(f"{address}: expected the page, found none after a minute")


def _visit(
    browser: Browser, address: str, look: tuple[str, int], axe: str, options: argparse.Namespace
) -> list[str]:
    """Write one theme and width; return the faults seen."""
    theme, width = look
    page = browser.new_page(
        bypass_csp=bool(axe),  # the page runs no script but its own
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if theme == "dark" else "light",
        locale=options.locale,
    )
    page.set_default_timeout(120_000)
    page.goto(address, wait_until="domcontentloaded")
    page.locator("#faces .face").first.wait_for()
    page.wait_for_timeout(SETTLING_S * 1000)
    faults: list[str] = []
    for view in VIEWS:
        path = options.folder / f"{view}-{theme}-{width}.png"
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
    cut += [f"{path.name}: {text}" for text in page.evaluate(OVERLAPS)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        cut.append(f"{path.name}: wider than the window")
    return cut


if __name__ == "__main__":
    sys.exit(main())
