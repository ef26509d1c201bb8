"""Home Assistant discovery: announces a device, so that it is shown with nothing set up by hand.

One message announces the whole device with all its entities; the format is the device discovery of
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from edge import __version__
from edge.publish.mqtt.settings import HomeAssistantSettings, MqttSettings, Topics
from edge.service.commands import Catalog, CommandName
from edge.types import UNCERTAIN, DaemonStatus, EventType

MEASUREMENT = {"state_class": "measurement"}
DIAGNOSTIC = MEASUREMENT | {"entity_category": "diagnostic", "suggested_display_precision": 1}
"""Options of sensors whose values have a history, and of those that describe the device itself."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of a device: its domain in Home Assistant, such as `sensor`, and options of that.

    One that does not exist is removed, as the device may have had it. One that needs the camera is
    unavailable while that is away or paused.
    """

    domain: str
    name: str
    options: dict[str, Any]
    exists: bool = True
    needs_camera: bool = True


def status_topic(settings: HomeAssistantSettings) -> str:
    """Return the topic on which Home Assistant says `online` once it has started."""
    return f"{settings.prefix}/status"


def discovery_topic(settings: HomeAssistantSettings, root: str) -> str:
    """Return the topic that announces a device; an empty retained message there removes it."""
    return f"{settings.prefix}/device/{Topics(root).id}/config"


def discovery(
    settings: MqttSettings,
    status: DaemonStatus,
    catalog: Catalog,
    commands: Collection[CommandName] = (),
) -> bytes:
    """Return the message that announces a device and its entities, the same for an equal one.

    `catalog` is what commands may choose from; classes that only other models know are removed.
    """
    topics = Topics(settings.root, status.camera_name)
    entities = (
        *_face_entities(topics, status),
        *_last_minute(topics, status),
        *_probabilities(topics, status, catalog),
        *_command_entities(topics, catalog, commands),
        *_diagnostics(topics, status),
    )
    # Home Assistant leaves the availability as it was at a value that is neither of the two. In the
    # dark there is nobody to be seen; a frozen image tells nothing of this moment.
    camera = "{{ 'online' if value_json.camera in ('online', 'dark') else 'offline' }}"
    return msgspec.json.encode(
        {
            **_device(settings, status.camera_name),
            # Of entities that have none of their own: without a camera they know nothing.
            "availability": [
                {"topic": topics.availability},
                {"topic": topics.state, "value_template": camera},
            ],
            "availability_mode": "all",
            "components": {_key(one.name): _component(topics, one) for one in entities},
        }
    )


def daemon_discovery(settings: MqttSettings) -> bytes:
    """Return the message that announces the daemon, to which the devices of cameras belong."""
    topics = settings.topics
    running = {
        "state_topic": topics.availability,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
    }
    components = {"connection": _component(topics, Entity("binary_sensor", "Connection", running))}
    always = {"availability": [], "availability_mode": "all"}
    return msgspec.json.encode({**_device(settings), **always, "components": components})


def _device(settings: MqttSettings, camera: str = "") -> dict[str, Any]:
    """Return who a message is about: this device, or one of several cameras that it has."""
    device = {
        "identifiers": [Topics(settings.root, camera).id],
        "name": f"{settings.name} {camera}".rstrip(),
        "manufacturer": "emotiond",
        "model": "Facial expression sensor",
        "sw_version": __version__,
    }
    if camera:
        device["via_device"] = settings.topics.id
    return {"device": device, "origin": {"name": "emotiond", "sw_version": __version__}}


def _face_entities(topics: Topics, status: DaemonStatus) -> Iterator[Entity]:
    state = {"state_topic": topics.state}
    emotion = {
        "value_template": "{{ value_json.emotion }}",
        "device_class": "enum",
        "options": [*status.labels, UNCERTAIN],
        "json_attributes_topic": topics.state,
        "json_attributes_template": "{{ {'confidence': value_json.confidence} | to_json }}",
        "icon": "mdi:emoticon-outline",
    }
    yield Entity("sensor", "Emotion", state | emotion)
    faces = {"value_template": "{{ value_json.faces }}", "icon": "mdi:account-multiple-outline"}
    yield Entity("sensor", "Faces", state | MEASUREMENT | faces)
    for name in status.zones:
        value = f"{{{{ (value_json.zones or {{}}).get({_literal(name)}) }}}}"
        options = state | MEASUREMENT | faces | {"value_template": value}
        yield Entity("sensor", f"Faces in {name}", options)
    present = {
        "value_template": "{{ 'ON' if value_json.faces else 'OFF' }}",
        "device_class": "occupancy",
    }
    yield Entity("binary_sensor", "Face present", state | present)
    value = "{{ {true: 'ON', false: 'OFF'}.get(value_json.looking) }}"
    looking = {"value_template": value, "icon": "mdi:eye-outline"}
    yield Entity("binary_sensor", "Somebody is looking", state | looking)
    fields = ["emotion", "confidence", "track_id", "time", "id"]
    fields += ["zones"] if status.zones else []
    attributes = ", ".join(f"'{key}': value_json.{key}" for key in fields)
    event = {
        "state_topic": topics.event,
        "value_template": f"{{{{ {{'event_type': value_json.type, {attributes}}} | to_json }}}}",
        "event_types": [
            kind.value for kind in EventType if kind is not EventType.ZONE or status.zones
        ],
        "icon": "mdi:timeline-text-outline",
    }
    # It stays available without the camera. When the camera pauses, each face gets an end event,
    # which would be lost on an entity that becomes unavailable at that moment; and the return of
    # the entity would look like an event.
    yield Entity("event", "Emotion event", event, needs_camera=False)


def _last_minute(topics: Topics, status: DaemonStatus) -> Iterator[Entity]:
    duration = {"unit_of_measurement": "s", "device_class": "duration"}
    emotion = {"device_class": "enum", "options": [*status.labels, UNCERTAIN]}
    for name, field, options in (
        ("Faces in the last minute", "faces", MEASUREMENT),
        ("Face time in the last minute", "people_seconds", MEASUREMENT | duration),
        ("Emotion of the last minute", "emotion", emotion),
    ):
        value = {"value_template": f"{{{{ value_json.{field} }}}}", "icon": "mdi:timer-outline"}
        topic = {"state_topic": topics.summary(60)}
        yield Entity("sensor", name, topic | options | value, 60 in status.summaries)


def _probabilities(topics: Topics, status: DaemonStatus, catalog: Catalog) -> Iterator[Entity]:
    for label in dict.fromkeys((*status.labels, *catalog.labels)):
        share = f"(value_json.probabilities or {{}}).get({_literal(label)})"
        options = {
            "state_topic": topics.state,
            "value_template": f"{{% set share = {share} %}}"
            "{{ none if share is none else (share * 100) | round(1) }}",
            "unit_of_measurement": "%",
            "suggested_display_precision": 0,
            "enabled_by_default": False,
            "icon": "mdi:chart-bar",
        }
        exists = label in status.labels
        yield Entity("sensor", f"Probability {label}", MEASUREMENT | options, exists)


def _command_entities(
    topics: Topics, catalog: Catalog, commands: Collection[CommandName]
) -> Iterator[Entity]:
    pause = {
        "state_topic": topics.state,
        "value_template": "{{ 'ON' if value_json.camera == 'paused' else 'OFF' }}",
        "command_topic": f"{topics.root}/set/pause",
        "icon": "mdi:eye-off-outline",
    }
    yield Entity("switch", "Pause", pause, CommandName.PAUSE in commands, needs_camera=False)
    models = tuple(catalog.models)
    # A model from another file is not among the options: then it is unknown, not an error.
    known = f"value_json.model in {_literal(models)}"
    model = {
        "state_topic": topics.state,
        "value_template": f"{{{{ value_json.model if {known} else none }}}}",
        "command_topic": f"{topics.root}/set/model",
        "options": models,
        "entity_category": "config",
        "icon": "mdi:brain",
    }
    selectable = CommandName.MODEL in commands and bool(models)
    yield Entity("select", "Model", model, selectable, needs_camera=False)
    image = {"image_topic": topics.snapshot, "content_type": "image/jpeg"}
    button = {"command_topic": f"{topics.root}/request/snapshot", "payload_press": ""}
    snapshots = catalog.allow_snapshots and CommandName.SNAPSHOT in commands
    yield Entity("image", "Snapshot", image | {"icon": "mdi:image-outline"}, snapshots)
    yield Entity("button", "Take snapshot", button | {"icon": "mdi:camera-outline"}, snapshots)


def _diagnostics(topics: Topics, status: DaemonStatus) -> Iterator[Entity]:
    problem = {
        "state_topic": topics.state,
        "value_template": "{{ 'OFF' if value_json.camera in ('online', 'paused') else 'ON' }}",
        "json_attributes_topic": topics.state,
        "json_attributes_template": "{{ {'camera': value_json.camera} | to_json }}",
        "device_class": "problem",
        "entity_category": "diagnostic",
    }
    yield Entity("binary_sensor", "Camera problem", problem, needs_camera=False)
    latency = "(value_json.frame_latency_ms or {}).get('p95')"
    heat, measurable = {"device_class": "temperature"}, status.has_temperature
    for name, value, unit, options, exists in (
        ("Frame rate", "value_json.fps.out", "fps", {"icon": "mdi:speedometer"}, True),
        ("Latency", latency, "ms", {"device_class": "duration"}, True),
        ("Temperature", "value_json.temperature", "°C", heat, measurable),
    ):
        measured = {
            "state_topic": topics.stats,
            "value_template": f"{{{{ {value} }}}}",
            "unit_of_measurement": unit,
        }
        yield Entity("sensor", name, DIAGNOSTIC | measured | options, exists, needs_camera=False)


def _component(topics: Topics, entity: Entity) -> dict[str, Any]:
    """Return an entity in Home Assistant's format."""
    if not entity.exists:  # Home Assistant keeps one that is only left out
        return {"platform": entity.domain}
    identity = f"{topics.id}_{_key(entity.name)}"
    described = {
        "platform": entity.domain,
        "name": entity.name,
        "unique_id": identity,
        # Otherwise it would follow the name of the device, whatever the user makes of that.
        "default_entity_id": f"{entity.domain}.{identity.lower().replace('-', '_')}",
        "qos": 1,
    }
    available = {} if entity.needs_camera else {"availability": [{"topic": topics.availability}]}
    return described | entity.options | available


def _key(name: str) -> str:
    return name[0].lower() + name[1:].replace(" ", "_")


def _literal(value: object) -> str:
    """Return `value` as a literal of a template, which is as in JSON."""
    return msgspec.json.encode(value).decode()
