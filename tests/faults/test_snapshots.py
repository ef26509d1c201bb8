"""Stored snapshots show nobody unhidden, and a disk that refuses them costs nothing else."""

from pathlib import Path

import cv2
import pytest

from tests.e2e.daemon import read_events, run_here
from tests.e2e.test_snapshots import config
from tests.edge.view.scenes import expression, scene
from tests.edge.view.test_snapshots import BOX, noise, recording, searched, stored
from tests.events import event
from tests.faults import fault


@fault(
    "files",
    "the disk refuses snapshots of events",
    seen="one line",
    recovery="by itself, at the next snapshot",
    lost="those snapshots",
)
def test_a_disk_that_refuses_is_one_line_and_no_event_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "snapshots").write_text("not a folder")
    assert run_here(tmp_path, config(tmp_path)) == 0
    assert len(read_events(tmp_path / "events.jsonl")) >= 5
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    refused = [line for line in lines if "snapshots are not written" in line]
    assert len(refused) == 1
    assert str(tmp_path / "state" / "snapshots") in refused[0]


@fault(
    "people",
    "somebody comes between two searches, and an event asks for a snapshot",
    seen="the first searched frame after the event",
    recovery="none needed",
)
def test_a_frame_that_was_not_searched_is_never_written(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        unsearched = scene(expression(BOX), image=noise(1))
        recorder.take(unsearched, [event()])
        recorder.take(unsearched, [])
        recorder.take(searched(noise(2)), [])
        recorder.take(searched(noise(3)), [])
    (image,) = stored(tmp_path)
    near = [cv2.norm(image, noise(seed), cv2.NORM_L1) for seed in (1, 2, 3)]
    assert min(near) == near[1]
