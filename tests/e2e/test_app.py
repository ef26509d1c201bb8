"""`emotiond app`: started from an icon, used by the page, ended by the page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from edge.bench.stream import LiveStream
from edge.commands.demo import CLIP
from edge.config import load_config, parse_config
from edge.errors import ExitCode
from edge.view import PrivacyBlur
from tests.brokers import wait_until

LINK = re.compile(r"http://127\.0\.0\.1:\d+/#token=\S+")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a user whose config names a camera."""
    config = tmp_path / "config/emotiond/emotiond.yaml"
    config.parent.mkdir(parents=True)
    with LiveStream(CLIP, 15) as stream:
        config.write_text(f"source: {stream.url}\nsinks: []\n")
        folders = {"XDG_CONFIG_HOME": tmp_path / "config", "XDG_STATE_HOME": tmp_path / "state"}
        yield {**os.environ, **{name: str(folder) for name, folder in folders.items()}}


@contextmanager
def start(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "edge", "app", "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def link_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = LINK.search(process.stdout.readline())
    assert found
    return found[0]


def test_a_new_user_is_logged_in_by_the_link_and_guided_once_and_can_quit(
    environment: dict[str, str], tmp_path: Path
) -> None:
    config = tmp_path / "config/emotiond/emotiond.yaml"
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    with start(environment) as process, sync_playwright() as playwright:
        link = link_of(process)
        with start(environment) as again:
            assert link_of(again) == link, "a second start shows the page of the first"
            assert again.wait(30) == ExitCode.OK
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(link)
        expect(page.locator("#camera")).to_have_text("camera on", timeout=30_000)
        assert "token" not in page.url
        page.get_by_label("2. Turned").select_option("180")
        expect(page.locator("#guide-answer")).to_contain_text("Saved and in use")
        page.get_by_label("3. Images").select_option("faces")
        expect(page.locator("#guide-answer")).to_contain_text("Saved and in use")
        wait_until(lambda: load_config(config).privacy.blur is PrivacyBlur.FACES)
        page.get_by_role("button", name="Done").click()
        expect(page.locator("#faces")).to_be_visible()
        page.goto(link.partition("#")[0])
        expect(page.locator("#faces")).to_be_visible()  # the guide is not shown again
        page.get_by_role("link", name="Settings").click()
        expect(page.locator("#path")).to_have_text(str(config))
        page.get_by_role("button", name="Quit").click()
        expect(page.locator("body")).to_contain_text("emotiond has ended")
        assert process.wait(30) == ExitCode.OK
        browser.close()
    assert not list((tmp_path / "state/emotiond").glob("app-*")), "the link is of no use now"


def test_a_config_is_made_where_there_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config/emotiond/emotiond.yaml"
    environment["EMOTIOND_SOURCE"] = load_config(config).source.url  # type: ignore[union-attr]
    config.unlink()
    with start(environment) as process:
        link_of(process)
    assert load_config(config) == parse_config({"source": 0, "sinks": []}, config)
    assert process.returncode == ExitCode.OK
