"""`emotiond app`: started from an icon, used by the page, ended by the page."""

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from edge.bench.clips import LiveStream
from edge.capture.video import probe_video
from edge.commands.demo import CLIP
from edge.config import load_config, parse_config
from edge.errors import ExitCode
from edge.publish.events import encode_event
from edge.types import EventType
from edge.view import PrivacyBlur
from tests.brokers import wait_until
from tests.conftest import ROOT
from tests.edge.offline.days import event
from tests.v4l2_cameras import install, opened

NATURAL_WIDTH = "image => image.decode().then(() => image.naturalWidth)"

LINK = re.compile(r"http://127\.0\.0\.1:\d+/#login=\S+")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a user whose config names a camera."""
    config = tmp_path / "config/emotiond/emotiond.yaml"
    config.parent.mkdir(parents=True)
    with LiveStream(CLIP, 15) as stream:
        config.write_text(f"source: {stream.url}\nsinks: []\n")
        names = ("config", "state", "data")
        yield {**os.environ, **{f"XDG_{one.upper()}_HOME": str(tmp_path / one) for one in names}}


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


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    media = "--use-fake-device-for-media-stream"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", media])
        yield browser
        browser.close()


@contextmanager
def start_from_the_desktop(
    environment: dict[str, str], folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Page]]:
    """Start what the .desktop file says; yield it, and the page that it opened in the browser."""
    program, pid, port = shutil.which("chromium"), folder / "pid", folder / "web/DevToolsActivePort"
    if program is None:
        pytest.skip("Chromium is not installed")
    script = folder / "browser"
    options = f"--headless --no-sandbox --remote-debugging-port=0 --user-data-dir={folder}/web"
    script.write_text(f'#!/bin/sh\necho $$ > {pid}\nexec {program} {options} "$1" 2> /dev/null\n')
    script.chmod(0o700)
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(ROOT / "packaging/desktop/emotiond.desktop")
    command = shlex.split(entry["Desktop Entry"]["Exec"])
    variables = {**environment, "PATH": path, "BROWSER": f"{script} %s &"}
    command[0] = shutil.which(command[0], path=path) or command[0]
    with subprocess.Popen(command, env=variables) as process, sync_playwright() as playwright:
        try:
            wait_until(lambda: port.exists() and "\n" in port.read_text(), seconds=120)
            address = f"http://127.0.0.1:{port.read_text().split()[0]}"
            browser = playwright.chromium.connect_over_cdp(address)
            wait_until(lambda: bool(browser.contexts[0].pages), seconds=60)
            yield process, browser.contexts[0].pages[0]
        finally:
            process.terminate()
            if pid.exists():
                os.kill(int(pid.read_text()), signal.SIGTERM)


def yesterday(path: Path) -> None:
    """Record a face that was happy for a minute yesterday at noon."""
    noon = datetime.combine(datetime.now().date(), time(12)).astimezone() - timedelta(days=1)
    start = replace(event(EventType.START, 1, "happy", 0.0), time=noon)
    end = replace(event(EventType.END, 1, "happy", 1.0, 60.0), time=noon + timedelta(minutes=1))
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_event(start) + b"\n" + encode_event(end) + b"\n")


def test_a_new_user_does_all_without_a_terminal(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """From the icon: camera, zone, model, yesterday, a video, ten faces, and the end, by clicks."""
    config = tmp_path / "config/emotiond/emotiond.yaml"
    source = load_config(config).source.url  # type: ignore[union-attr]
    config.unlink()  # this user is new
    yesterday(tmp_path / "data/emotiond/events.jsonl")
    with start_from_the_desktop(environment, tmp_path) as (process, page):
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        expect(page.locator("#guide-camera")).to_contain_text("/dev/video0 (in use now)")
        assert "login" not in page.url
        page.get_by_label("2. Turned").select_option("180")
        expect(page.locator("#guide-answer")).to_contain_text("Saved and in use")
        page.get_by_label("2. Turned").select_option("0")
        page.get_by_role("button", name="Done").click()
        page.get_by_role("link", name="Settings").click()
        page.locator("#sections summary").first.click()  # of the camera
        page.get_by_label("Use instead").first.fill(source)
        page.get_by_role("button", name="Save and use").click()
        expect(page.locator("#settings-answer")).to_contain_text("Saved and in use")
        expect(page.locator("#camera")).to_have_text("camera on")
        draw_zone(page)
        page.locator("#model").select_option("deep-int8")
        expect(page.locator("#answer")).to_have_text("deep-int8 is used from now on.")
        look_at_yesterday(page, tmp_path)
        analyze_a_video(page, tmp_path)
        collect_ten_faces(page, tmp_path)
        page.get_by_role("link", name="Health").click()
        page.get_by_role("button", name="Run the checks").click()
        expect(page.locator("#checks")).to_contain_text(f"{config}: can be read")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("button", name="Quit").click()
        expect(page.locator("body")).to_contain_text("emotiond has ended")
        assert process.wait(30) == ExitCode.OK
    assert not list((tmp_path / "state/emotiond").glob("app-*")), "the token is of no use now"
    assert not list((tmp_path / "state/emotiond/uploads").iterdir()), "no video is kept"
    assert len((tmp_path / "data/emotiond/events.jsonl").read_text().splitlines()) > 2


def draw_zone(page: Page) -> None:
    shapes = page.locator("#zones-shapes")
    wait_until(lambda: (shapes.bounding_box() or {"height": 0})["height"] > 200, seconds=60)
    box = shapes.bounding_box()
    assert box is not None
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        shapes.click(position={"x": x * box["width"], "y": y * box["height"]})
    page.locator("#zone-name").fill("desk")
    page.get_by_role("button", name="Add zone").click()
    expect(page.locator("#zone-list")).to_contain_text("desk")


def download(page: Page, name: str, folder: Path) -> Path:
    """Click a link, and return the file that the browser got."""
    session = page.context.new_cdp_session(page)
    allowed = {"behavior": "allow", "downloadPath": str(folder)}
    session.send("Browser.setDownloadBehavior", allowed)
    before = set(folder.iterdir())
    page.get_by_role("link", name=name).click()

    def new() -> list[Path]:
        """Return what is there, which an empty file holds the place of until it is complete."""
        found = set(folder.iterdir()) - before
        unfinished = any(one.suffix == ".crdownload" for one in found)
        return [] if unfinished else [one for one in found if one.stat().st_size]

    wait_until(lambda: bool(new()), seconds=60)
    return new()[0]


def look_at_yesterday(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Yesterday").click()
    expect(page.locator("#past")).to_have_text("One face, somebody in view for 1 min.")
    expect(page.locator("#past-emotions")).to_contain_text("happy")
    assert "<dd>1 min" in download(page, "Download the report", folder).read_text()


def analyze_a_video(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Files").click()
    page.locator("#file").set_input_files(CLIP)
    expect(page.locator("#videos video")).to_be_visible(timeout=120_000)
    assert probe_video(download(page, "Download the copy", folder)) == probe_video(CLIP)
    played = "video => video.play().then(() => video.videoWidth)"
    assert page.locator("#videos video").evaluate(played) == 640


def collect_ten_faces(page: Page, folder: Path) -> None:
    page.locator("#collect-label").select_option("happy")
    page.locator("#collect-start").click()
    expect(page.locator("#collect-answer")).to_have_text("10 images were written.")
    faces = list((folder / "data/emotiond/faces/happy").glob("*.png"))
    assert len(faces) == 10


def test_the_guide_is_shown_once_and_a_second_start_logs_in_to_the_first(
    environment: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    config = tmp_path / "config/emotiond/emotiond.yaml"
    with start(environment) as process:
        link = link_of(process)
        page = browser.new_page(locale="de-DE", permissions=["camera"])
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.goto(link)
        expect(page.locator("#camera")).to_have_text("Kamera an")
        page.get_by_label("3. Bilder").select_option("faces")
        expect(page.locator("#guide-answer")).to_contain_text("Gespeichert und in Gebrauch")
        wait_until(lambda: load_config(config).privacy.blur is PrivacyBlur.FACES)
        page.get_by_role("button", name="Fertig").click()
        expect(page.locator("#faces")).to_be_visible()
        page.goto(link.partition("#")[0])
        expect(page.locator("#faces")).to_be_visible()  # the guide is not shown again
        page.get_by_role("link", name="Optionen").click()
        page.locator("#language").select_option("en")
        page.get_by_role("link", name="Files").click()
        page.locator("#webcam-start").click()
        expect(page.locator("#webcam")).to_be_visible()
        expect(page.locator("#webcam-faces")).to_have_attribute("viewBox", "0 0 640 480")
        page.locator("#webcam-start").click()
        expect(page.locator("#webcam")).to_be_hidden()
        again = browser.new_page()
        again.goto(link)
        expect(again.locator("#login")).to_be_visible()  # a link is good for one login
        with start(environment) as second:
            again.goto(link_of(second))
            again.reload()
            assert second.wait(30) == ExitCode.OK
        expect(again.locator("#camera")).to_have_text("camera on")
        process.terminate()


def test_the_guide_shows_an_image_of_each_camera_and_opens_none_unasked(
    environment: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    """The one in use is opened once, by the daemon; the other when the guide is looked at."""
    config, folder = tmp_path / "config/emotiond/emotiond.yaml", tmp_path / "cameras"
    own, other = install(folder)
    config.write_text(f"source: {{kind: camera, device: {own}}}\nsinks: []\n")
    environment["PYTHONPATH"] = f"{folder}{os.pathsep}{ROOT}"
    with start(environment) as process:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.add_init_script("localStorage.setItem('guided', 'yes')")
        page.goto(link_of(process), wait_until="domcontentloaded")
        page.locator("#faces .face").first.wait_for()
        assert opened(other) == 0
        page.evaluate("location.hash = 'guide'")
        images = page.locator("#guide-camera .picture img")
        expect(images).to_have_count(2)
        widths = [images.nth(one).evaluate(NATURAL_WIDTH) for one in range(2)]
        assert widths == [640, 640]
        assert (opened(own), opened(other)) == (1, 1)
        plain = images.nth(1).screenshot()
        page.get_by_label("3. Images").select_option("faces")
        wait_until(lambda: opened(other) == 2)  # the former image shows too much
        expect(images).to_have_count(2)
        assert images.nth(1).screenshot() != plain
        with page.expect_request("**/api/settings") as asked:
            page.locator(f"[value='{other}']").click()
        assert json.loads(asked.value.post_data or "")["changes"] == {"source": str(other)}
        # Below /dev it would be taken; this one is refused, and what holds is chosen again.
        expect(page.locator("#guide-answer")).to_contain_text("cannot be read as a video")
        expect(page.locator(f"[value='{own}']")).to_be_checked()
        expect(images).to_have_count(2)
        assert (opened(own), opened(other)) == (1, 2)
        process.terminate()


def test_a_config_is_made_where_there_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config/emotiond/emotiond.yaml"
    environment["EMOTIOND_SOURCE"] = load_config(config).source.url  # type: ignore[union-attr]
    config.unlink()
    with start(environment) as process:
        link_of(process)
    events = {"kind": "jsonl", "path": str(tmp_path / "data/emotiond/events.jsonl")}
    made = {"source": 0, "sinks": events, "retention": {"max_event_age_s": 31 * 86_400}}
    assert load_config(config) == parse_config(made, config)
    assert process.returncode == ExitCode.OK
