"""A web server that hangs, behind a daemon that is killed meanwhile."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from edge.commands.demo import CLIP
from edge.config import load_config
from tests.brokers import wait_until
from tests.e2e.daemon import Daemon, read_events
from tests.faults import fault
from tests.receivers import Receiver, hang


@fault(
    "broker",
    "a web server of a webhook hangs, and the daemon is killed",
    seen="one line; the other sinks go on",
    recovery="the next run posts what waits",
    duplicated="the event that was on its way",
)
def test_events_for_a_web_server_that_hangs_outlive_a_killed_daemon(tmp_path: Path) -> None:
    with closing(Receiver(*[hang] * 50)) as receiver:
        config = {
            "source": {"kind": "video", "path": str(CLIP)},
            "sinks": [
                {"kind": "jsonl", "path": "events.jsonl"},
                {"kind": "webhook", "url": receiver.url, "timeout_s": 60},
            ],
        }
        with Daemon(tmp_path, config) as daemon:
            (outbox,) = filter(None, load_config(daemon.path).outbox_paths())

            def waiting() -> set[str]:
                with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
                    rows = db.execute("SELECT payload FROM event").fetchall()
                return {msgspec.json.decode(payload)["id"] for (payload,) in rows}

            def told() -> set[str]:
                return {event["id"] for event in read_events(tmp_path / "events.jsonl")}

            wait_until(lambda: receiver.requests and len(told()) >= 3 and told() <= waiting(), 60)
            lost = told()
            daemon.kill()
        receiver.answers.clear()
        config["source"] = {"kind": "stream", "url": "http://127.0.0.1:9/none"}
        with Daemon(tmp_path, config) as daemon:
            wait_until(lambda: lost <= {one["id"] for one in receiver.events()}, 60)
            assert daemon.stop() == 0
    ended = [one for one in receiver.events() if one.get("reason") == "restart"]
    assert len({one["id"] for one in ended}) == 1
