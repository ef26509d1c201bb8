"""The preview window on a real X server, before a real daemon, with real keys."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.errors import ExitCode
from edge.types import Image
from tests.brokers import wait_until
from tests.conftest import ROOT
from tests.e2e.daemon import Daemon
from tests.films import write_film

GROUND, CARD = (0x18, 0x13, 0x0F), (0x26, 0x1E, 0x18)
"""Colors of the window beside the picture, and of its buttons: blue, green, red."""

ARTEFACT = ROOT / "test-results" / "preview.png"
"""What the screen looked like; git passes it over."""

SIZE = 1280, 1024

BAR = 62
"""Height of the bar below the picture."""

WINDOW = 640, 480 + BAR

APART_S = 1.0
"""Time between two clicks that are no double click: twice what SDL takes for one."""


class Display:
    """A screen without a monitor (Xvfb), for as long as the `with` block lasts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._frame = folder / "Xvfb_screen0"
        screen = ["-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-fbdir", str(folder)]
        # It would start anew whenever its last client leaves, and refuse others meanwhile.
        command = ["Xvfb", *screen, "-nolisten", "tcp", "-noreset", "-displayfd", "1"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.name = f":{self._process.stdout.readline().strip()}"
        self.environment = {"DISPLAY": self.name, "WAYLAND_DISPLAY": "", "SDL_VIDEODRIVER": "x11"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()

    def xdotool(self, *arguments: object) -> str:
        command = ["xdotool", *map(str, arguments)]
        environment = {"DISPLAY": self.name, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout.strip()

    @property
    def windows(self) -> list[str]:
        return self.xdotool("search", "--onlyvisible", "--class", "^emotiond$").split()

    def press(self, key: str) -> None:
        """Press a key of the keyboard; without a window manager nothing else has the focus."""
        wait_until(lambda: self.windows)  # SDL hides a new window once while it opens
        self.xdotool("windowfocus", "--sync", *self.windows[:1])
        self.xdotool("key", key)

    def click(self, x: int, y: int, times: int = 1) -> None:
        """Click at a place of the window."""
        left, top, *_ = self.place
        self.xdotool("mousemove", left + x, top + y)
        self.xdotool("click", "--repeat", times, "--delay", 50, 1)

    def resize(self, width: int, height: int) -> None:
        self.xdotool("windowsize", "--sync", self.windows[0], width, height)

    def look(self) -> Image:
        """Return what is on the screen, BGR; the file is in the format of xwd (XWDFile.h)."""
        data = self._frame.read_bytes()
        head = np.frombuffer(data, ">u4", 25)
        start, colours, width = int(head[0]), int(head[19]), int(head[4])
        pixels = np.frombuffer(data, np.uint8, offset=start + 12 * colours)
        return pixels.reshape(-1, int(head[12]))[: SIZE[1], : 4 * width].reshape(-1, width, 4)[
            ..., :3
        ]

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Of the window: left, top, width, height."""
        told = self.xdotool("getwindowgeometry", "--shell", *self.windows[:1])
        place = dict(line.split("=") for line in told.splitlines())
        x, y, width, height = (int(place.get(name, 0)) for name in ("X", "Y", "WIDTH", "HEIGHT"))
        return x, y, width, height

    def window(self) -> Image:
        """Return what is in the window."""
        x, y, width, height = self.place
        return self.look()[y : y + height, x : x + width]


@pytest.fixture(autouse=True)
def needs_a_screen() -> None:
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Display]:
    with Display(tmp_path / "screen") as display:
        yield display


@pytest.fixture(scope="module")
def stream() -> Iterator[LiveStream]:
    with LiveStream(CLIP, 15) as stream:
        yield stream


def config(stream: LiveStream, window: bool = True, **fields: Any) -> dict[str, Any]:
    source = {"kind": "stream", "url": stream.url}
    return {"source": source, "sinks": [], "preview": {"enabled": window}, **fields}


@dataclass(frozen=True)
class Visit:
    """Somebody who sits before the window."""

    daemon: Daemon
    display: Display

    def sees_a_picture(self, ground: NDArray[np.int16]) -> bool:
        """Tell whether the window shows the camera's picture."""
        away = np.abs(self.display.window() - ground).max(axis=2)
        return bool((away < 20).mean() > 0.2)

    def double_clicks_to(self, size: tuple[int, int]) -> bool:
        """Click twice into the image; tell whether the window then comes to have this size."""
        self.display.click(200, 100, times=2)
        with suppress(AssertionError):
            wait_until(lambda: self.display.place[2:] == size, 3.0)
        return self.display.place[2:] == size


@pytest.fixture
def visit(display: Display, stream: LiveStream, tmp_path: Path) -> Iterator[Visit]:
    with Daemon(tmp_path, config(stream), display.environment) as daemon:
        wait_until(lambda: len(display.windows) == 1, seconds=30)
        yield Visit(daemon, display)


@pytest.fixture
def ground(clip: list[Image]) -> NDArray[np.int16]:
    """A colour of the clip that no face and no label reaches."""
    return np.asarray(clip[0][5, 320], dtype=np.int16)


def test_the_window_shows_the_annotated_picture(visit: Visit, ground: NDArray[np.int16]) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    seen = visit.display.window()
    assert seen.shape == (WINDOW[1], WINDOW[0], 3)
    wait_until(lambda: np.abs(visit.display.window().astype(int) - seen).mean() > 1.0, seconds=30)
    visit.daemon.wait_for("frames are coming")
    ARTEFACT.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(ARTEFACT), visit.display.look())


def test_q_ends_the_daemon(visit: Visit) -> None:
    visit.display.press("q")
    assert visit.daemon.wait() == ExitCode.OK
    assert visit.display.windows == []


def test_space_lets_go_of_the_camera_and_takes_it_again(
    visit: Visit, ground: NDArray[np.int16]
) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    visit.display.press("space")
    wait_until(lambda: bool((visit.display.window()[400] == GROUND).all()))
    visit.display.press("space")
    wait_until(lambda: visit.sees_a_picture(ground))


def test_m_and_d_take_another_model_and_detector(visit: Visit, ground: NDArray[np.int16]) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    visit.display.press("m")
    visit.daemon.wait_for(", detector builtin", seconds=30)
    assert "model shallow-int8," not in visit.daemon.log
    visit.display.press("d")
    wait_until(lambda: visit.daemon.log.count(", detector ") == 2, seconds=30)
    assert visit.daemon.log.count(", detector builtin") == 1


def test_s_saves_the_picture_into_the_folder_where_it_was_started(
    visit: Visit, ground: NDArray[np.int16], tmp_path: Path
) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    visit.display.press("s")
    wait_until(lambda: len(list(tmp_path.glob("emotiond-*.png"))) == 1)
    (path,) = tmp_path.glob("emotiond-*.png")
    visit.daemon.wait_for(f"image saved as {path}")
    saved = cv2.imread(str(path))
    assert saved is not None
    assert np.abs(saved[8, 320].astype(int) - ground).max() < 20


def test_f_takes_the_whole_screen_and_gives_it_back(
    visit: Visit, ground: NDArray[np.int16]
) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    for key, size in (("f", SIZE), ("f", WINDOW), ("f", SIZE), ("Escape", WINDOW)):
        visit.display.press(key)
        wait_until(lambda: visit.display.place[2:] == size)  # noqa: B023
        wait_until(lambda: visit.sees_a_picture(ground))


def test_the_bar_of_keys_lies_below_the_picture(visit: Visit, ground: NDArray[np.int16]) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    shown = visit.display.window()
    assert not (shown[:480] == GROUND).all(axis=2).any()
    assert (shown[480:] == GROUND).all(axis=2).mean() > 0.2


def button(image: Image, number: int) -> tuple[int, int]:
    """Return the middle of a button of the bar, counted from the left."""
    row = (image[-14] == CARD).all(axis=1)
    starts = np.flatnonzero(row[1:] & ~row[:-1])
    ends = np.flatnonzero(row[:-1] & ~row[1:])
    return int(starts[number] + ends[number]) // 2, image.shape[0] - 10


def test_the_bar_does_with_a_click_what_its_keys_do(
    visit: Visit, ground: NDArray[np.int16], tmp_path: Path
) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    image = visit.display.window()
    visit.display.click(*button(image, 3))
    wait_until(lambda: len(list(tmp_path.glob("emotiond-*.png"))) == 1)
    pause, leave = button(image, 0), button(image, 5)
    visit.display.click(*pause)
    wait_until(lambda: bool((visit.display.window()[400] == GROUND).all()))
    visit.display.click(*pause)
    wait_until(lambda: visit.sees_a_picture(ground))
    visit.display.click(*leave)
    assert visit.daemon.wait() == ExitCode.OK


def test_a_double_click_takes_the_whole_screen_and_gives_the_size_before_back(
    visit: Visit, ground: NDArray[np.int16]
) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    visit.display.resize(500, 400)
    for size in (SIZE, (500, 400)):
        for _ in range(2):
            time.sleep(APART_S)
            visit.display.click(200, 100)
        time.sleep(APART_S)
        assert visit.display.place[2:] != size
        # A busy machine takes the two clicks for single ones; a person then clicks again.
        wait_until(lambda: visit.double_clicks_to(size))  # noqa: B023


def test_the_window_keeps_its_size_where_that_of_the_source_changes(
    display: Display, tmp_path: Path
) -> None:
    sources = [write_film(tmp_path / f"{width}.mp4", [np.full((height, width, 3), gray, np.uint8)] * 500)
               for width, height, gray in ((640, 480, 200), (320, 400, 90))]  # fmt: skip
    fields: dict[str, Any] = {"sinks": [], "preview": {"enabled": True}}
    with Daemon(tmp_path, {"source": str(sources[0]), **fields}, display.environment) as daemon:
        wait_until(lambda: len(display.windows) == 1, seconds=30)
        wait_until(lambda: abs(int(display.window()[200, 320, 0]) - 200) < 9)
        daemon.write({"source": str(sources[1]), **fields})
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: abs(int(display.window()[200, 320, 0]) - 90) < 9, seconds=30)
        assert display.place[2:] == WINDOW
        assert (display.window()[200, 100] == GROUND).all()


def test_where_the_x_server_goes_away_the_daemon_runs_on(
    visit: Visit, ground: NDArray[np.int16], tmp_path: Path
) -> None:
    wait_until(lambda: visit.sees_a_picture(ground))
    visit.display.kill()
    visit.daemon.wait_for("the preview window is gone")
    visit.daemon.signal(signal.SIGHUP)
    visit.daemon.wait_for("read again")
    assert visit.daemon.stop() == ExitCode.OK


def test_a_window_is_opened_and_closed_by_reading_the_config_again(
    display: Display, stream: LiveStream, tmp_path: Path
) -> None:
    with Daemon(tmp_path, config(stream, window=False), display.environment) as daemon:
        daemon.wait_for("frames are coming")
        assert display.windows == []
        for window in (True, False):
            daemon.write(config(stream, window=window))
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: len(display.windows) == window, seconds=30)  # noqa: B023
        assert daemon.stop() == ExitCode.OK


def test_a_blurred_face_is_blurred_in_the_window(
    display: Display, stream: LiveStream, tmp_path: Path
) -> None:
    hidden = config(stream, privacy={"blur": "frame"})
    with Daemon(tmp_path, hidden, display.environment) as daemon:
        daemon.wait_for("frames are coming")
        wait_until(lambda: len(display.windows) == 1, seconds=30)
        wait_until(lambda: bool((display.window()[8] <= 32).all()), seconds=30)
