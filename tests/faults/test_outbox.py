"""Events that wait for one broker never go to another one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.commands.embedded_broker import free_port
from edge.config import load_config
from edge.publish import SinkContext
from tests.brokers import Broker
from tests.e2e.daemon import mqtt
from tests.edge.offline.recordings import at, record
from tests.events import event, status
from tests.faults import fault
from tests.subscribers import Subscriber


def write(folder: Path, *sinks: dict[str, Any]) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(msgspec.json.encode({"sinks": sinks, "state_dir": str(folder / "state")}))
    return path


@fault(
    "broker",
    "events wait for one, and another is used",
    seen="nothing; each broker has an outbox of its own",
    recovery="the first is used again",
)
def test_a_replay_to_another_broker_brings_nothing_that_waited_for_the_first(
    tmp_path: Path, broker: Broker
) -> None:
    config = load_config(write(tmp_path, mqtt(free_port())))
    sink = config.sinks[0].open(SinkContext(config.outbox_paths()[0]))
    sink.publish(status())
    sink.start()
    for number in (101, 102, 103):
        sink.publish(event(track_id=number))
    sink.close(0.5)
    path = write(tmp_path, mqtt(broker.port))
    recording = record(tmp_path / "day.jsonl", [at(0)])
    with Subscriber(broker.host, broker.port) as subscriber:
        command = ["replay", str(recording), "--config", str(path)]
        subprocess.run([sys.executable, "-m", "edge", *command], check=True, timeout=60)
        subscriber.catch_up()
        tracks = [one["track_id"] for one in subscriber.payloads("emotiond/test/event")]
    assert tracks == [1, 1]


@fault(
    "config",
    "two sinks of one device at one broker",
    seen="one line, exit code 78",
    recovery="edit the config",
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_two_sinks_of_one_device_at_one_broker_are_refused(command: str, tmp_path: Path) -> None:
    path = write(tmp_path, mqtt(1883), {**mqtt(1883), "keepalive_s": 60})
    done = subprocess.run(
        [sys.executable, "-m", "edge", command, "--config", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert "sinks[1]: expected another target than that of sinks[0], found emotiond/test" in line
