from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge import __version__
from edge.publish.homeassistant import daemon_discovery, discovery
from edge.publish.mqtt.settings import HomeAssistantSettings, MqttSettings
from edge.service.commands import Catalog, CommandName
from tests.events import status

ROOT = "emotiond/pi-4"
COMMANDS = frozenset({CommandName.PAUSE, CommandName.MODEL, CommandName.SNAPSHOT})
MODELS = {name: Path(name) for name in ("shallow-int8", "tiny-int8")}

EVERY_ENTITY = {
    "emotion": "sensor",
    "faces": "sensor",
    "face_present": "binary_sensor",
    "somebody_is_looking": "binary_sensor",
    "emotion_event": "event",
    "faces_in_the_last_minute": "sensor",
    "face_time_in_the_last_minute": "sensor",
    "emotion_of_the_last_minute": "sensor",
    "probability_angry": "sensor",
    "probability_happy": "sensor",
    "valence": "sensor",
    "arousal": "sensor",
    "camera_problem": "binary_sensor",
    "pause": "switch",
    "model": "select",
    "snapshot": "image",
    "take_snapshot": "button",
    "frame_rate": "sensor",
    "latency": "sensor",
    "temperature": "sensor",
    "events": "sensor",
    "use_of_a_CPU_core": "sensor",
    "memory": "sensor",
    "update": "update",
}

EVERY_TRIGGER = {
    "face_appears": ("face", "appears", "start"),
    "face_leaves": ("face", "leaves", "end"),
    "angry_shown": ("angry", "shown", "angry"),
    "happy_shown": ("happy", "shown", "happy"),
}

WITHOUT_CAMERA = {
    *("emotion_event", "camera_problem", "pause", "model", "frame_rate", "latency", "temperature"),
    *("events", "use_of_a_CPU_core", "memory", "update"),
}


def announced(
    labels: tuple[str, ...] = ("angry", "happy"),
    commands: frozenset[CommandName] = COMMANDS,
    temperature: bool = True,
    summaries: tuple[int, ...] = (60, 3600),
    zones: tuple[str, ...] = (),
    camera: str = "",
    affect: bool = True,
    **fields: Any,
) -> dict[str, Any]:
    """Return the announcement of a device; `fields` are those of its catalog that differ."""
    catalog = Catalog(**{"models": MODELS, "allow_snapshots": True, **fields})
    shown: dict[str, Any] = {"labels": labels, "summaries": summaries, "zones": zones}
    shown |= {"has_affect": affect}
    state = status(has_temperature=temperature, camera_name=camera, **shown)
    return discovery(MqttSettings(device="pi-4"), state, catalog, commands)


def components(**fields: Any) -> dict[str, dict[str, Any]]:
    """Return the entities of an announcement."""
    found: dict[str, dict[str, Any]] = announced(**fields)["components"]
    return {key: one for key, one in found.items() if one["platform"] != "device_automation"}


def triggers(**fields: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = announced(**fields)["components"]
    return {key: one for key, one in found.items() if one["platform"] == "device_automation"}


def test_the_device_is_announced_under_its_prefix_and_its_whole_root() -> None:
    settings = HomeAssistantSettings()
    assert settings.discovery_topic(ROOT) == "homeassistant/device/emotiond_pi-4/config"
    assert settings.status_topic == "homeassistant/status"
    other = HomeAssistantSettings(prefix="home")
    assert other.discovery_topic(ROOT).startswith("home/device/")
    assert other.status_topic == "home/status"


@pytest.mark.parametrize("prefix", ["", "home/assistant", "home+", "#", "a\n", "x" * 65])
def test_a_prefix_that_is_no_single_level_of_a_topic_is_refused(prefix: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `str`"):
        msgspec.convert({"prefix": prefix}, HomeAssistantSettings)


def test_device_and_origin_say_what_it_is_and_of_which_version() -> None:
    payload = announced()
    assert payload["device"]["identifiers"] == ["emotiond_pi-4"]
    assert payload["device"]["name"] == "pi-4"
    assert payload["device"]["sw_version"] == __version__
    assert payload["origin"] == {"name": "emotiond", "sw_version": __version__}


def test_there_is_one_entity_for_everything_that_is_promised() -> None:
    platforms = {key: entity["platform"] for key, entity in components().items()}
    assert platforms == EVERY_ENTITY


def test_ids_are_unique_and_stable_and_say_their_domain() -> None:
    entities = components()
    assert {entity["unique_id"] for entity in entities.values()} == {
        f"emotiond_pi-4_{key}" for key in EVERY_ENTITY
    }
    for key, entity in entities.items():
        assert entity["default_entity_id"] == f"{entity['platform']}.emotiond_pi_4_{key.lower()}"
        assert "object_id" not in entity
    assert announced() == announced()


def test_what_needs_the_camera_is_available_only_with_it() -> None:
    payload = announced()
    daemon, camera = payload["availability"]
    assert daemon == {"topic": "emotiond/pi-4/availability"}
    assert camera["topic"] == "emotiond/pi-4/state"
    assert payload["availability_mode"] == "all"
    exempt = {key for key, entity in payload["components"].items() if "availability" in entity}
    assert exempt == WITHOUT_CAMERA
    assert all(payload["components"][key]["availability"] == [daemon] for key in exempt)


def test_the_emotion_is_one_of_the_labels_or_uncertain() -> None:
    emotion = components()["emotion"]
    assert emotion["device_class"] == "enum"
    assert emotion["options"] == ["angry", "happy", "uncertain"]


def test_events_have_three_types_and_are_received_at_least_once() -> None:
    event = components()["emotion_event"]
    assert event["event_types"] == ["start", "change", "end"]
    assert event["qos"] == 1
    assert event["state_topic"] == "emotiond/pi-4/event"


def test_each_zone_has_a_count_of_faces_and_events_may_be_of_zones() -> None:
    entities = components(zones=("door",))
    assert entities["faces_in_door"]["state_class"] == "measurement"
    assert "value_json.zones" in entities["faces_in_door"]["value_template"]
    assert entities["emotion_event"]["event_types"] == ["start", "change", "zone", "end"]
    assert "'zones': value_json.zones" in entities["emotion_event"]["value_template"]


def test_each_event_and_each_class_is_a_trigger_for_the_editor_of_automations() -> None:
    found = {key: (one["subtype"], one["type"], one["payload"]) for key, one in triggers().items()}
    assert found == EVERY_TRIGGER
    zone = triggers(zones=("door",)).keys() - EVERY_TRIGGER.keys()
    assert zone == {"face_changes_zone"}
    assert all(one["topic"] == "emotiond/pi-4/event" for one in triggers().values())
    front = triggers(camera="front").values()
    assert all(one["topic"] == "emotiond/pi-4/front/event" for one in front)


def test_of_several_cameras_the_daemon_is_what_is_updated() -> None:
    assert "update" not in components(camera="front")
    daemon = daemon_discovery(MqttSettings(device="pi-4"))["components"]
    assert daemon.keys() == {"connection", "update"}
    assert daemon["update"]["latest_version_topic"] == "emotiond/latest_version"
    assert daemon["update"]["value_template"] == __version__


def test_what_counts_up_and_what_is_measured_is_told_to_the_statistics() -> None:
    classes = {key: one.get("state_class") for key, one in components(zones=("a",)).items()}
    assert classes["events"] == "total_increasing"
    measured = {
        "faces",
        "faces_in_a",
        "use_of_a_CPU_core",
        "memory",
        "frame_rate",
        "latency",
        "temperature",
    }
    assert {classes[key] for key in measured} == {"measurement"}
    assert classes["emotion"] is None


def test_each_class_has_a_probability_and_what_few_look_at_is_off_by_default() -> None:
    disabled = {k for k, entity in components().items() if not entity.get("enabled_by_default", 1)}
    rare = {"events", "use_of_a_CPU_core", "memory", "update", "valence", "arousal"}
    assert disabled == {"probability_angry", "probability_happy", *rare}


def test_commands_go_to_the_topics_that_the_daemon_subscribes_to_and_are_not_retained() -> None:
    entities = components()
    topics = {key: e["command_topic"] for key, e in entities.items() if "command_topic" in e}
    assert topics == {
        "pause": "emotiond/pi-4/set/pause",
        "model": "emotiond/pi-4/set/model",
        "take_snapshot": "emotiond/pi-4/request/snapshot",
    }
    assert not any(entity.get("retain") for entity in entities.values())


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"commands": COMMANDS - {CommandName.PAUSE}}, {"pause"}),
        ({"commands": COMMANDS - {CommandName.MODEL}}, {"model"}),
        ({"models": {}}, {"model"}),
        ({"commands": COMMANDS - {CommandName.SNAPSHOT}}, {"snapshot", "take_snapshot"}),
        ({"allow_snapshots": False}, {"snapshot", "take_snapshot"}),
        ({"temperature": False}, {"temperature"}),
        ({"affect": False}, {"valence", "arousal"}),
        (
            {"summaries": (300,)},
            {key for key in EVERY_ENTITY if key.endswith("the_last_minute")},
        ),
    ],
)
def test_what_the_config_does_not_allow_or_have_is_not_announced(
    fields: dict[str, Any], missing: set[str]
) -> None:
    assert EVERY_ENTITY.keys() - components(**fields).keys() == missing


def test_a_label_may_be_any_text() -> None:
    label = 'it\'s "b" {{ c'
    entity = components(labels=(label, "happy"))['probability_it\'s_"b"_{{_c']
    assert r""".get('it\'s "b" {{ c')""" in entity["value_template"]
