"""What brokers retain under names that a device has no more, on a real Mosquitto."""

import signal
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.commands.embedded_broker import free_port
from tests.brokers import Broker, Mosquitto, wait_until
from tests.e2e.daemon import Daemon, mqtt
from tests.faults import fault
from tests.subscribers import Subscriber

SOURCE = {"kind": "stream", "url": "http://127.0.0.1:9/none"}
"""Source that is never there: a daemon says so, and has much retained."""


DISCOVERY = "homeassistant/device/emotiond_test/config"


def topics(prefix: str = "emotiond", device: str = "test", home: str = "homeassistant") -> set[str]:
    names = {f"{prefix}/{device}/{name}" for name in ("availability", "state", "stats")}
    return names | {f"{home}/device/{prefix}_{device}/config"}


def retained(broker: Broker) -> set[str]:
    with Subscriber(broker.host, broker.port) as subscriber:
        subscriber.catch_up()
        return {topic for topic, _, retain in subscriber.messages if retain}


def run_once(folder: Path, broker: Broker, **changed: Any) -> Daemon:
    """Run a daemon until it has announced itself."""
    with Daemon(folder, {"source": SOURCE, "sinks": [mqtt(broker.port) | changed]}) as daemon:
        daemon.wait_for("started within", 60)
        daemon.wait_for(": connected")
        assert daemon.stop() == 0
    return daemon


@fault(
    "config",
    "another device name, topic prefix or discovery prefix",
    seen="one line: what has a former name is cleared at the broker",
    recovery="at the next start",
)
def test_what_a_broker_retains_under_a_former_name_is_cleared_at_the_next_start(
    broker: Broker, tmp_path: Path
) -> None:
    run_once(tmp_path, broker)
    assert retained(broker) == topics()
    changes: list[tuple[dict[str, Any], set[str]]] = [
        ({"device": "other"}, topics(device="other")),
        ({"prefix": "faces"}, topics(prefix="faces")),
        ({"homeassistant": {"prefix": "home"}}, topics(home="home")),
        ({"homeassistant": None}, topics() - {DISCOVERY}),
    ]
    for changed, left in changes:
        daemon = run_once(tmp_path, broker, **changed)
        assert retained(broker) == left
        assert "clears what has a former name: " in daemon.log
    assert "former name" not in run_once(tmp_path, broker, homeassistant=None).log


def test_a_reload_clears_what_has_a_former_name_too(broker: Broker, tmp_path: Path) -> None:
    config = {"source": SOURCE, "sinks": [mqtt(broker.port)]}
    with Daemon(tmp_path, config) as daemon:
        daemon.wait_for("started within", 60)
        wait_until(lambda: retained(broker) >= {"emotiond/test/availability"})
        daemon.write(config | {"sinks": [mqtt(broker.port) | {"device": "other"}]})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("clears what has a former name")
        wait_until(lambda: retained(broker) >= {"emotiond/other/availability"})
        assert daemon.stop() == 0
    assert retained(broker) == topics(device="other")


def test_a_daemon_that_runs_from_the_same_config_under_another_name_keeps_its_topics(
    broker: Broker, tmp_path: Path
) -> None:
    config = {"source": SOURCE, "sinks": [mqtt(broker.port)]}
    with Daemon(tmp_path, config) as first:
        first.wait_for("started within", 60)
        wait_until(lambda: retained(broker) >= {"emotiond/test/stats", "emotiond/test/state"})
        second = run_once(tmp_path, broker, device="other")
        assert "former name" not in second.log
        assert retained(broker) == topics() | topics(device="other")


def test_another_config_of_the_same_state_folder_is_left_alone(
    broker: Broker, tmp_path: Path
) -> None:
    run_once(tmp_path, broker)
    (tmp_path / "daemon.yaml").rename(tmp_path / "first.yaml")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "state").symlink_to(tmp_path / "state")
    run_once(tmp_path / "more", broker, device="other")
    assert retained(broker) == topics() | topics(device="other")


def test_removal_clears_former_names_that_no_start_has_cleared(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = run_once(tmp_path, broker)
    config = {"source": SOURCE, "sinks": [mqtt(broker.port) | {"device": "other"}]}
    daemon.write(config)
    assert main(["homeassistant", "remove", "--config", str(daemon.path)]) == 0
    assert retained(broker) == set()
    line = capsys.readouterr().out.splitlines()[0]
    assert all(topic in line for topic in topics())
    assert "other" not in line  # nothing was retained there
    assert main(["homeassistant", "remove", "--config", str(daemon.path)]) == 0
    assert "nothing was retained" in capsys.readouterr().out


def test_removal_tells_what_a_broker_that_the_config_names_no_more_may_retain(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = run_once(tmp_path, broker)
    (tmp_path / "new").mkdir()
    with Mosquitto(tmp_path / "new") as new:
        daemon.write({"source": SOURCE, "sinks": [mqtt(new.port)]})
        assert main(["homeassistant", "remove", "--config", str(daemon.path)]) == 1
    error = capsys.readouterr().err
    assert f"broker 127.0.0.1:{broker.port}: may still retain " in error
    assert all(topic in error for topic in topics())


@fault(
    "broker",
    "takes messages and drops them, as its access list says (MQTT 3.1.1)",
    seen="`homeassistant remove` says what is still retained, and fails",
    recovery="after the access list is corrected",
)
def test_removal_does_not_say_that_it_worked_where_the_broker_dropped_it(
    needs_mosquitto: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access = tmp_path / "acl"
    mine = "topic readwrite emotiond/#\ntopic read #\ntopic readwrite mark\n"
    access.write_text(f"{mine}user owner\ntopic readwrite #\n")
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {access}") as broker:
        daemon = run_once(tmp_path, broker, user="owner")
        daemon.write({"source": SOURCE, "sinks": [mqtt(broker.port)]})
        assert main(["homeassistant", "remove", "--config", str(daemon.path)]) == 1
        assert f"still retains {DISCOVERY}:" in capsys.readouterr().err
        assert retained(broker) == {DISCOVERY}


def test_removal_fails_where_a_broker_that_was_given_something_is_away(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = run_once(tmp_path, broker)
    away = free_port()
    brokers = {"port": away, "fallbacks": [{"host": "127.0.0.1", "port": broker.port}]}
    daemon.write({"source": SOURCE, "sinks": [mqtt(broker.port) | brokers]})
    remove = ["homeassistant", "remove", "--config", str(daemon.path)]
    broker.kill()
    assert main(remove) == 1
    broker.start()
    assert main(remove) == 0
    assert f"broker 127.0.0.1:{away}: cannot be reached" in capsys.readouterr().err
    with Mosquitto(tmp_path) as other:
        run_once(tmp_path, other)
        fallback = {"fallbacks": [{"host": "127.0.0.1", "port": broker.port}]}
        daemon.write({"source": SOURCE, "sinks": [mqtt(other.port) | fallback]})
        other.kill()
        assert main(remove) == 1
