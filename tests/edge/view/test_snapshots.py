"""Snapshots of events: which image is written, how it is hidden, and within what bounds."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.config import parse_config
from edge.errors import ConfigError
from edge.geometry import Box
from edge.types import AnalyzedFrame, EventType, Image
from edge.view import PrivacyBlur
from edge.view.snapshots import SnapshotRecorder, SnapshotSettings, snapshot_sizes
from tests.edge.view.scenes import expression, scene
from tests.events import event

BOX = Box(20.0, 20.0, 40.0, 40.0)
TIME = datetime(2026, 11, 29, 12, tzinfo=UTC)


def noise(seed: int = 0, side: int = 96) -> Image:
    """Return an image that no JPEG makes small."""
    image: Image = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    image.setflags(write=False)
    return image


def searched(image: Image, track_id: int = 1) -> AnalyzedFrame:
    """Return a frame that was searched, with a face."""
    frame = scene(expression(BOX, track_id=track_id), image=image)
    return replace(frame, tracked=replace(frame.tracked, searched=True))


@contextmanager
def recording(folder: Path, blur: PrivacyBlur = PrivacyBlur.NONE, **fields: Any) -> Iterator[Any]:
    settings = SnapshotSettings(**{"on": ("start", "change"), **fields})
    recorder = SnapshotRecorder(settings, blur, folder, live=False)
    yield recorder
    recorder.close(10.0)


def stored(folder: Path) -> list[Image]:
    images = [cv2.imread(str(path)) for path in snapshot_sizes(folder)]
    return [np.asarray(image, dtype=np.uint8) for image in images]


def test_an_image_is_written_of_each_event_that_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "snapshots"
    with recording(folder) as recorder:
        for number, kind in enumerate(EventType, start=1):
            one = event(kind, number, time=TIME + timedelta(seconds=number))
            recorder.take(searched(noise(number), number), [one])
    names = [path.name for path in snapshot_sizes(folder)]
    assert names == [
        "20261129T120001000Z-start-happy-1.jpg",
        "20261129T120002000Z-change-happy-2.jpg",
    ]
    assert cv2.norm(stored(folder)[1], noise(2), cv2.NORM_L1) / noise().size < 60


def test_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "snapshots"
    with recording(folder) as recorder:
        recorder.take(searched(noise()), [event()])
    (path,) = snapshot_sizes(folder)
    modes = [one.stat().st_mode & 0o777 for one in (path, folder, folder.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_a_face_that_went_before_the_next_search_has_no_image(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        recorder.take(scene(expression(BOX), image=noise()), [event()])
        recorder.take(scene(image=noise()), [])
        recorder.take(searched(noise()), [])
    assert stored(tmp_path) == []


@pytest.mark.parametrize("blur", PrivacyBlur)
def test_what_the_config_hides_is_hidden_in_it(tmp_path: Path, blur: PrivacyBlur) -> None:
    with recording(tmp_path, blur) as recorder:
        recorder.take(searched(noise()), [event()])
    (image,) = stored(tmp_path)
    face, rest = image[24:36, 24:36], image[60:, 60:]
    detail = {
        name: cv2.Laplacian(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), cv2.CV_64F).std()
        for name, part in (("face", face), ("rest", rest))
    }
    assert (detail["face"] > 60) == (blur is PrivacyBlur.NONE)
    assert (detail["rest"] > 60) == (blur is not PrivacyBlur.FRAME)


def test_the_face_alone_is_as_large_as_what_is_blurred_of_it(tmp_path: Path) -> None:
    with recording(tmp_path, what="face") as recorder:
        recorder.take(searched(noise()), [event()])
    (image,) = stored(tmp_path)
    assert image.shape == (32, 32, 3)


def test_a_face_outside_the_frame_is_no_image_and_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = scene(expression(Box(-90.0, 0.0, -50.0, 40.0)), image=noise())
    frame = replace(frame, tracked=replace(frame.tracked, searched=True))
    with recording(tmp_path, what="face") as recorder:
        recorder.take(frame, [event()])
    assert (stored(tmp_path), caplog.records) == ([], [])


def test_beyond_the_size_the_oldest_are_deleted(tmp_path: Path) -> None:
    large = [noise(seed, 512) for seed in range(2)]
    with recording(tmp_path, max_bytes="1MB") as recorder:
        for number in range(12):
            one = event(time=TIME + timedelta(seconds=number))
            recorder.take(searched(large[number % 2]), [one])
    sizes = snapshot_sizes(tmp_path)
    assert 600_000 < sum(sizes.values()) <= 1_000_000
    assert max(sizes).name.startswith("20261129T120011")
    assert len(sizes) < 12


def test_an_image_larger_than_all_may_be_is_refused_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with recording(tmp_path, max_bytes="1MB") as recorder:
        for number in range(3):
            recorder.take(searched(noise(number, 1400)), [event()])
    assert stored(tmp_path) == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert "an image is larger than 1MB; snapshots are not written" in line


def test_a_full_disk_is_one_line_and_leaves_no_half_of_an_image(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with recording(tmp_path) as recorder:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
            for _ in range(3):
                recorder.take(searched(noise()), [event(track_id=1, time=TIME)])
            recorder.close(10.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert "File too large; snapshots are not written" in line


def test_a_slow_disk_holds_up_no_camera(tmp_path: Path) -> None:
    recorder = SnapshotRecorder(SnapshotSettings(on=("start",)), PrivacyBlur.NONE, tmp_path, True)
    recorder._started = True  # nobody writes
    for number in range(10):
        recorder.take(searched(noise(), number), [event(track_id=number)])
    assert recorder.dropped == 6


def test_what_waits_when_the_config_hides_more_is_not_written(tmp_path: Path) -> None:
    recorder = SnapshotRecorder(SnapshotSettings(on=("start",)), PrivacyBlur.NONE, tmp_path, True)
    large = noise(0, 2500)  # takes a while to encode
    for number in range(4):
        recorder.take(searched(large, number), [event(track_id=number)])
    recorder.close(0.0)  # another one goes on
    assert len(snapshot_sizes(tmp_path)) + recorder.dropped == 4
    assert recorder.dropped > 0


def test_a_label_of_a_users_own_model_is_no_path(tmp_path: Path) -> None:
    with recording(tmp_path / "snapshots") as recorder:
        recorder.take(searched(noise()), [event(emotion="../../très/heureux\n", time=TIME)])
    (path,) = snapshot_sizes(tmp_path / "snapshots")
    assert path.name == "20261129T120000000Z-start-______tr_s_heureux_-1.jpg"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"keep": "soon"}, "expected keep to be a whole number and s, min, h, d, not 'soon'"),
        ({"keep": "0d"}, "expected keep"),
        ({"keep": 7}, "snapshots.keep: expected a text, found 7"),
        ({"max_bytes": "1TB"}, "expected max_bytes to be a whole number and MB, GB"),
        ({"on": ["end"]}, "expected one of change, start, zone"),
        ({"on": ["start"]}, "snapshots.on: expected `privacy.allow_snapshots: true`"),
        ({"what": "clip"}, "expected one of"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(fields: Any, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({"snapshots": fields}, Path("emotiond.yaml"))
    assert text in str(refused.value)
    assert "\n" not in str(refused.value)
