"""docs/mqtt.md: what it shows is so, and what it tells to type works."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from edge.cli import main
from edge.commands.demo import CLIP
from edge.config import parse_config
from edge.errors import ExitCode
from edge.service.commands import ErrorCode
from tests import contract
from tests.brokers import MOSQUITTO, Mosquitto, wait_until
from tests.conftest import ROOT
from tests.e2e.daemon import Daemon, mqtt
from tests.subscribers import Subscriber

TEXT = (ROOT / "docs" / "mqtt.md").read_text()
TIMED_OUT = 27
"""What `mosquitto_sub -W` ends with."""


def blocks(language: str, text: str = TEXT) -> list[str]:
    """Return the blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    """Return the text of a chapter."""
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return str(text)


def test_every_payload_is_one_of_the_topic_it_is_shown_for() -> None:
    shown = re.findall(
        r"`(emotiond/kitchen/[\w/]+)`(?:(?!```).)*?:(?:(?!```).)*?\n```json\n(.*?)\n```",
        TEXT,
        re.DOTALL,
    )
    assert len(shown) == len(blocks("json"))
    for topic, payload in shown:
        contract.check(topic, payload.encode())


def test_every_topic_is_in_a_table() -> None:
    places = {
        "prefix": "emotiond",
        "device": "kitchen",
        "discovery": "homeassistant",
        "id": "emotiond_kitchen",
        "track_id": "<track_id>",
        "every_s": "<every_s>",
        "retained": "state",
        "change": "<command>",
        "command": "<command>",
    }
    for channel in contract.CHANNELS:
        topic = channel.topic(**places).removeprefix("emotiond/kitchen/")
        topic = re.sub(r"response/\w+", "response/<command>", topic)
        assert f"\n| `{topic}` |" in TEXT or topic == "homeassistant/status"


def test_the_table_of_topics_says_how_they_are_sent() -> None:
    for name, qos, retained in re.findall(r"^\| `([\w<>/]+)` \| (\d) \| (\w+) \|", TEXT, re.M):
        topic = name if name.startswith("homeassistant/") else f"emotiond/kitchen/{name}"
        channels = [one for one in contract.channels(topic) if one.sent and one.name != "cleared"]
        assert channels
        assert {(one.qos, one.retain) for one in channels} == {(int(qos), retained == "yes")}


def test_every_error_code_is_explained() -> None:
    for code in ErrorCode:
        assert f"\n| `{code}` |" in TEXT


def test_every_config_can_be_read() -> None:
    for text in blocks("yaml"):
        parse_config(yaml.safe_load(text), Path("emotiond.yaml"))


@contextmanager
def kitchen(folder: Path, **fields: Any) -> Iterator[Subscriber]:
    """Run a broker and the daemon on the built-in clip; `folder` tells mosquitto's clients where."""
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    with Mosquitto(folder) as broker:
        for client in ("pub", "sub", "rr"):
            waiting = "-W 3\n" if client == "sub" else ""
            place = f"-h {broker.host}\n-p {broker.port}\n{waiting}"
            (folder / f"mosquitto_{client}").write_text(place)
        config = {
            "source": {"kind": "video", "path": str(CLIP)},
            "sinks": [{**mqtt(broker.port), "device": "kitchen", **fields}],
            "privacy": {"allow_snapshots": True},
        }
        with Subscriber(broker.host, broker.port) as subscriber, Daemon(folder, config):
            wait_until(lambda: subscriber.payloads("emotiond/kitchen/event"))
            yield subscriber


def type_in(script: str, folder: Path) -> list[dict[str, Any]]:
    """Run lines of a shell; return the answers among what they print."""
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode in {0, TIMED_OUT}, (script, done.stderr)
    assert done.returncode == 0 or done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith(b"{")]
    return [msgspec.json.decode(line) for line in lines]


def said(subscriber: Subscriber, below: str) -> list[Any]:
    """Return what was said on the topics whose part behind the device begins like that."""
    form = rf"emotiond/kitchen/{below}"
    return [payload for topic, payload, _ in list(subscriber.messages) if re.match(form, topic)]


def answers(subscriber: Subscriber) -> int:
    return len(said(subscriber, "response/"))


def test_what_it_tells_to_type_works_as_written(tmp_path: Path) -> None:
    scripts = blocks("sh", TEXT.replace(section("MQTT 5"), ""))
    with kitchen(tmp_path) as subscriber:
        shown = []
        for script in scripts:
            shown += type_in(script, tmp_path)
            subscriber.catch_up()
            wait_until(lambda: len(said(subscriber, "(set|request)/")) == answers(subscriber))
    assert answers(subscriber) == 6 + 3 + 1
    assert {answer["status"] for answer in said(subscriber, "response/")} == {"ok"}
    assert [answer["id"] for answer in shown] == ["lunch", None, None]
    assert (tmp_path / "face.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_what_it_tells_of_mqtt_5_works_as_written(tmp_path: Path) -> None:
    (script,) = blocks("sh", section("MQTT 5"))
    with kitchen(tmp_path, protocol=5) as subscriber:
        (answer,) = type_in(script, tmp_path)
        wait_until(lambda: subscriber.payloads("answers/me") == [answer])
    assert answer["status"] == "ok"


def test_the_access_list_lets_the_device_do_its_work_and_nothing_else(
    tmp_path: Path, needs_mosquitto: None
) -> None:
    (acl,) = blocks("acl")
    (tmp_path / "acl").write_text(f"{acl}\nuser all\ntopic readwrite #\n")
    (tmp_path / "passwords").touch()
    for user in ("kitchen", "all"):
        command = ["mosquitto_passwd", "-b", str(tmp_path / "passwords"), user, "secret"]
        subprocess.run(command, check=True)
    lines = f"allow_anonymous false\npassword_file {tmp_path}/passwords\nacl_file {tmp_path}/acl\n"
    (tmp_path / "secret").write_text("secret\n")
    with Mosquitto(tmp_path, lines) as broker:
        config = {
            "source": {"kind": "video", "path": str(CLIP)},
            "sinks": [
                {
                    **mqtt(broker.port),
                    "device": "kitchen",
                    "user": "kitchen",
                    "password": {"file": str(tmp_path / "secret")},
                }
            ],
        }
        with (
            Subscriber(broker.host, broker.port, "all", "secret") as home,
            Daemon(tmp_path, config) as daemon,
        ):
            wait_until(lambda: home.payloads("emotiond/kitchen/event"))
            assert home.payloads("homeassistant/device/emotiond_kitchen/config")
            home.publish("emotiond/kitchen/request/info", b"")
            wait_until(lambda: home.payloads("emotiond/kitchen/response/info"))
            assert main(["doctor", "--config", str(daemon.path)]) == ExitCode.OK
            with Subscriber(broker.host, broker.port, "kitchen", "secret") as device:
                device.publish("emotiond/hall/availability", b"offline")
                device.publish("emotiond/kitchen/availability", b"online")
                home.publish("emotiond/hall/availability", b"online")
                home.catch_up()
                home.publish("emotiond/kitchen/response/doctor", b"0123456789abcdef")
                wait_until(lambda: device.payloads("emotiond/kitchen/response/doctor"))
        heard = {topic for topic, *_ in device.messages}
        assert home.payloads("emotiond/hall/availability") == ["online"]
    announced = "homeassistant/device/emotiond_kitchen/config"  # what an earlier run had
    assert heard == {"emotiond/kitchen/response/doctor", announced}
