"""`python -m tools.bench.first_paint`: how soon the web page is seen, and what it asks for.

The daemon watches the built-in clip, and Chromium opens its page again and again on this machine,
each time with nothing cached. To be run where nothing else does.
"""

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP, run_daemon
from edge.commands.embedded_broker import free_port
from tools.bench.web_viewers import await_page, page_config

SEEN = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  const loaded = performance.getEntries().filter((one) => one.decodedBodySize);
  return [paint / 1000, performance.now() / 1000, loaded.length,
    loaded.reduce((sum, one) => sum + one.decodedBodySize, 0)];
}"""
"""Seconds until the first paint and until now; whole responses so far, and their bytes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the page as often as asked, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20)
    turns, port = parser.parse_args(arguments).turns, free_port()
    with (
        LiveStream(CLIP, 30) as stream,
        tempfile.TemporaryDirectory() as folder,
        run_daemon(Path(folder), page_config(stream.url, port)),
        sync_playwright() as play,
    ):
        await_page(port)
        program = shutil.which("chromium")
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        _open(browser, port)  # the first one starts processes of the browser
        measured = [_open(browser, port) for _ in range(turns)]
        browser.close()
    paints, faces, requests, sizes = zip(*measured, strict=True)
    for name, times in (("first paint", paints), ("first face named", faces)):
        print(f"{name}: {statistics.median(times):.3f} s, at worst {max(times):.3f} s")
    print(f"until then: at most {max(requests)} responses of {max(sizes) / 1000:.0f} kB in all")


def _open(browser: Browser, port: int) -> tuple[float, float, int, int]:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator("#faces .face").first.wait_for()
    paint, face, requests, size = page.evaluate(SEEN)
    page.close()
    return paint, face, requests, size


if __name__ == "__main__":
    main()
