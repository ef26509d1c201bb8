"""What the daemon says of real photos and clips, where this machine has them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MEDIA
from tests.e2e.daemon import read_events, run_here
from tests.films import frames_of, write_film


@pytest.fixture(params=["builtin", "haar", "blazeface"])
def detector(request: pytest.FixtureRequest) -> str:
    """Each detector that most people will have."""
    if request.param == "blazeface":
        request.getfixturevalue("blazeface")
    return str(request.param)


def watch(tmp_path: Path, path: Path, detector: str) -> list[dict[str, Any]]:
    """Run the daemon over a file with its default settings and return the events."""
    record = tmp_path / "events.jsonl"
    still = path.is_dir() or path.suffix in {".png", ".jpg"}
    source = {"kind": "images"} if still else {"kind": "video", "realtime": False}
    config = {
        "source": {**source, "path": str(path)},
        "detector": {"kind": detector},
        "sinks": [{"kind": "jsonl", "path": str(record)}],
    }
    assert run_here(tmp_path, config) == 0
    return read_events(record)


@pytest.mark.parametrize("name", ["intel_asl_thanks.mkv", "intel_asl_sister.mkv"])
def test_one_man_is_one_track(tmp_path: Path, media: Path, detector: str, name: str) -> None:
    assert {event["track_id"] for event in watch(tmp_path, media / name, detector)} == {1}


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of the frames of thirteen seconds of a hand."""
    whole = MEDIA / "tfjs_asl_hand_noface.mp4"
    if not whole.is_file():
        pytest.skip("the photos and clips of ../shared/data/media are not on this machine")
    return write_film(tmp_path_factory.mktemp("hand") / "hand.mp4", frames_of(whole)[::5])


def test_a_hand_and_a_cup_of_coffee_are_no_faces(
    tmp_path: Path, media: Path, hand: Path, detector: str
) -> None:
    for path in (hand, media / "skimage_coffee_noface.png"):
        assert watch(tmp_path, path, detector) == []


def test_photographs_without_a_face_give_no_events(
    tmp_path: Path, faceless: Path, detector: str
) -> None:
    assert watch(tmp_path, faceless, detector) == []


def test_a_smiling_man_is_happy_for_most_of_his_clip(
    tmp_path: Path, media: Path, detector: str
) -> None:
    events = watch(tmp_path, media / "intel_head-pose-face-detection-male.gif", detector)
    spans = pairwise(events)
    happy = sum(
        after["duration"] - before["duration"]
        for before, after in spans
        if before["emotion"] == "happy"
    )
    assert happy > 0.5 * 62 / 12.5


@pytest.mark.parametrize("name", ["skimage_astronaut.png", "fr_obama-720p.jpg"])
def test_a_smile_in_a_photograph_is_happy(
    tmp_path: Path, media: Path, detector: str, name: str
) -> None:
    assert [event["emotion"] for event in watch(tmp_path, media / name, detector)] == [
        "happy",
        "happy",
    ]


def test_three_people_are_three_faces(tmp_path: Path, media: Path, detector: str) -> None:
    assert len(watch(tmp_path, media / "tfjs_three_people.jpg", detector)) == 6
