"""The recipes for other programs speak on topics and of fields and metrics that there are."""

import ast
import importlib.util
import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import prometheus_client
import pytest
import yaml

from edge.config import parse_config
from edge.pipeline.worker import LatestFrame
from edge.publish.events import encode_event
from edge.types import EXPRESSIONS
from edge.view.web.metrics import CameraNumbers, HealthRoutes
from tests import contract
from tests.conftest import ROOT
from tests.events import event, stats, status, uncertain

RECIPES = ROOT / "config" / "recipes"
TRIED = r"[Tt]ried with [^.]*?\d[\w. ()@/]*? on 20\d\d-\d\d-\d\d|Not tried"
PARTS = {"node_helper.js", "package.json"}  # of a recipe whose other file says when it was tried


def example(topic: str) -> dict[str, Any]:
    """Return the payload that docs/asyncapi.yaml shows for a topic that the daemon speaks on."""
    (channel,) = [one for one in contract.channels(topic) if one.name in topic.split("/")]
    shown: dict[str, Any] = msgspec.json.decode(channel.messages[0].examples[0])
    return shown


def recipe(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "path",
    [one for one in sorted(RECIPES.rglob("*.*")) if one.name not in PARTS],
    ids=lambda p: p.name,
)
def test_each_says_with_which_version_it_was_tried_and_when_or_that_it_was_not(path: Path) -> None:
    if path.is_file():
        assert re.search(TRIED, path.read_text())


def test_the_flow_of_node_red_is_wired_and_speaks_of_topics_and_fields_that_there_are() -> None:
    nodes = json.loads((RECIPES / "node-red.json").read_text())
    by_id = {node["id"]: node for node in nodes}
    for node in nodes:
        assert {to for wires in node.get("wires", ()) for to in wires} <= by_id.keys()
        if node["type"] in {"mqtt in", "mqtt out"}:
            assert by_id[node["broker"]]["type"] == "mqtt-broker"
    (events,) = (node["topic"] for node in nodes if node["type"] == "mqtt in")
    fields = example(events.replace("+", "kitchen"))
    used = {name for node in nodes for name in re.findall(r"event\.(\w+)", node.get("func", ""))}
    assert {"track_id", "emotion", "confidence", "reasons", "duration"} == used
    assert used <= fields.keys()
    (command,) = (node for node in nodes if node["type"] == "inject")
    (heard,) = [one for one in contract.channels(command["topic"]) if not one.sent]
    assert heard.fault(command["topic"], command["payload"].encode()) is None


def test_the_mirror_follows_the_state() -> None:
    helper = (RECIPES / "MMM-emotiond" / "node_helper.js").read_text()
    (topic,) = re.findall(r"`(emotiond/[^`]+)`", helper)
    fields = example(topic.replace("${config.device}", "kitchen"))
    module = (RECIPES / "MMM-emotiond" / "MMM-emotiond.js").read_text()
    (names,) = re.findall(r"const {(.*)} = this.state", module)
    used = {part.split("=")[0].strip() for part in names.split(",")}
    assert used == {"faces", "emotion", "confidence"}
    assert used <= fields.keys()
    told = set(re.findall(r'"(EMOTIOND_\w+)"', helper))
    assert told <= set(re.findall(r'"(EMOTIOND_\w+)"', module))
    json.loads((RECIPES / "MMM-emotiond" / "package.json").read_text())


def paths(consumer: Any) -> Iterator[str]:
    for part in consumer["json_v2"]:
        yield part["timestamp_path"]
        for kind in ("tag", "field", "object"):
            yield from (one["path"] for one in part.get(kind, ()))


def test_telegraf_takes_fields_of_the_topics_that_it_subscribes_to() -> None:
    config = tomllib.loads((RECIPES / "telegraf.conf").read_text())
    consumers = config["inputs"]["mqtt_consumer"]
    assert [one["topics"] for one in consumers] == [["emotiond/+/event"], ["emotiond/+/summary/60"]]
    for consumer in consumers:
        (topic,) = consumer["topics"]
        (parsed,) = consumer["topic_parsing"]
        assert parsed["topic"] == topic
        assert len(parsed["tags"].split("/")) == len(topic.split("/"))
        fields = example(topic.replace("+", "kitchen"))
        assert set(paths(consumer)) <= fields.keys()


def test_every_metric_of_the_dashboard_of_grafana_is_served_with_its_labels() -> None:
    measured = stats(event_latency=(0.01, 0.02))
    collector = HealthRoutes(lambda: {"": CameraNumbers(LatestFrame(), status(), measured, 0)})
    served = prometheus_client.generate_latest(collector).decode()
    dashboard = json.loads((RECIPES / "grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [one["query"] for one in dashboard["templating"]["list"]]
    names = {name for query in queries for name in re.findall(r"emotiond_\w+", query)}
    assert len(names) == 11
    assert names <= set(re.findall(r"^(emotiond_\w+?)[{ ]", served, re.MULTILINE))
    for query in queries:
        for label, value in re.findall(r'(state|quantile)="([^"]+)"', query):
            assert f'{label}="{value}"' in served


def test_the_streams_of_lsl_have_a_marker_and_the_probabilities_of_each_event() -> None:
    lsl = recipe("lsl")
    assert lsl.LABELS == EXPRESSIONS
    assert lsl.marker(encode_event(event(track_id=3))) == "start/3/happy"
    track, *shares = lsl.sample(encode_event(event(track_id=3)))
    told = dict(zip(EXPRESSIONS, shares, strict=True))
    assert (track, told["happy"], told["neutral"]) == (3.0, 0.8, 0.2)
    assert math.isnan(told["angry"])
    assert all(math.isnan(one) for one in lsl.sample(encode_event(uncertain()))[1:])


def test_the_node_of_ros_passes_on_events_and_the_state() -> None:
    node = recipe("ros2_node")
    payload = encode_event(event())
    assert node.values("emotiond/pi-4/event", payload) == {"emotiond/pi_4/event": payload.decode()}
    topic = "emotiond/4th/front/state"
    state = msgspec.json.encode(example(topic))
    told = node.values(topic, state)
    assert told.keys() == {"emotiond/_4th/front/emotion", "emotiond/_4th/front/faces"}
    empty = node.values(topic, msgspec.json.encode(example(topic) | {"emotion": None, "faces": 0}))
    assert list(empty.values()) == ["", 0]


@pytest.mark.parametrize("name", ["lsl", "ros2_node"])
def test_a_script_needs_the_other_program_only_when_it_runs(name: str) -> None:
    tree = ast.parse((RECIPES / f"{name}.py").read_text())
    imported = {one.names[0].name for one in tree.body if isinstance(one, ast.Import)}
    assert imported <= {"argparse", "json", "math", "re"}


def test_go2rtc_serves_the_stream_that_emotiond_reads_and_reads_the_one_that_it_serves() -> None:
    text = (RECIPES / "go2rtc.yaml").read_text()
    streams = yaml.safe_load(text)
    section = "\n".join(line[4:] for line in text.splitlines() if line.startswith("#   "))
    config = parse_config(yaml.safe_load(section), Path("my.yaml"))
    assert config.web.enabled
    assert streams["streams"]["front_faces"] == f"http://127.0.0.1:{config.web.port}/stream.mjpg"
    listen = streams["rtsp"]["listen"]
    assert config.source == parse_config({"source": f"rtsp://{listen}/front"}, Path("a")).source
