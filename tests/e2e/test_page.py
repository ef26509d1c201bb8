"""The page in a real browser, before a real daemon."""

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect, sync_playwright

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.config import load_config
from edge.errors import ExitCode
from edge.types import Image
from tests.brokers import wait_until
from tests.conftest import ROOT
from tests.e2e.daemon import Daemon
from tools.page_screenshots import CUT_TEXTS, OVERLAPS, VIEWS

ARTEFACT = ROOT / "test-results" / "page.png"
"""What the page looked like at the end of the tests; git passes it over."""

TOKEN = "correct-horse-battery"


@dataclass
class Visit:
    """A page that is open, and what went wrong in it."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def open(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.places.append(request.url))
        # Its `load` comes with the first image of the live video: no sooner than the camera's.
        self.page.goto(self.address, wait_until="domcontentloaded")

    def show(self, view: str) -> None:
        self.page.get_by_role("link", name=view).click()

    def _hear(self, message: Any) -> None:
        # A refusal that is tried on purpose is told on the console too.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    @property
    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/api/state") as answer:
            told = json.load(answer)
        assert isinstance(told, dict)
        return told


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stream() -> Iterator[LiveStream]:
    with LiveStream(CLIP, 15) as stream:
        yield stream


def config(stream: LiveStream, port: int, **web: Any) -> dict[str, Any]:
    return {
        "source": {"kind": "stream", "url": stream.url},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "web": {"enabled": True, "port": port, **web},
    }


@pytest.fixture(scope="module")
def visit(
    browser: Browser, stream: LiveStream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """A page that stays open for all tests, before a daemon that runs for all."""
    port = free_port()
    folder = tmp_path_factory.mktemp("page")
    with Daemon(folder, config(stream, port)) as daemon:
        daemon.wait_for("frames are coming")
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)
        visit = Visit(page, f"http://127.0.0.1:{port}")
        visit.open()
        yield visit
        ARTEFACT.parent.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACT, full_page=True)
        page.close()
        assert daemon.stop() == ExitCode.OK


def look(page: Page) -> Image:
    """Return the live video as the browser shows it."""
    data = np.frombuffer(page.locator("#video").screenshot(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, dtype=np.uint8)


def test_the_live_video_is_the_cameras_and_moves(visit: Visit, clip: list[Image]) -> None:
    expect(visit.page.locator("#overlay")).to_be_hidden()
    ground = clip[0][5, 320]  # of the clip, which no face and no label reaches

    def is_shown() -> bool:
        image = look(visit.page)
        return bool(np.abs(image[8, image.shape[1] // 2].astype(int) - ground).max() < 20)

    wait_until(is_shown, seconds=30)  # an image that has come is painted a little later
    first = look(visit.page)
    wait_until(lambda: np.abs(look(visit.page).astype(int) - first).mean() > 1.0, seconds=30)


def test_a_face_is_shown_with_a_bar_for_each_expression(visit: Visit) -> None:
    face = visit.page.locator("#faces .face").first
    expect(face.locator(".bar")).to_have_count(8)
    names = face.locator(".bar span:first-child").all_text_contents()
    assert names == visit.state["labels"]
    leading = face.locator(".bar.first")
    expect(face.locator("h3")).to_contain_text(leading.locator("span").first.inner_text())
    visit.show("Health")
    assert float(visit.page.locator("#fps").inner_text()) > 5
    visit.show("Live")


def test_events_are_listed_and_drawn_into_the_timeline(visit: Visit) -> None:
    expect(visit.page.locator("#events li").first).to_contain_text("#1")
    wait_until(lambda: visit.page.locator("#timeline rect").count() > 0)
    told = visit.page.locator("#events li").count()
    wait_until(lambda: visit.page.locator("#events li").count() > told, seconds=30)


def test_a_day_of_records_is_drawn_and_a_part_of_it_can_be_looked_at(visit: Visit) -> None:
    visit.show("History")
    past = visit.page.locator("#past")
    expect(past).to_contain_text("somebody in view for")
    bars = visit.page.locator("#past-bars g")
    expect(bars).to_have_count(48)
    seen = bars.filter(has=visit.page.locator("rect:not(.hit)")).last
    label = seen.get_attribute("aria-label")
    seen.click(position={"x": 3, "y": 3}, force=True)
    back = visit.page.locator("#past-back")
    expect(back).to_be_visible()
    expect(past).to_contain_text("somebody in view for")
    back.click()
    expect(back).to_be_hidden()
    expect(bars.filter(has=visit.page.locator("rect:not(.hit)")).last).to_have_attribute(
        "aria-label", re.compile(re.escape(str(label).partition(":")[0]))
    )
    visit.show("Live")
    wait_until(lambda: visit.page.locator("#timeline rect").count() > 0)


def test_another_model_is_taken_and_the_page_says_so(visit: Visit) -> None:
    visit.show("Settings")
    visit.page.locator("#model").select_option("deep-int8")
    expect(visit.page.locator("#answer")).to_have_text("deep-int8 is used from now on.")
    wait_until(lambda: visit.state["model"] == "deep-int8")
    visit.page.locator("#model").select_option("shallow-int8")
    wait_until(lambda: visit.state["model"] == "shallow-int8")


def test_a_detector_that_is_not_installed_is_refused_with_its_reason(visit: Visit) -> None:
    visit.show("Settings")
    visit.page.locator("#detector").select_option("mediapipe")
    expect(visit.page.locator("#answer")).to_have_class("bad")
    assert visit.state["detector"] == "builtin"


def settings_of(visit: Visit, section: str) -> Any:
    """Return the open fields of a section of the settings."""
    visit.show("Live")
    visit.show("Settings")
    named = visit.page.locator("summary", has_text=section)
    group = visit.page.locator("#sections details").filter(has=named)
    if group.get_attribute("open") is None:
        group.locator("summary").click()
    return group


def test_a_setting_is_changed_in_the_config_file_and_holds_at_once(visit: Visit) -> None:
    settings_of(visit, "Steadiness").get_by_label("Hold (seconds)").fill("0.55")
    expect(visit.page.locator("#changed")).to_have_text("One change")
    visit.page.get_by_role("button", name="Save and use").click()
    expect(visit.page.locator("#settings-answer")).to_contain_text("Saved and in use")
    assert load_config(Path(visit.page.locator("#path").inner_text())).smoothing.hold_s == 0.55
    visit.page.reload()
    hold = settings_of(visit, "Steadiness").get_by_label("Hold (seconds)")
    expect(hold).to_have_value("0.55")


def test_a_field_that_somebody_is_about_to_type_into_stays(visit: Visit) -> None:
    waiting: list[Route] = []
    visit.page.route("**/api/settings", lambda one: waiting.append(one))  # noqa: PLW0108 # no builtin
    with visit.page.expect_request("**/api/settings"):
        hold = settings_of(visit, "Steadiness").get_by_label("Hold (seconds)")
    hold.focus()
    with visit.page.expect_response("**/api/settings"):
        waiting.pop().continue_()
    visit.page.unroute("**/api/settings")
    visit.page.keyboard.press("ArrowUp")
    expect(visit.page.locator("#changed")).to_have_text("One change")
    visit.page.get_by_role("button", name="Discard").click()


def test_a_setting_that_cannot_be_used_is_refused_in_words_and_can_be_discarded(
    visit: Visit,
) -> None:
    hold = settings_of(visit, "Steadiness").get_by_label("Hold (seconds)")
    hold.fill("-3")
    visit.page.get_by_role("button", name="Save and use").click()
    expect(visit.page.locator("#settings-answer")).to_contain_text("expected a number >= 0")
    visit.page.get_by_role("button", name="Discard").click()
    expect(hold).to_have_value("0.55")


def test_a_setting_that_weakens_privacy_is_asked_for_twice(visit: Visit) -> None:
    blur = settings_of(visit, "Privacy").get_by_label("Blur")
    blur.select_option("frame")
    visit.page.get_by_role("button", name="Save and use").click()
    expect(visit.page.locator("#settings-answer")).to_contain_text("Saved and in use")
    asked: list[str] = []

    def decide(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if len(asked) > 1 else dialog.dismiss()

    visit.page.on("dialog", decide)
    blur.select_option("none")
    visit.page.get_by_role("button", name="Save and use").click()
    expect(visit.page.locator("#settings-answer")).to_have_text("Nothing was changed.")
    visit.page.get_by_role("button", name="Save and use").click()
    expect(visit.page.locator("#settings-answer")).to_contain_text("Saved and in use")
    visit.page.remove_listener("dialog", decide)
    assert ["blurred less" in one for one in asked] == [True, True]
    wait_until(lambda: visit.state["blur"] == "none", seconds=30)


def test_a_zone_is_drawn_on_the_image_and_deleted_again(visit: Visit) -> None:
    visit.show("Live")
    visit.show("Settings")
    expect(visit.page.locator("#path")).not_to_be_empty()
    config = Path(visit.page.locator("#path").inner_text())
    expect(visit.page.locator("#zones-video")).to_be_visible()
    shapes = visit.page.locator("#zones-shapes")
    box = shapes.bounding_box()
    assert box is not None
    corners = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.8)]
    for x, y in corners:
        shapes.click(position={"x": x * box["width"], "y": y * box["height"]})
    visit.page.locator("#zone-name").fill("door")
    visit.page.get_by_role("button", name="Add zone").click()
    expect(visit.page.locator("#zone-list")).to_contain_text("door")
    found = load_config(config).zones["door"]
    assert np.allclose(found, corners, atol=0.02)
    visit.page.get_by_role("button", name="Delete door").click()
    expect(visit.page.locator("#zone-list")).to_be_empty()
    assert load_config(config).zones == {}


def test_a_zone_is_drawn_by_the_keyboard_alone_and_each_step_is_told(visit: Visit) -> None:
    visit.show("Live")
    visit.show("Settings")
    expect(visit.page.locator("#path")).not_to_be_empty()
    config = Path(visit.page.locator("#path").inner_text())
    told = visit.page.locator("#zones-answer")
    assert told.get_attribute("role") == "status"
    visit.page.locator("#detector").focus()
    visit.page.keyboard.press("Tab")
    expect(visit.page.locator("#zones-shapes")).to_be_focused()
    expect(told).to_have_text("Cross at 50 % from the left, 50 % from above.")
    for keys in ("Enter", "ArrowRight ArrowRight Enter", "ArrowDown Shift+ArrowUp Enter", "Enter"):
        for key in keys.split():
            visit.page.keyboard.press(key)
    expect(told).to_have_text("Corners: 4. Cross at 60 % from the left, 54 % from above.")
    visit.page.keyboard.press("Backspace")
    expect(told).to_contain_text("Corners: 3.")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type("shelf")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#zone-list")).to_contain_text("shelf")
    corners = [(0.5, 0.5), (0.6, 0.5), (0.6, 0.54)]
    assert np.allclose(load_config(config).zones["shelf"], corners, atol=0.001)
    visit.page.get_by_role("button", name="Delete shelf").click()
    expect(visit.page.locator("#zone-list")).to_be_empty()


def test_labels_in_the_video_are_in_the_language_of_the_page(
    visit: Visit, browser: Browser
) -> None:
    page = browser.new_page(locale="de-DE")
    page.goto(visit.address, wait_until="domcontentloaded")
    page.locator("#faces .face").first.wait_for()
    expect(page.locator("#video")).to_have_attribute("src", re.compile("lang=de"))
    expect(page.locator("#snapshot")).to_have_attribute("href", "snapshot.jpg?lang=de")
    page.close()


def test_the_camera_can_be_let_go_and_taken_again(visit: Visit) -> None:
    visit.show("Live")
    visit.page.locator("#minutes").select_option("10 minutes")
    visit.page.locator("#pause").click()
    expect(visit.page.locator("#camera")).to_have_text("paused")
    expect(visit.page.locator("#overlay")).to_contain_text("The camera is off until")
    expect(visit.page.locator("#video")).not_to_have_attribute("src", re.compile("."))
    assert visit.state["camera"] == "paused"
    visit.page.locator("#pause").click()
    expect(visit.page.locator("#camera")).to_have_text("camera on")
    expect(visit.page.locator("#overlay")).to_be_hidden()


def test_what_a_command_changed_is_not_overwritten_by_an_answer_of_before(visit: Visit) -> None:
    visit.show("Live")
    before, asked = json.dumps(visit.state), list[Route]()
    visit.page.route("**/api/state", lambda route: asked.append(route))  # noqa: PLW0108  # it wants a function
    visit.page.locator("#pause").click()
    expect(visit.page.locator("#camera")).to_have_text("paused")
    for route in asked:
        route.fulfill(body=before, content_type="application/json")
    visit.page.wait_for_timeout(500)
    assert visit.page.locator("#camera").text_content() == "paused"
    visit.page.unroute("**/api/state")
    visit.page.locator("#pause").click()
    expect(visit.page.locator("#overlay")).to_be_hidden()


def test_an_image_that_is_chosen_is_read_and_shown_annotated(
    visit: Visit, clip: list[Image], tmp_path: Path
) -> None:
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), clip[2])
    visit.show("Files")
    visit.page.locator("#file").set_input_files(path)
    expect(visit.page.locator("#verdict")).to_have_text("One face:")
    expect(visit.page.locator("#found .face")).to_have_count(1)
    expect(visit.page.locator("#annotated")).to_be_visible()
    width = visit.page.locator("#annotated").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 640


def test_a_file_can_be_dropped_on_the_page(visit: Visit, clip: list[Image]) -> None:
    data = cv2.imencode(".png", clip[2])[1].tobytes().hex()
    visit.show("Files")
    dropped = visit.page.evaluate_handle(
        """hex => {
          const bytes = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
          const dropped = new DataTransfer();
          dropped.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
          return dropped;
        }""",
        data,
    )
    visit.page.locator("#annotated").evaluate("image => { image.hidden = true }")
    visit.page.locator("#drop").dispatch_event("drop", {"dataTransfer": dropped})
    expect(visit.page.locator("#annotated")).to_be_visible()
    expect(visit.page.locator("#verdict")).to_have_text("One face:")


def test_a_file_that_is_no_image_is_refused_with_its_reason(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear Sir or Madam")
    visit.show("Files")
    visit.page.locator("#file").set_input_files(path)
    expect(visit.page.locator("#verdict")).to_contain_text("is not an image that can be read")
    expect(visit.page.locator("#annotated")).to_be_hidden()


def test_boxes_can_be_turned_off(visit: Visit) -> None:
    visit.show("Live")
    visit.page.locator("#boxes").click()
    expect(visit.page.locator("#video")).to_have_attribute("src", re.compile("boxes=false"))
    expect(visit.page.locator("#overlay")).to_be_hidden()
    visit.page.locator("#boxes").click()
    expect(visit.page.locator("#video")).to_have_attribute("src", re.compile("boxes=true"))


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_no_text_is_cut_or_lies_over_another(
    visit: Visit, browser: Browser, width: int, locale: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, locale=locale)
    page.goto(visit.address, wait_until="domcontentloaded")
    page.locator("#faces .face").first.wait_for()
    for view in VIEWS:
        page.evaluate(f"location.hash = '{view}'")
        if view == "history":
            page.locator("#span button[value=week]").click()
            expect(page.locator("#past-bars g")).to_have_count(42)
        if view == "settings":
            page.locator("#sections details").first.wait_for()
            page.evaluate(
                "document.querySelectorAll('details').forEach((one) => (one.open = true))"
            )
        assert page.evaluate(CUT_TEXTS) == []
        assert page.evaluate(OVERLAPS) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.close()


def test_the_picture_is_as_wide_as_the_cards_below_it(visit: Visit, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1920, "height": 900})
    page.goto(visit.address, wait_until="domcontentloaded")
    page.locator("#faces .face").first.wait_for()
    expect(page.locator("#overlay")).to_be_hidden()  # by then the picture has its shape
    edges = "cards => cards.map((card) => Math.round(card.getBoundingClientRect().right))"
    cards = page.locator("[data-view=live] .column:first-child > .card:visible")
    assert len(set(cards.evaluate_all(edges))) == 1
    page.close()


def test_a_phone_shows_the_picture_first_with_the_pause_on_it(
    visit: Visit, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(visit.address, wait_until="domcontentloaded")
    page.locator("#faces .face").first.wait_for()
    boxes = [page.locator(one).bounding_box() for one in ("#screen", "#pause", "#device", "#faces")]
    screen, pause, name, faces = (one["y"] if one else -1 for one in boxes)
    assert 0 <= screen < pause < name < faces
    assert boxes[0] is not None
    assert boxes[0]["width"] == 390
    page.locator("#pause").click()
    expect(page.locator("#overlay")).to_contain_text("The camera is off until")
    page.locator("#pause").click()
    expect(page.locator("#camera")).to_have_text("camera on")
    page.close()


def test_a_snapshot_is_saved_and_the_video_fills_the_screen(visit: Visit) -> None:
    visit.show("Live")
    expect(visit.page.locator("#overlay")).to_be_hidden()
    with visit.page.expect_download() as saved:
        visit.page.get_by_role("link", name="Save a snapshot").click()
    image = cv2.imread(str(saved.value.path()))
    assert image is not None
    assert image.shape == (480, 640, 3)
    visit.page.get_by_role("button", name="Full screen").click()
    wait_until(lambda: visit.page.evaluate("document.fullscreenElement?.id") == "screen")
    visit.page.get_by_role("button", name="Full screen").click()
    wait_until(lambda: visit.page.evaluate("document.fullscreenElement") is None)


def test_events_scroll_in_their_card(visit: Visit) -> None:
    heights = "list => [list.clientHeight, list.scrollHeight]"
    visit.show("Live")
    wait_until(lambda: visit.page.locator("#events li").count() > 10, seconds=60)
    shown, whole = visit.page.locator("#events").evaluate(heights)
    assert shown < whole


def test_the_page_is_small_and_asks_for_little(visit: Visit, browser: Browser) -> None:
    page = browser.new_page()
    answers: list[int] = []
    page.on("requestfinished", lambda one: answers.append(one.sizes()["responseBodySize"]))
    page.goto(visit.address, wait_until="domcontentloaded")
    page.locator("#faces .face").first.wait_for()
    page.wait_for_timeout(500)
    page.close()
    assert 10 < len(answers) < 25
    assert 50_000 < sum(answers) < 200_000


def test_while_nobody_looks_at_the_page_no_image_is_sent(visit: Visit) -> None:
    visit.show("Live")
    wait_until(lambda: visit.state["viewers"] == 1)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    visit.page.evaluate(hide % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: visit.state["viewers"] == 0)
    visit.page.evaluate(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: visit.state["viewers"] == 1)


def test_nothing_is_asked_of_anybody_else_and_nothing_fails(visit: Visit) -> None:
    assert visit.faults == []
    assert [place for place in visit.places if visit.address not in place] == []


def test_a_page_with_a_token_asks_for_it_first(
    browser: Browser, stream: LiveStream, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "token").write_text(TOKEN)
    settings = config(stream, port, token={"file": "token"})
    with Daemon(tmp_path, settings) as daemon:
        daemon.wait_for("web page at")
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}", wait_until="domcontentloaded")
        expect(page.locator("#login")).to_be_visible()
        expect(page.locator("main")).to_be_hidden()
        page.locator("#token").fill("wrong-horse-battery")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#login-answer")).to_have_text("that is not the token")
        page.locator("#token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#faces .bar")).to_have_count(8)
        page.close()
        assert TOKEN not in daemon.log
