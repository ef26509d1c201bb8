"""Stored snapshots on the page: shown, and deleted, in a real browser before a real daemon."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from edge.bench.clips import LiveStream
from edge.commands.embedded_broker import free_port
from edge.errors import ExitCode
from edge.view.snapshots import snapshot_sizes
from tests.brokers import wait_until
from tests.conftest import ROOT
from tests.e2e.daemon import Daemon
from tests.e2e.test_page import Visit, browser, config, stream

__all__ = ["browser", "stream"]  # fixtures

ARTEFACT = ROOT / "test-results" / "snapshots.png"


def test_snapshots_are_shown_on_the_page_and_deleted_there(
    tmp_path: Path, browser: Browser, stream: LiveStream
) -> None:
    port, folder = free_port(), tmp_path / "state" / "snapshots"
    fields = {
        **config(stream, port),
        "privacy": {"allow_snapshots": True, "blur": "faces"},
        "snapshots": {"on": ["start", "change"]},
    }
    with Daemon(tmp_path, fields) as daemon:
        wait_until(lambda: len(snapshot_sizes(folder)) >= 2, seconds=60)
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.set_default_timeout(30_000)
        visit = Visit(page, f"http://127.0.0.1:{port}")
        visit.open()
        card = page.locator("#snapshots")
        expect(card).to_be_visible(timeout=30_000)
        first = card.locator("li img").first
        expect(first).to_have_js_property("complete", True)
        assert first.evaluate("image => image.naturalWidth") == 640
        ARTEFACT.parent.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACT, full_page=True)
        # No more come while the camera is off.
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#camera")).to_have_text("paused", timeout=30_000)
        page.reload()
        expect(card).to_be_visible(timeout=30_000)
        count = len(snapshot_sizes(folder))
        card.get_by_role("button", name="Delete", exact=False).first.click()
        wait_until(lambda: len(snapshot_sizes(folder)) == count - 1)
        page.once("dialog", lambda dialog: dialog.accept())
        card.get_by_role("button", name="Delete all").click()
        wait_until(lambda: not snapshot_sizes(folder))
        expect(card).to_be_hidden(timeout=30_000)
        assert visit.faults == []
        page.close()
        assert daemon.stop() == ExitCode.OK
