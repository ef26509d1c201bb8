"""kill -9 at random moments: nothing that was recorded is lost, comes twice, or out of order.

`KILLS=300 python -m pytest tests/faults/test_kill.py` does as many as the variable says.
"""

import os
import random
import shutil
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.demo import CLIP
from tests.brokers import new_broker, wait_until
from tests.e2e.daemon import Daemon, mqtt
from tests.faults import fault
from tests.subscribers import Subscriber

EVENTS = "emotiond/test/event"
KILLS = int(os.environ.get("KILLS", "10"))


@dataclass
class KillResult:
    """What came of a number of kills; ids of events but for the numbers.

    Attributes:
        received: of every event, in their order; repeats are dropped.
        repeats: how many were dropped.
        recorded: of what lay in the outbox when a daemon was killed.
        lost: of `recorded`, what never came.
        misplaced: what came in another order than it was recorded.
        unfinished: tracks without exactly one start and, as the last, one end.
    """

    kills: int = 0
    repeats: int = 0
    restarts: int = 0
    received: list[str] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    unfinished: list[tuple[str, int]] = field(default_factory=list)


def kill_at_random(count: int, folder: Path, seed: int = 24) -> KillResult:
    """Kill a daemon that watches a video `count` times, let the last one end, and compare."""
    dice, result, recorded = random.Random(seed), KillResult(), dict[str, int]()
    with new_broker(folder) as broker, Subscriber(broker.host, broker.port) as subscriber:
        sinks = [{**mqtt(broker.port), "homeassistant": None}]
        config = {"source": {"kind": "video", "path": str(CLIP), "realtime": False}, "sinks": sinks}
        while result.kills < count:
            heard = len(subscriber.payloads(EVENTS))
            with Daemon(folder, config) as daemon:
                if dice.random() < 0.2:  # anywhere in its start
                    time.sleep(dice.uniform(0.0, 3.0))
                else:  # while it has something to say
                    wait_until(lambda: len(subscriber.payloads(EVENTS)) > heard, 60)  # noqa: B023
                    time.sleep(dice.uniform(0.0, 1.0))
                result.kills += daemon._process.poll() is None
            recorded |= outbox_content(folder / "state")
        with Daemon(folder, config) as daemon:
            assert daemon.wait(120) == 0
        wait_until(lambda: subscriber.payloads("emotiond/test/availability")[-1:] == ["offline"])
        subscriber.catch_up()
        compare(subscriber.payloads(EVENTS), recorded, result)
    return result


def outbox_content(state: Path) -> dict[str, int]:
    """Return the number of each event that waits on disk, by id; the file stays as it is."""
    found: dict[str, int] = {}
    for path in state.glob("outbox-*.sqlite"):
        copy = state / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for suffix in ("", "-wal"):
            if Path(f"{path}{suffix}").exists():
                shutil.copyfile(f"{path}{suffix}", copy / f"box{suffix}")
        with closing(sqlite3.connect(copy / "box")) as database:
            exists = database.execute("SELECT name FROM sqlite_master WHERE name = 'event'")
            if exists.fetchone():
                rows = database.execute("SELECT number, payload FROM event").fetchall()
                found |= {msgspec.json.decode(payload)["id"]: number for number, payload in rows}
    return found


def compare(events: list[dict[str, Any]], recorded: dict[str, int], result: KillResult) -> None:
    """Fill in what came of the events, as they were received, and of those on disk."""
    once = list({event["id"]: event for event in events}.values())
    result.received = [event["id"] for event in once]
    result.repeats = len(events) - len(once)
    result.restarts = sum(event.get("reason") == "restart" for event in once)
    result.recorded = list(recorded)
    result.lost = [one for one in recorded if one not in set(result.received)]
    known = [one for one in result.received if one in recorded]
    result.misplaced = [
        after for before, after in pairwise(known) if recorded[before] >= recorded[after]
    ]
    # Each run says all that it has to say, or the next run says it, before the next one begins.
    runs = [run for run, _ in groupby(event["run"] for event in once)]
    result.misplaced += [run for run in set(runs) if runs.count(run) > 1]
    tracks: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for event in once:
        tracks[event["run"], event["track_id"]].append(event["type"])
    for track, kinds in tracks.items():
        changes = ["change"] * (len(kinds) - 2)
        if kinds != ["start", *changes, "end"]:
            result.unfinished.append(track)


@fault(
    "machine",
    "`kill -9` at any moment, again and again",
    seen="the next run closes the open faces: `end`, reason `restart`",
    recovery="systemd starts it again",
)
def test_kills_at_random_lose_repeat_and_misplace_nothing(tmp_path: Path) -> None:
    result = kill_at_random(KILLS, tmp_path)
    assert result.kills == KILLS
    assert (result.lost, result.misplaced, result.unfinished) == ([], [], [])
    assert result.restarts > 0
    assert result.recorded
