"""Parts of a new config, taken from those of the old where these serve."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from edge.assembly import desk_of
from edge.config import parse_config
from edge.parts import Parts, Plan, change_parts, open_parts

BASE: dict[str, Any] = {
    "source": {"kind": "video", "path": "film.mp4"},
    "detector": {"kind": "haar"},
    "sinks": [{"kind": "mqtt", "device": "a"}, {"kind": "jsonl", "path": "events.jsonl"}],
    "state": "state",
}


def plan(folder: Path, **fields: Any) -> Plan:
    config = parse_config({**BASE, **fields}, folder / "config.yaml")
    return Plan(config, desk_of(config))


def replaced(folder: Path, **fields: Any) -> tuple[Parts, set[str]]:
    """Return the parts after a change, and the names of what is not as before."""
    old, new = plan(folder), plan(folder, **fields)
    # One queue of requests, as the controller keeps it.
    assert old.desk is not None
    new = Plan(new.config, desk_of(new.config, old.desk))
    before = open_parts(old, count(1))
    after = change_parts(before, old, new, count(1))
    names = {
        "source": before.source is not after.source,
        "follower": before.analysis.follower is not after.analysis.follower,
        "expressions": before.analysis.expressions is not after.analysis.expressions,
        "mqtt": before.sinks[0] not in after.sinks,
        "jsonl": before.sinks[1] not in after.sinks,
    }
    return after, {name for name, changed in names.items() if changed}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, set()),
        ({"smoothing": {"dwell": 0.5}}, {"expressions"}),
        ({"tracker": {"min_hits": 3}}, {"follower", "expressions"}),
        ({"source": {"kind": "video", "path": "b.mp4"}}, {"source", "follower", "expressions"}),
        ({"privacy": {"pictures": True}}, {"mqtt"}),
        ({"sinks": [BASE["sinks"][1]]}, {"mqtt"}),
        ({"sinks": [BASE["sinks"][1], BASE["sinks"][0]]}, set()),
        ({"sinks": [{"kind": "mqtt", "device": "b"}, BASE["sinks"][1]]}, {"mqtt"}),
        ({"state": "elsewhere"}, {"mqtt", "jsonl"}),
    ],
)
def test_only_what_a_change_of_the_config_concerns_is_made_anew(
    tmp_path: Path, fields: dict[str, Any], names: set[str]
) -> None:
    assert replaced(tmp_path, **fields)[1] == names


def test_another_kind_of_source_says_whether_frames_are_dropped(tmp_path: Path) -> None:
    parts, _ = replaced(tmp_path, source={"kind": "camera"})
    assert parts.live


def test_two_sinks_that_are_set_alike_are_two(tmp_path: Path) -> None:
    twice = [BASE["sinks"][0], BASE["sinks"][0]]
    parts, changed = replaced(tmp_path, sinks=twice)
    assert parts.sinks[0] is not parts.sinks[1]
    assert changed == {"jsonl"}
