"""`emotiond app`: started from an icon, used by the page, ended by the page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from edge.bench.stream import LiveStream
from edge.commands.demo import CLIP
from edge.errors import ExitCode

LINK = re.compile(r"http://127\.0\.0\.1:\d+/#token=\S+")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a user who has a camera and never saw emotiond."""
    with LiveStream(CLIP, 15) as stream:
        yield {
            **os.environ,
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "EMOTIOND_SOURCE": stream.url,
        }


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge", "app", "--no-browser"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def link_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = LINK.search(process.stdout.readline())
    assert found
    return found[0]


def test_the_link_opens_the_page_without_a_login_and_its_button_ends_the_daemon(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    with start(environment) as process, sync_playwright() as playwright:
        link = link_of(process)
        with start(environment) as again:
            assert link_of(again) == link, "a second start shows the page of the first"
        assert again.returncode == ExitCode.OK
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(link)
        expect(page.locator("#camera")).to_have_text("camera on", timeout=30_000)
        assert "token" not in page.url
        page.get_by_role("link", name="Settings").click()
        expect(page.locator("#path")).to_have_text(str(tmp_path / "config/emotiond/emotiond.yaml"))
        page.get_by_role("button", name="Quit").click()
        expect(page.locator("body")).to_contain_text("emotiond has ended")
        assert process.wait(30) == ExitCode.OK
        browser.close()
    assert not list((tmp_path / "state/emotiond").glob("app-*")), "the link is of no use now"
