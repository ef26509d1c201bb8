"""Frames that were not decoded anew are no frames; images too large are refused by their size."""

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture.camera import OpenCVSource
from edge.capture.pausable import PausableSource
from edge.capture.reconnect import ReconnectingSource
from edge.capture.stream import StreamSettings
from tests.brokers import wait_until
from tests.edge.cameras import KeepingSink
from tests.edge.pipelines import Slow, build
from tests.faults import fault
from tests.films import write_film
from tests.mjpeg import Clock, serve_mjpeg

SCENE = cv2.GaussianBlur(
    np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8), (9, 9), 0
)
WHOLE = cv2.imencode(".jpg", SCENE)[1].tobytes()
HALF = WHOLE[: len(WHOLE) // 2]
BAD = {"garbage": bytes(range(256)) * 20, "empty": b"", "cut short": HALF}
COMPLAINED = HALF + b"\xff\xd9"
"""Libjpeg decodes it, and says that data are missing."""


class Webcam:
    """A USB camera as OpenCV gives it, with the JPEGs that it sends; it sends them in a circle."""

    def __init__(self, jpegs: Sequence[bytes]) -> None:
        self._jpegs, self._sent = jpegs, 0

    def isOpened(self) -> bool:  # noqa: N802  # theirs
        return True

    def get(self, number: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 160.0, cv2.CAP_PROP_FRAME_HEIGHT: 120.0}[number]

    def read(self) -> tuple[bool, NDArray[np.uint8]]:
        self._sent += 1
        return True, np.frombuffer(self._jpegs[self._sent % len(self._jpegs)], np.uint8)[None]

    def grab(self) -> bool:
        return True

    def release(self) -> None:
        pass


def connect(jpegs: Sequence[bytes], clock: Clock | None = None) -> ReconnectingSource:
    """Return the source of a camera that sends these JPEGs again and again."""
    clock = clock or Clock()
    camera: Any = Webcam(jpegs)
    return ReconnectingSource(
        "camera 0", lambda: OpenCVSource(camera, gives_jpegs=True), clock, clock.sleep
    )


@fault(
    "camera",
    "sends nothing but damaged frames",
    seen="`camera: offline`, one line",
    recovery="a whole frame",
    lost="those frames",
)
@pytest.mark.parametrize("kind", BAD)
def test_a_camera_that_sends_nothing_else_is_offline_and_it_is_one_line(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    source = connect([BAD[kind]], clock)
    with caplog.at_level(logging.INFO):
        while clock.now < 3600:
            assert source.read() is None
    assert source.online is False
    assert source.damaged > 1000
    gone = [one for one in caplog.records if "trying again" in one.getMessage()]
    assert len(gone) == 1
    assert len(caplog.records) < 15, "the count is told when it doubled"
    assert caplog.text.count("camera 0: ") == len(caplog.records)


@fault(
    "camera",
    "sends a damaged frame between whole ones",
    seen="a count of damaged frames",
    recovery="by itself",
    lost="that frame",
)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_frame_between_others_is_counted_and_never_seen(kind: str) -> None:
    source = connect([WHOLE, BAD[kind], WHOLE])
    frames = [source.read() for _ in range(300)]
    given = [frame for frame in frames if frame is not None]
    assert (len(given), source.damaged, source.online) == (200, 100, True)
    assert all(np.abs(one.image.astype(int) - SCENE).mean() < 5 for one in given)


def test_what_libjpeg_says_is_one_line_with_a_name_and_a_count(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    source = connect([WHOLE, COMPLAINED])
    with caplog.at_level(logging.INFO):
        for _ in range(200):
            source.read()
    assert capfd.readouterr().err == "", "nothing comes past the log"
    told = [one.getMessage() for one in caplog.records if "complaint" in one.getMessage()]
    assert told[-1].startswith("camera 0: images decoded with a complaint so far: 64 (Corrupt")
    assert len(told) == 7


def test_what_others_print_there_in_between_is_not_touched(
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = connect([COMPLAINED])
    source.read()
    cv2.imdecode(np.frombuffer(COMPLAINED, np.uint8), cv2.IMREAD_COLOR)
    assert "Corrupt JPEG data" in capfd.readouterr().err


def test_the_stats_count_them_by_name_and_go_on_counting_after_another_source() -> None:
    source = PausableSource(connect([WHOLE, b""]), live=True)
    for _ in range(10):
        source.read()
    source.replace(connect([b"", WHOLE]), live=True)
    for _ in range(10):
        source.read()
    assert source.damaged == 10
    pipeline = build(connect([WHOLE, b""]), KeepingSink(), live=True, detector=Slow(0.0))
    pipeline.start()
    wait_until(lambda: pipeline.stats().dropped["damaged_frames"] > 5)
    assert pipeline.stop()
    assert pipeline.failed_inputs == 0, "a bad frame of a camera is no failed input"


@pytest.fixture(scope="module")
def huge() -> bytes:
    """A JPEG of more than 50 megapixels."""
    return cv2.imencode(".jpg", np.zeros((7200, 7200), np.uint8))[1].tobytes()


@fault(
    "files",
    "a video of too many pixels",
    seen="one line with its size",
    recovery="none needed",
    lost="that video",
)
def test_a_video_that_announces_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path,
) -> None:
    path = write_film(tmp_path / "huge.avi", [np.zeros((7200, 7200, 3), np.uint8)], "MJPG")
    program = "import sys, edge.__main__ as m; code = m.main(); print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(code)"
    command = [
        sys.executable,
        "-c",
        program,
        "video",
        str(path),
        "--events",
        str(tmp_path / "events.jsonl"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 1
    (line,) = [line for line in run.stderr.splitlines() if "huge.avi" in line]
    assert line.endswith("huge.avi: expected at most 50000000 pixels, found 7200x7200")
    assert int(run.stdout.split()[-1]) < 200_000, "kilobytes resident at most"


@pytest.fixture
def address(huge: bytes) -> Iterator[str]:
    with serve_mjpeg(lambda _: repeat(huge, 1000)) as server:
        yield f"{server.address}/"


@fault(
    "camera",
    "announces too many pixels",
    seen="`camera: offline`, one line with the size",
    recovery="smaller images",
    lost="frames of the meantime",
)
def test_a_stream_that_announces_too_many_pixels_is_offline_and_the_reason_is_told(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = ReconnectingSource("stream", StreamSettings(url=address).open)
    with caplog.at_level(logging.WARNING):
        assert source.read() is None
    assert source.online is False
    assert "stream: expected at most 33177600 pixels, found 7200x7200" in caplog.text


def test_a_camera_whose_image_grows_beyond_what_it_announced_is_offline(
    huge: bytes,
) -> None:
    source = connect([huge, WHOLE])
    assert source.read() is not None
    assert source.read() is None
    assert source.online is False
