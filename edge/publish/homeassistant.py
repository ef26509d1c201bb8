"""Home Assistant discovery: announces a device, so that it is shown with nothing set up by hand.

One message announces the whole device with all its entities; the format is the device discovery of
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from edge import __version__
from edge.publish.mqtt.settings import HomeAssistantSettings, Topics
from edge.types import UNCERTAIN, EventType

Entity = tuple[str, dict[str, Any]]
"""Unique key of an entity, and its description in Home Assistant's format."""


@dataclass(frozen=True, slots=True)
class Device:
    """Description of a device for Home Assistant.

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


def status_topic(settings: HomeAssistantSettings) -> str:
    """Return the topic on which Home Assistant says `online` once it has started."""
    return f"{settings.prefix}/status"


def discovery_topic(settings: HomeAssistantSettings, root: str) -> str:
    """Return the topic that announces a device; an empty retained message there removes it."""
    return f"{settings.prefix}/device/{Topics(root).id}/config"


def discovery(device: Device) -> bytes:
    """Return the message that announces `device`, the same for an equal device.

    It has every entity of the device, and of those that it may have had, what removes them.
    """
    topics = device.topics
    # Home Assistant leaves the availability as it was at a value that is neither of the two.
    camera = "{{ 'online' if value_json.camera == 'online' else 'offline' }}"
    components = (
        *_face_entities(device),
        *_probabilities(device),
        *_command_entities(device),
        *_diagnostics(device),
    )
    return msgspec.json.encode(
        {
            "device": {
                "identifiers": [topics.id],
                "name": device.name,
                "manufacturer": "emotiond",
                "model": "Facial expression sensor",
                "sw_version": __version__,
            },
            "origin": {"name": "emotiond", "sw_version": __version__},
            # Of entities that have none of their own: without a camera they know nothing.
            "availability": [
                {"topic": topics.availability},
                {"topic": topics.state, "value_template": camera},
            ],
            "availability_mode": "all",
            "components": dict(components),
        }
    )


def _face_entities(device: Device) -> Iterator[Entity]:
    state = device.topics.state
    yield _entity(
        device,
        "sensor",
        "Emotion",
        state_topic=state,
        value_template="{{ value_json.emotion }}",
        device_class="enum",
        options=[*device.labels, UNCERTAIN],
        json_attributes_topic=state,
        json_attributes_template="{{ {'confidence': value_json.confidence} | to_json }}",
        icon="mdi:emoticon-outline",
    )
    yield _entity(
        device,
        "sensor",
        "Faces",
        state_topic=state,
        value_template="{{ value_json.faces }}",
        state_class="measurement",
        icon="mdi:account-multiple-outline",
    )
    yield _entity(
        device,
        "binary_sensor",
        "Face present",
        state_topic=state,
        value_template="{{ 'ON' if value_json.faces else 'OFF' }}",
        device_class="occupancy",
    )
    # It stays available without the camera. When the camera pauses, each face gets an end event,
    # which would be lost on an entity that becomes unavailable at that moment; and the return of
    # the entity would look like an event.
    fields = ("emotion", "confidence", "track_id", "time", "id")
    attributes = ", ".join(f"'{key}': value_json.{key}" for key in fields)
    yield _entity(
        device,
        "event",
        "Emotion event",
        state_topic=device.topics.event,
        value_template=f"{{{{ {{'event_type': value_json.type, {attributes}}} | to_json }}}}",
        event_types=[kind.value for kind in EventType],
        icon="mdi:timeline-text-outline",
        **_without_camera(device),
    )


def _probabilities(device: Device) -> Iterator[Entity]:
    for label in device.labels:
        share = f"(value_json.probabilities or {{}}).get({_literal(label)})"
        yield _entity(
            device,
            "sensor",
            f"Probability {label}",
            state_topic=device.topics.state,
            value_template=f"{{% set share = {share} %}}"
            "{{ none if share is none else (share * 100) | round(1) }}",
            state_class="measurement",
            unit_of_measurement="%",
            suggested_display_precision=0,
            enabled_by_default=False,
            icon="mdi:chart-bar",
        )
    for label in device.other_labels:
        if label not in device.labels:
            yield _removed("sensor", f"Probability {label}")


def _command_entities(device: Device) -> Iterator[Entity]:
    topics, free = device.topics, _without_camera(device)
    if "pause" in device.commands:
        yield _entity(
            device,
            "switch",
            "Pause",
            state_topic=topics.state,
            value_template="{{ 'ON' if value_json.camera == 'paused' else 'OFF' }}",
            command_topic=f"{device.root}/set/pause",
            icon="mdi:eye-off-outline",
            **free,
        )
    else:
        yield _removed("switch", "Pause")
    if "model" in device.commands and device.models:
        # A model from another file is not among the options: then it is unknown, not an error.
        known = f"value_json.model in {_literal(device.models)}"
        yield _entity(
            device,
            "select",
            "Model",
            state_topic=topics.state,
            value_template=f"{{{{ value_json.model if {known} else none }}}}",
            command_topic=f"{device.root}/set/model",
            options=list(device.models),
            entity_category="config",
            icon="mdi:brain",
            **free,
        )
    else:
        yield _removed("select", "Model")
    if device.snapshots and "snapshot" in device.commands:
        yield _entity(
            device,
            "image",
            "Snapshot",
            image_topic=topics.snapshot,
            content_type="image/jpeg",
            icon="mdi:image-outline",
        )
        yield _entity(
            device,
            "button",
            "Take snapshot",
            command_topic=f"{device.root}/request/snapshot",
            payload_press="",
            icon="mdi:camera-outline",
        )
    else:
        yield _removed("image", "Snapshot")
        yield _removed("button", "Take snapshot")


def _diagnostics(device: Device) -> Iterator[Entity]:
    def measure(name: str, value: str, unit: str, **options: str) -> Entity:
        return _entity(
            device,
            "sensor",
            name,
            state_topic=device.topics.stats,
            value_template=f"{{{{ {value} }}}}",
            state_class="measurement",
            entity_category="diagnostic",
            suggested_display_precision=1,
            unit_of_measurement=unit,
            **_without_camera(device),
            **options,
        )

    latency = "(value_json.frame_latency_ms or {}).get('p95')"
    yield measure("Frame rate", "value_json.fps.out", "fps", icon="mdi:speedometer")
    yield measure("Latency", latency, "ms", device_class="duration")
    if device.temperature:
        yield measure("Temperature", "value_json.temperature", "°C", device_class="temperature")
    else:
        yield _removed("sensor", "Temperature")


def _entity(device: Device, domain: str, name: str, **options: object) -> Entity:
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
    return key, described | options


def _removed(domain: str, name: str) -> Entity:
    """Return what removes an entity: Home Assistant keeps one that is only left out."""
    return _key(name), {"platform": domain}


def _without_camera(device: Device) -> dict[str, Any]:
    """Return the option that keeps an entity available while the camera is away or paused."""
    return {"availability": [{"topic": device.topics.availability}]}


def _key(name: str) -> str:
    return name[0].lower() + name[1:].replace(" ", "_")


def _literal(value: object) -> str:
    """Return `value` as a literal of a template, which is as in JSON."""
    return msgspec.json.encode(value).decode()
