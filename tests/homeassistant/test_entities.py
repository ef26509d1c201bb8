"""What a real Home Assistant makes of the message that announces a device."""

from datetime import UTC, datetime
from pathlib import Path
from subprocess import run
from typing import Any

import msgspec
import paho.mqtt.publish as publish
import pytest

from edge import __version__
from edge.publish.intervals import Summarizer
from edge.publish.mqtt.settings import HomeAssistantSettings
from edge.types import CameraState, EmotionEvent, EventType, Summary
from tests.brokers import Mosquitto, wait_until
from tests.events import stats, uncertain
from tests.homeassistant.core import HASS, HomeAssistant
from tests.homeassistant.device import AWAY, LABELS, LOOKS, PublishedDevice, seen
from tests.subscribers import Subscriber

NEED_CAMERA = {
    "emotion",
    "faces",
    "face_present",
    "somebody_is_looking",
    "faces_in_the_last_minute",
    "face_time_in_the_last_minute",
    "emotion_of_the_last_minute",
    "snapshot",
    "take_snapshot",
}
DO_NOT = {
    "emotion_event",
    "pause",
    "model",
    "camera_problem",
    "frame_rate",
    "latency",
    "temperature",
}
RARE = {"events", "use_of_a_CPU_core", "memory", "update", "valence", "arousal"} | {
    f"probability_{one}" for one in LABELS
}
"""Entities that are disabled until somebody enables them."""

UNITS = {
    "faces": None,
    "faces_in_desk": None,
    "faces_in_the_last_minute": None,
    "face_time_in_the_last_minute": "s",
    "frame_rate": "fps",
    "latency": "ms",
    "temperature": "°C",
    "events": None,
    "use_of_a_CPU_core": "%",
    "memory": "MB",
    "valence": None,
    "arousal": None,
} | {f"probability_{one}": "%" for one in LABELS}
"""Units of what has long-term statistics."""

DEFAULT_ENTITY_ID = (2025, 10)
"""The first release that knows it; older ones make ids of names."""


@pytest.fixture
def promised(device: PublishedDevice, home_broker: Mosquitto) -> dict[str, dict[str, Any]]:
    """The entities of the message that the broker retains."""
    topic = HomeAssistantSettings().discovery_topic(device.root)
    with Subscriber(home_broker.host, home_broker.port) as subscriber:
        wait_until(lambda: subscriber.payloads(topic))
        components = subscriber.payloads(topic)[-1]["components"]
    return {
        key: entity
        for key, entity in components.items()
        if len(entity) > 1 and entity["platform"] != "device_automation"
    }


def test_every_entity_that_is_promised_is_in_the_registry_and_no_other(
    device: PublishedDevice, home: HomeAssistant, promised: dict[str, dict[str, Any]]
) -> None:
    assert promised.keys() == NEED_CAMERA | DO_NOT | RARE
    wait_until(lambda: home.entities(device.key).keys() == promised.keys())
    for key, entry in home.entities(device.key).items():
        wanted = promised[key]
        assert entry["unique_id"] == wanted["unique_id"]
        assert entry["original_name"] == wanted["name"]
        assert entry["entity_category"] == wanted.get("entity_category")
        assert entry["entity_id"] == _entity_id(home, device, wanted)


def test_its_own_schemas_know_every_key(
    home: HomeAssistant, promised: dict[str, dict[str, Any]]
) -> None:
    assert HASS is not None
    command = [str(HASS.with_name("python")), str(Path(__file__).with_name("unknown.py"))]
    found = run(command, input=msgspec.json.encode(promised), check=True, capture_output=True)
    older = home.version < DEFAULT_ENTITY_ID
    assert msgspec.json.decode(found.stdout) == (["default_entity_id"] if older else [])


def test_what_few_look_at_and_that_alone_is_disabled(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    entries = home.entities(device.key)
    disabled = {key: entry["disabled_by"] for key, entry in entries.items() if entry["disabled_by"]}
    assert disabled == dict.fromkeys(RARE, "integration")


def test_all_belong_to_one_device_with_its_name_and_version(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    entry = home.devices()[device.key]
    assert entry["name"] == device.settings.name
    assert (entry["manufacturer"], entry["sw_version"]) == ("emotiond", __version__)
    assert {one["device_id"] for one in home.entities(device.key).values()} == {entry["id"]}


def test_the_sensors_follow_a_face_until_it_is_gone(device: PublishedDevice) -> None:
    device.wait_for(emotion="unknown", faces="0", face_present="off")
    device.tell(seen("happy"))
    device.wait_for(emotion="happy", faces="1", face_present="on")
    assert device.shown("emotion")["attributes"]["confidence"] == 0.8
    device.tell(uncertain(EventType.CHANGE))
    device.wait_for(emotion="uncertain", faces="1")
    device.tell(seen("sad", EventType.CHANGE))
    device.wait_for(emotion="sad")
    device.tell(seen("sad", EventType.END))
    device.wait_for(emotion="unknown", faces="0", face_present="off")
    assert device.shown("emotion")["attributes"]["options"] == [*LABELS, "uncertain"]


def test_somebody_looks_while_one_face_is_turned_here_and_nobody_knows_without_its_angles(
    device: PublishedDevice,
) -> None:
    device.tell(seen("happy"))
    device.wait_for(face_present="on", somebody_is_looking="unknown")
    device.tell(seen("happy", EventType.CHANGE, quality=AWAY))
    device.wait_for(somebody_is_looking="off")
    device.tell(seen("sad", track_id=2, quality=LOOKS))
    device.wait_for(faces="2", somebody_is_looking="on")
    device.tell(seen("sad", EventType.END, track_id=2))
    device.wait_for(faces="1", somebody_is_looking="off")


def test_the_summary_of_the_last_minute_is_shown_and_is_unknown_where_nobody_was(
    device: PublishedDevice,
) -> None:
    device.wait_for(faces_in_the_last_minute="unknown")
    end = seen("sad", EventType.END, track_id=2, time=_second(50), duration=30.0)
    first, second = seen("happy", time=_second(10)), seen("sad", track_id=2, time=_second(20))
    device.sink.publish(_minute(first, second, end))
    device.wait_for(faces_in_the_last_minute="2", face_time_in_the_last_minute="80.0")
    device.wait_for(emotion_of_the_last_minute="happy")
    device.sink.publish(_minute())
    device.wait_for(faces_in_the_last_minute="0", face_time_in_the_last_minute="0")
    device.wait_for(emotion_of_the_last_minute="unknown")
    options = device.shown("emotion_of_the_last_minute")["attributes"]["options"]
    assert options == [*LABELS, "uncertain"]


def test_diagnostics_follow_the_stats_and_are_unknown_where_there_are_none(
    device: PublishedDevice,
) -> None:
    device.wait_for(frame_rate="29.9", latency="20.5", temperature="48.3")
    device.sink.publish(stats(fps_out=12.34, frame_latency=None))
    device.wait_for(frame_rate="12.3", latency="unknown")


def test_statistics_and_versions_are_shown_where_they_are_enabled(
    device: PublishedDevice, home: HomeAssistant, home_broker: Mosquitto
) -> None:
    _enable(home, device, RARE)
    device.sink.publish(stats(events=41))
    device.wait_for(events="41", memory="90.0", use_of_a_CPU_core="7.0", update="unknown")
    assert device.shown("events")["attributes"]["state_class"] == "total_increasing"
    attributes = device.shown("memory")["attributes"]
    assert (attributes["state_class"], attributes["unit_of_measurement"]) == ("measurement", "MB")
    for latest, state in ((__version__, "off"), ("999.0.0", "on")):
        publish.single("emotiond/latest_version", latest, 1, False, "127.0.0.1", home_broker.port)
        device.wait_for(update=state)
    assert device.shown("update")["attributes"]["installed_version"] == __version__


def test_what_counts_and_what_is_measured_has_long_term_statistics_in_its_unit(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    device.set(zones=("desk",))
    wait_until(lambda: device.id_of("faces_in_desk"))
    _enable(home, device, RARE)
    device.tell(seen("happy", zones=("desk",), affect=(0.5, -0.25)))
    device.sink.publish(stats())
    device.wait_for(valence="0.5", arousal="-0.25", faces_in_desk="1", events="12")
    device.sink.publish(_minute(seen("happy", time=_second(10))))  # once, and not retained
    device.wait_for(faces_in_the_last_minute="1")
    kept = {one["statistic_id"]: one for one in home.ask("recorder/list_statistic_ids")}
    found = {key: kept.get(device.id_of(key) or "") for key in home.entities(device.key)}
    units = {key: one["statistics_unit_of_measurement"] for key, one in found.items() if one}
    assert units == UNITS
    assert [key for key, one in found.items() if one and one["has_sum"]] == ["events"]
    refused = home.ask("recorder/validate_statistics")
    assert not [key for key in UNITS if device.id_of(key) in refused]


def test_the_editor_of_automations_offers_what_happens_to_a_face(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    asked = home.devices()[device.key]["id"]

    def offered() -> dict[tuple[str, str], dict[str, Any]]:
        found = home.ask("device_automation/trigger/list", device_id=asked)
        return {(one["subtype"], one["type"]): one for one in found if one["domain"] == "mqtt"}

    shown = {(label, "shown") for label in LABELS}
    assert offered().keys() == {("face", "appears"), ("face", "leaves"), *shown}
    name = f"{device.key}_happy".replace("-", "_")
    trigger = {
        key: value for key, value in offered()["happy", "shown"].items() if key != "metadata"
    }
    ran = f"automation.{name}"
    home.automate(name, {"triggers": [trigger], "actions": []})
    wait_until(lambda: home.state(ran) == "on")
    device.tell(seen("happy", EventType.END, track_id=9), seen("sad"))
    device.wait_for(emotion="sad")
    assert home.states()[ran]["attributes"]["last_triggered"] is None

    def ran_at() -> object:  # it may be on before it has subscribed
        device.tell(seen("happy", EventType.CHANGE))
        return home.states()[ran]["attributes"]["last_triggered"]

    wait_until(ran_at)
    home.end_automation(name)


def test_a_zone_that_is_removed_from_the_config_is_removed_here(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    device.set(zones=("door", "desk"))
    device.tell(seen("happy", zones=("desk",)))
    device.wait_for(faces_in_door="0", faces_in_desk="1")
    device.set(zones=("desk",))
    wait_until(lambda: "faces_in_door" not in home.entities(device.key))
    device.wait_for(faces_in_desk="1")


def test_a_face_that_changes_its_zone_is_an_event_and_a_trigger(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    device.set(zones=("door", "desk"))
    asked = home.devices()[device.key]["id"]

    def offered() -> set[tuple[str, str]]:
        found = home.ask("device_automation/trigger/list", device_id=asked)
        return {(one["subtype"], one["type"]) for one in found if one["domain"] == "mqtt"}

    wait_until(lambda: ("face", "changes zone") in offered())
    device.tell(seen("happy", zones=("door",)))
    device.tell(seen("happy", EventType.ZONE, zones=("door", "desk")))
    wait_until(lambda: device.shown("emotion_event")["attributes"]["event_type"] == "zone")
    assert device.shown("emotion_event")["attributes"]["zones"] == ["door", "desk"]
    device.wait_for(faces_in_door="1", faces_in_desk="1")


def test_a_probability_that_is_enabled_shows_per_cent_and_nothing_without_a_face(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    _enable(home, device, {"probability_happy"})
    device.wait_for(probability_happy="unknown")
    device.tell(seen("happy"))
    device.wait_for(probability_happy="80.0")
    device.tell(seen("happy", EventType.END))
    device.wait_for(probability_happy="unknown")


@pytest.mark.parametrize("camera", [CameraState.PAUSED, CameraState.OFFLINE, CameraState.FROZEN])
def test_without_a_camera_only_what_does_not_need_it_is_available(
    device: PublishedDevice, camera: CameraState
) -> None:
    paused = camera is CameraState.PAUSED
    device.set(camera=camera)
    device.wait_for(**dict.fromkeys(NEED_CAMERA, "unavailable"))
    device.wait_for(pause="on" if paused else "off", camera_problem="off" if paused else "on")
    wait_until(lambda: _attribute(device, "camera_problem", "camera") == camera.value)
    assert not [key for key in DO_NOT if device.state_of(key) == "unavailable"]
    device.set()
    device.wait_for(emotion="unknown", faces="0", pause="off", camera_problem="off")


def test_the_dark_is_a_problem_of_the_camera_in_which_nobody_is_seen(
    device: PublishedDevice,
) -> None:
    device.wait_for(camera_problem="off")
    device.set(camera=CameraState.DARK)
    device.wait_for(camera_problem="on", face_present="off", faces="0")
    wait_until(lambda: _attribute(device, "camera_problem", "camera") == "dark")
    assert _attribute(device, "camera_problem", "device_class") == "problem"


def test_without_the_daemon_nothing_is_available(device: PublishedDevice) -> None:
    device.sink.close(5)
    device.wait_for(**dict.fromkeys(NEED_CAMERA | DO_NOT, "unavailable"))


def test_an_event_brings_its_type_and_what_it_tells(device: PublishedDevice) -> None:
    device.tell(told := seen("happy", track_id=7))
    wait_until(lambda: device.shown("emotion_event")["attributes"]["event_type"] == "start")
    attributes = device.shown("emotion_event")["attributes"]
    payload = {key: attributes[key] for key in ("emotion", "confidence", "track_id", "id")}
    assert payload == {"emotion": "happy", "confidence": 0.8, "track_id": 7, "id": told.id}
    # Home Assistant dates an event by its arrival; one that waited for a broker says when it was.
    assert attributes["time"] == told.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    device.tell(uncertain(EventType.END, track_id=7))
    wait_until(lambda: device.shown("emotion_event")["attributes"]["event_type"] == "end")
    assert device.shown("emotion_event")["attributes"]["confidence"] is None


def test_the_end_of_a_face_is_told_even_as_the_camera_pauses(device: PublishedDevice) -> None:
    device.tell(seen("happy"))
    device.wait_for(emotion="happy")
    device.set(camera=CameraState.PAUSED)
    device.tell(seen("happy", EventType.END))
    wait_until(lambda: device.shown("emotion_event")["attributes"]["event_type"] == "end")


def test_a_model_that_is_no_choice_is_unknown(device: PublishedDevice) -> None:
    device.wait_for(model="shallow-int8")
    device.set(model="my-own")
    device.wait_for(model="unknown")


def _attribute(device: PublishedDevice, key: str, name: str) -> Any:
    return device.shown(key)["attributes"].get(name)


def _enable(home: HomeAssistant, device: PublishedDevice, keys: set[str]) -> None:
    """Enable entities that are disabled at first, and wait until they are shown."""
    for key in keys:
        entity_id = device.id_of(key)
        home.ask("config/entity_registry/update", entity_id=entity_id, disabled_by=None)
    home.reload("mqtt")
    wait_until(lambda: all((device.id_of(key) or "") in home.states() for key in keys), 60)


def _minute(*events: EmotionEvent) -> Summary:
    """Return the summary of a minute in which these events are all."""
    summarizer, start = Summarizer(), _second(0).timestamp()
    assert not [*summarizer.due((60,), (), 0, start)]
    for event in events:
        summarizer.add(event)
    (summary,) = summarizer.due((60,), (), 0, start + 60)
    return summary


def _second(second: int) -> datetime:
    return datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC)


def _entity_id(home: HomeAssistant, device: PublishedDevice, wanted: dict[str, Any]) -> str:
    if home.version >= DEFAULT_ENTITY_ID:
        return str(wanted["default_entity_id"])
    words = f"{device.settings.name} {wanted['name']}".lower()
    return f"{wanted['platform']}.{words.replace('-', '_').replace(' ', '_')}"
