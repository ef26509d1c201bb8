"""Parts of a new config, taken from those of the old where these serve."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from edge.assembly import desk_of
from edge.config import parse_config
from edge.parts import Parts, Plan, change_parts, open_parts
from edge.records import Image, Scene
from edge.showcase import Showcase
from edge.view import Outlook
from edge.view.settings import Blur

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
        ({"tracker": {"min_hits": 4}}, {"follower", "expressions"}),
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


@pytest.fixture
def outlook() -> Outlook:
    return Outlook(Showcase(), Blur.NONE, scene_of)


def scene_of(image: Image) -> Scene:
    raise AssertionError("no picture was to be read")


def views(plan: Plan, outlook: Outlook | None, before: tuple[Parts, Plan] | None = None) -> Parts:
    plan = replace(plan, outlook=outlook)
    if before is None:
        return open_parts(plan, count(1))
    return change_parts(before[0], replace(before[1], outlook=outlook), plan, count(1))


@pytest.mark.parametrize("view", ["window", "web"])
def test_a_view_is_opened_where_the_config_wants_it_and_there_is_something_to_see(
    tmp_path: Path, outlook: Outlook, view: str
) -> None:
    wanted = plan(tmp_path, view={view: True})
    assert len(views(wanted, outlook).sinks) == 3
    assert len(views(wanted, None).sinks) == 2


def test_a_view_stays_through_changes_that_do_not_concern_it(
    tmp_path: Path, outlook: Outlook
) -> None:
    old = plan(tmp_path, view={"web": True})
    parts = views(old, outlook)
    new = Plan(plan(tmp_path, view={"web": True}, smoothing={"dwell": 0.5}).config, old.desk)
    assert views(new, outlook, (parts, old)).sinks[2] is parts.sinks[2]
    other = Plan(plan(tmp_path, view={"web": True}, web={"port": 8081}).config, old.desk)
    assert views(other, outlook, (parts, old)).sinks[2] is not parts.sinks[2]


def test_a_view_can_be_closed_and_opened_by_a_change(tmp_path: Path, outlook: Outlook) -> None:
    without, with_web = plan(tmp_path), plan(tmp_path, view={"web": True})
    with_web = Plan(with_web.config, without.desk)
    parts = views(without, outlook)
    opened = views(with_web, outlook, (parts, without))
    assert len(opened.sinks) == 3
    assert views(without, outlook, (opened, with_web)).sinks == parts.sinks
