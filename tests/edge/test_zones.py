"""Zones and regions to ignore: what is refused, what is hidden, who is told to be where."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.capture.source import iter_frames
from edge.commands.demo import CLIP
from edge.config import parse_config
from edge.errors import ConfigError
from edge.geometry import Box
from edge.pipeline.build import build_components
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.processing import ImageAnalyzer
from edge.types import AnalyzedFrame, Image
from edge.zones import black_out, zones_of
from tests.e2e.daemon import read_events
from tests.edge.cameras import FakeCamera
from tests.edge.pipelines import run
from tests.events import frame
from tests.films import frames_of

LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
RIGHT = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
EVERYTHING = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"zones": {"door": []}}, "zones.door: expected 3 to 100 points, found 0"),
        ({"zones": {"door": [[0, 0]] * 101}}, "zones.door: expected 3 to 100 points, found 101"),
        ({"ignore": [LEFT, LEFT[:2]]}, "ignore[1]: expected 3 to 100 points, found 2"),
        ({"ignore": [[[0, 0], [640, 0], [640, 480]]]}, "ignore[0]: expected shares of the frame, 0 to 1, found [640.0, 0.0]"),
        ({"ignore": [[[0, 0], [1, 0], [1, float("nan")]]]}, "ignore[0]: expected shares of the frame"),
        ({"zones": {"door": [[0, 0], [1, 1], [1, 0], [0, 1]]}}, "zones.door: expected edges that do not cross, found that [0.0, 0.0] to [1.0, 1.0] crosses"),
        ({"zones": {"door": [[0, 0], [0.5, 0.5], [1, 1]]}}, "zones.door: expected a polygon, found points on one line"),
        ({"zones": {"the door": LEFT}}, "zones: expected every key to be a text matching"),
        ({"zones": {"door": [[0, 0, 0]] * 3}}, "zones: expected a list of length 2"),
        ({"zones": [LEFT]}, "zones: expected a mapping, found a list"),
        ({"ignore": {"tv": LEFT}}, "ignore: expected a list, found a mapping"),
    ],
)  # fmt: skip
def test_a_polygon_that_cannot_be_used_is_one_line(data: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, Path("my.yaml"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_polygon_may_repeat_its_first_point_at_the_end() -> None:
    parse_config({"zones": {"door": [*LEFT, LEFT[0]]}}, Path("my.yaml"))


def test_regions_are_black_where_they_overlap_too_and_the_rest_is_as_it_was() -> None:
    image = np.full((40, 80, 3), 200, np.uint8)
    config = parse_config({"ignore": [LEFT, LEFT]}, Path("my.yaml"))
    hidden = black_out(frame(image=image), config.ignore).image
    assert not hidden[:, :40].any()
    assert (hidden[:, 42:] == 200).all()
    assert (image == 200).all()
    assert not hidden.flags.writeable


def test_a_face_leaves_a_zone_only_once_it_is_a_quarter_of_its_width_outside() -> None:
    zones = parse_config({"zones": {"left": LEFT, "right": RIGHT}}, Path("my.yaml")).zones
    image = np.zeros((100, 200, 3), np.uint8)

    def at(x: float, *before: str) -> tuple[str, ...]:
        return zones_of(Box(x - 20, 30, x + 20, 70), image, zones, before)

    assert at(60) == at(60, "right") == ("left",)
    assert at(108) == ("right",)
    assert at(108, "left") == ("left", "right")
    assert at(112, "left") == ("right",)


def watched(tmp_path: Path, **fields: Any) -> tuple[list[dict[str, Any]], list[Image]]:
    """Return the events of the built-in clip, and the images that were shown of it."""
    source = {"kind": "video", "path": str(CLIP), "realtime": False}
    log = {"kind": "jsonl", "path": "events.jsonl"}
    config = parse_config({"source": source, "sinks": log, **fields}, tmp_path / "my.yaml")
    shown: list[Image] = []

    def show(frame: AnalyzedFrame | None) -> None:
        if frame is not None:
            shown.append(frame.frame.image)

    run(Pipeline(build_components(config), show))
    return read_events(tmp_path / "events.jsonl"), shown


def test_in_a_region_to_ignore_nothing_is_found_and_nothing_shown(tmp_path: Path) -> None:
    events, images = watched(tmp_path, ignore=[EVERYTHING])
    assert events == []
    assert len(images) == len(frames_of(CLIP))
    assert not np.any(images)


def test_an_event_tells_the_zones_of_its_face_where_the_config_has_some(tmp_path: Path) -> None:
    events, _ = watched(tmp_path, zones={"all": EVERYTHING, "corner": [[0, 0], [0.1, 0], [0, 0.1]]})
    assert events
    assert {tuple(event["zones"]) for event in events} == {("all",)}


def test_without_zones_an_event_says_nothing_of_them(tmp_path: Path) -> None:
    events, _ = watched(tmp_path)
    assert events
    assert not any("zones" in event for event in events)


def test_a_face_that_only_enters_or_leaves_a_zone_has_an_event_of_that(
    tmp_path: Path, clip: list[Image]
) -> None:
    moving = [np.roll(clip[4], 6 * step, axis=1) for step in range(-20, 20)]
    config = parse_config(
        {
            "source": {"kind": "video", "path": str(CLIP)},
            "zones": {"left": LEFT},
            "sinks": {"kind": "jsonl", "path": "events.jsonl"},
            "classifier": {"min_confidence": 0.0},
        },
        tmp_path / "my.yaml",
    )
    components = build_components(config)
    object.__setattr__(components, "source", FakeCamera(moving, fps=20.0))
    run(Pipeline(components))
    events = read_events(tmp_path / "events.jsonl")
    assert [(event["type"], event["zones"]) for event in events] == [
        ("start", ["left"]),
        ("zone", []),
        ("end", []),
    ]


def test_an_image_that_is_given_to_be_analyzed_is_not_blackened(clip: list[Image]) -> None:
    config = parse_config({"ignore": [EVERYTHING], "detector": "haar"}, Path("my.yaml"))
    assert ImageAnalyzer(lambda: config).analyze(clip[4]).expressions


def test_what_is_collected_and_calibrated_does_not_see_what_is_ignored(clip: list[Image]) -> None:
    regions = parse_config({"ignore": [EVERYTHING]}, Path("my.yaml")).ignore
    (seen,) = iter_frames(FakeCamera(clip[:1]), ignore=regions)
    assert not seen.image.any()
