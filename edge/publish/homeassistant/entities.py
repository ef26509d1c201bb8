"""Entities that one device has in Home Assistant."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.publish.topics import Topics
from edge.types import UNCERTAIN, EventType

Components = dict[str, dict[str, Any]]
"""Descriptions of entities in Home Assistant's format, by a unique key."""


@dataclass(frozen=True, slots=True)
class Device:
    """What is announced to Home Assistant of a device.

    Attributes:
        root: what its topics begin with, such as `emotiond/pi4`.
        name: what it is called.
        labels: the classes of the present model.
        models: that may be chosen; without any, there is no entity for it.
        commands: the names of the commands it takes.
        snapshots: whether they are allowed.
        temperature: whether it has a thermometer.
        other_labels: the classes of all models; entities of those that the present one does not
            know are removed.
    """

    root: str
    name: str
    labels: tuple[str, ...]
    models: tuple[str, ...]
    commands: frozenset[str]
    snapshots: bool
    temperature: bool = True
    other_labels: tuple[str, ...] = ()

    @property
    def topics(self) -> Topics:
        """Its topics."""
        return Topics(self.root)


def components(device: Device) -> Components:
    """Return every entity of `device`, and of those that it may have had, what removes them."""
    others = [label for label in device.other_labels if label not in device.labels]
    return (
        _emotion(device)
        | _faces(device)
        | _face_present(device)
        | _emotion_event(device)
        | _merged(_probability(device, label) for label in device.labels)
        | _merged(_removed_entity("sensor", _probability_name(label)) for label in others)
        | (_pause(device) if "pause" in device.commands else _removed_entity("switch", "Pause"))
        | _model(device)
        | _snapshot(device)
        | _frame_rate(device)
        | _latency(device)
        | (_temperature(device) if device.temperature else _removed_entity("sensor", "Temperature"))
    )


def daemon_availability(topics: Topics) -> dict[str, str]:
    """Return the availability that the daemon tells: it runs and is connected."""
    return {"topic": topics.availability}


def camera_availability(topics: Topics) -> dict[str, str]:
    """Return the availability that the state tells: the camera gives frames."""
    # Home Assistant leaves the availability as it was at a value that is neither of the two.
    value = "{{ 'online' if value_json.camera == 'online' else 'offline' }}"
    return {"topic": topics.state, "value_template": value}


def _merged(parts: Iterable[Components]) -> Components:
    return {key: entity for part in parts for key, entity in part.items()}


def _emotion(device: Device) -> Components:
    return _entity(
        device,
        "sensor",
        "Emotion",
        state_topic=device.topics.state,
        value_template="{{ value_json.emotion }}",
        device_class="enum",
        options=[*device.labels, UNCERTAIN],
        json_attributes_topic=device.topics.state,
        json_attributes_template="{{ {'confidence': value_json.confidence} | to_json }}",
        icon="mdi:emoticon-outline",
    )


def _faces(device: Device) -> Components:
    return _entity(
        device,
        "sensor",
        "Faces",
        state_topic=device.topics.state,
        value_template="{{ value_json.faces }}",
        state_class="measurement",
        icon="mdi:account-multiple-outline",
    )


def _face_present(device: Device) -> Components:
    return _entity(
        device,
        "binary_sensor",
        "Face present",
        state_topic=device.topics.state,
        value_template="{{ 'ON' if value_json.faces else 'OFF' }}",
        device_class="occupancy",
    )


def _emotion_event(device: Device) -> Components:
    """Return the entity of the events, which stays available without the camera.

    When the camera pauses, each face gets an end event. It would be lost on an entity that becomes
    unavailable at that moment, and the return of the entity would look like an event.
    """
    fields = ("emotion", "confidence", "track_id", "time", "id")
    attributes = ", ".join(f"'{key}': value_json.{key}" for key in fields)
    return _entity(
        device,
        "event",
        "Emotion event",
        state_topic=device.topics.event,
        value_template=f"{{{{ {{'event_type': value_json.type, {attributes}}} | to_json }}}}",
        event_types=[kind.value for kind in EventType],
        icon="mdi:timeline-text-outline",
        **_daemon_only(device),
    )


def _probability_name(label: str) -> str:
    return f"Probability {label}"


def _probability(device: Device, label: str) -> Components:
    shares = "(value_json.probabilities or {})"
    share = f"{shares}.get({_literal(label)})"
    return _entity(
        device,
        "sensor",
        _probability_name(label),
        state_topic=device.topics.state,
        value_template=f"{{% set share = {share} %}}"
        "{{ none if share is none else (share * 100) | round(1) }}",
        state_class="measurement",
        unit_of_measurement="%",
        suggested_display_precision=0,
        enabled_by_default=False,
        icon="mdi:chart-bar",
    )


def _literal(value: object) -> str:
    """Return `value` as a literal of a template, which is as in JSON."""
    return msgspec.json.encode(value).decode()


def _pause(device: Device) -> Components:
    return _entity(
        device,
        "switch",
        "Pause",
        state_topic=device.topics.state,
        value_template="{{ 'ON' if value_json.camera == 'paused' else 'OFF' }}",
        command_topic=f"{device.root}/set/pause",
        icon="mdi:eye-off-outline",
        **_daemon_only(device),
    )


def _model(device: Device) -> Components:
    if "model" not in device.commands or not device.models:
        return _removed_entity("select", "Model")
    # A model from another file is not among the options: then it is unknown, and not an error.
    models = _literal(device.models)
    return _entity(
        device,
        "select",
        "Model",
        state_topic=device.topics.state,
        value_template=f"{{{{ value_json.model if value_json.model in {models} else none }}}}",
        command_topic=f"{device.root}/set/model",
        options=list(device.models),
        entity_category="config",
        icon="mdi:brain",
        **_daemon_only(device),
    )


def _snapshot(device: Device) -> Components:
    if not device.snapshots or "snapshot" not in device.commands:
        return _removed_entity("image", "Snapshot") | _removed_entity("button", "Take snapshot")
    image = _entity(
        device,
        "image",
        "Snapshot",
        image_topic=device.topics.snapshot,
        content_type="image/jpeg",
        icon="mdi:image-outline",
    )
    button = _entity(
        device,
        "button",
        "Take snapshot",
        command_topic=f"{device.root}/request/snapshot",
        payload_press="",
        icon="mdi:camera-outline",
    )
    return image | button


def _frame_rate(device: Device) -> Components:
    value = "{{ value_json.fps.out }}"
    return _measure(device, "Frame rate", value, unit_of_measurement="fps", icon="mdi:speedometer")


def _latency(device: Device) -> Components:
    value = "{{ (value_json.frame_latency_ms or {}).get('p95') }}"
    return _measure(device, "Latency", value, unit_of_measurement="ms", device_class="duration")


def _temperature(device: Device) -> Components:
    value = "{{ value_json.temperature }}"
    return _measure(
        device, "Temperature", value, unit_of_measurement="°C", device_class="temperature"
    )


def _measure(device: Device, name: str, value: str, **options: object) -> Components:
    return _entity(
        device,
        "sensor",
        name,
        state_topic=device.topics.stats,
        value_template=value,
        state_class="measurement",
        entity_category="diagnostic",
        suggested_display_precision=1,
        **_daemon_only(device),
        **options,
    )


def _entity(device: Device, domain: str, name: str, **options: object) -> Components:
    """Return one entity of `device`.

    Args:
        device: the device that has it.
        domain: its kind in Home Assistant, such as `sensor`.
        name: its name, which Home Assistant shows beside that of the device.
        options: of that domain.
    """
    key = _key(name)
    identity = f"{device.topics.id}_{key}"
    described = {
        "platform": domain,
        "name": name,
        "unique_id": identity,
        # Otherwise it would follow the name of the device, whatever the user makes of that.
        "default_entity_id": f"{domain}.{identity.lower().replace('-', '_')}",
        "qos": 1,
    }
    return {key: described | options}


def _removed_entity(domain: str, name: str) -> Components:
    """Return what removes an entity: Home Assistant keeps one that is only left out."""
    return {_key(name): {"platform": domain}}


def _daemon_only(device: Device) -> dict[str, object]:
    """Return the option that keeps an entity available while the camera is away or paused."""
    return {"availability": [daemon_availability(device.topics)]}


def _key(name: str) -> str:
    return name[0].lower() + name[1:].replace(" ", "_")
