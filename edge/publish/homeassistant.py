"""Home Assistant discovery: announces a device, so that it is shown with nothing set up by hand.

One message announces the whole device with all its entities; the format is the device discovery of
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

from collections.abc import Collection
from typing import Any

from edge import __version__
from edge.publish.mqtt.settings import MqttSettings, Topics
from edge.service.commands import Catalog, CommandName
from edge.types import UNCERTAIN, DaemonStatus, EventType

Options = dict[str, Any]  # of an entity, as the integration of its kind has them
Announcement = dict[str, Any]  # of a device; `components` has its entities and triggers

MEASUREMENT: Options = {"state_class": "measurement"}
DIAGNOSTIC = MEASUREMENT | {"entity_category": "diagnostic", "suggested_display_precision": 1}
RARE: Options = {"enabled_by_default": False}
"""Options of sensors that have a history, of those that tell of the device, of what few look at."""

CAMERA = "{{ 'online' if value_json.camera in ('online', 'dark') else 'offline' }}"
"""Availability of what needs the camera: Home Assistant leaves it as it was at any other value. In
the dark there is nobody to be seen; a frozen image tells nothing of this moment."""


def discovery(
    settings: MqttSettings,
    status: DaemonStatus,
    catalog: Catalog,
    commands: Collection[CommandName] = (),
) -> Announcement:
    """Return the message that announces a device and its entities; `catalog` is for commands."""
    topics = Topics(settings.root, status.camera_name)
    entities, sees = _Entities(topics), {"topic": topics.state, "value_template": CAMERA}
    entities.add_faces(status)
    entities.add_triggers(status)
    entities.add_last_minute(status)
    entities.add_probabilities(status)
    entities.add_commands(catalog, commands)
    entities.add_diagnostics(status)
    if not status.camera_name:  # of several cameras, the daemon has it
        entities.add_update(settings)
    return {
        **_device(settings, status.camera_name),
        # Of entities that have none of their own: without a camera they know nothing.
        "availability": [{"topic": topics.availability}, sees],
        "availability_mode": "all",
        "components": entities.components,
    }


def daemon_discovery(settings: MqttSettings) -> Announcement:
    """Return the message that announces the daemon, to which the devices of cameras belong."""
    entities, category = _Entities(settings.topics), {"entity_category": "diagnostic"}
    states = {"payload_on": "online", "payload_off": "offline", "device_class": "connectivity"}
    running = {"state_topic": settings.topics.availability} | states | category
    entities.add("binary_sensor", "Connection", running)
    entities.add_update(settings)
    always = {"availability": [], "availability_mode": "all"}
    return {**_device(settings), **always, "components": entities.components}


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


class _Entities:
    """Entities of a device in Home Assistant's format, by their keys."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.components: dict[str, Options] = {}

    def add(self, kind: str, name: str, own: Options, value: str = "", camera: bool = True) -> None:
        """Add an entity; it shows `value` of the state, with `camera` only while there is one."""
        key = name[0].lower() + name[1:].replace(" ", "_")
        identity = f"{self.topics.id}_{key}"
        self.components[key] = {
            "platform": kind,
            "name": name,
            "unique_id": identity,
            # Otherwise it would follow the name of the device, whatever the user makes of that.
            "default_entity_id": f"{kind}.{identity.lower().replace('-', '_')}",
            "qos": 1,
        }
        if value:
            shown = {"state_topic": self.topics.state, "value_template": f"{{{{ {value} }}}}"}
            self.components[key] |= shown
        available = {} if camera else {"availability": [{"topic": self.topics.availability}]}
        self.components[key] |= own | available

    def add_faces(self, status: DaemonStatus) -> None:
        emotion = {
            "device_class": "enum",
            "options": [*status.labels, UNCERTAIN],
            "json_attributes_topic": self.topics.state,
            "json_attributes_template": "{{ {'confidence': value_json.confidence} | to_json }}",
            "icon": "mdi:emoticon-outline",
        }
        self.add("sensor", "Emotion", emotion, "value_json.emotion")
        faces = MEASUREMENT | {"icon": "mdi:account-multiple-outline"}
        self.add("sensor", "Faces", faces, "value_json.faces")
        for zone in status.zones:
            value = f"(value_json.zones or {{}}).get({zone!r})"
            self.add("sensor", f"Faces in {zone}", faces, value)
        value = "'ON' if value_json.faces else 'OFF'"
        self.add("binary_sensor", "Face present", {"device_class": "occupancy"}, value)
        value = "{true: 'ON', false: 'OFF'}.get(value_json.looking)"
        self.add("binary_sensor", "Somebody is looking", {"icon": "mdi:eye-outline"}, value)
        zones = ["zones"] if status.zones else []
        fields = ["emotion", "confidence", "track_id", "time", "id", *zones]
        attributes = ", ".join(f"'{key}': value_json.{key}" for key in fields)
        types = [kind.value for kind in EventType if kind is not EventType.ZONE or zones]
        icon = "mdi:timeline-text-outline"
        event = {"state_topic": self.topics.event, "event_types": types, "icon": icon}
        value = f"{{'event_type': value_json.type, {attributes}}} | to_json"
        # It stays available without the camera. When the camera pauses, each face gets an end
        # event, which would be lost on an entity that becomes unavailable at that moment; and the
        # return of the entity would look like an event.
        self.add("event", "Emotion event", event, value, camera=False)

    def add_triggers(self, status: DaemonStatus) -> None:
        """Add what the editor of automations offers: "face" appears, "happy" shown."""
        kinds = {"appears": EventType.START, "leaves": EventType.END}
        kinds |= {"changes zone": EventType.ZONE} if status.zones else {}
        triggers = [("face", name, kind.value, "value_json.type") for name, kind in kinds.items()]
        shown = "value_json.emotion if value_json.type in ('start', 'change')"
        triggers += [(label, "shown", label, shown) for label in status.labels]
        for subtype, kind, payload, value in triggers:
            self.components[f"{subtype}_{kind}".replace(" ", "_")] = {
                "platform": "device_automation",
                "automation_type": "trigger",
                "type": kind,
                "subtype": subtype,
                "topic": self.topics.event,
                "payload": payload,
                "value_template": f"{{{{ {value} }}}}",
                "qos": 1,
            }

    def add_last_minute(self, status: DaemonStatus) -> None:
        if 60 not in status.summaries:
            return
        duration = MEASUREMENT | {"unit_of_measurement": "s", "device_class": "duration"}
        emotion = {"device_class": "enum", "options": [*status.labels, UNCERTAIN]}
        shared = {"state_topic": f"{self.topics.summary}/60", "icon": "mdi:timer-outline"}
        for name, field, options in (
            ("Faces in the last minute", "faces", MEASUREMENT),
            ("Face time in the last minute", "people_seconds", duration),
            ("Emotion of the last minute", "emotion", emotion),
        ):
            self.add("sensor", name, options | shared, f"value_json.{field}")

    def add_probabilities(self, status: DaemonStatus) -> None:
        percent = {"unit_of_measurement": "%", "suggested_display_precision": 0}
        options = RARE | MEASUREMENT | percent | {"icon": "mdi:chart-bar"}
        for label in status.labels:
            share = f"(value_json.probabilities or {{}}).get({label!r})"
            value = f"none if {share} is none else ({share} * 100) | round(1)"
            self.add("sensor", f"Probability {label}", options, value)
        rare = RARE | MEASUREMENT | {"suggested_display_precision": 2}
        for name in ("Valence", "Arousal") if status.has_affect else ():
            self.add("sensor", name, rare, f"value_json.get('{name.lower()}')")

    def add_commands(self, catalog: Catalog, commands: Collection[CommandName]) -> None:
        root, models = self.topics.root, list(catalog.models)
        if CommandName.PAUSE in commands:
            value = "'ON' if value_json.camera == 'paused' else 'OFF'"
            pause = {"command_topic": f"{root}/set/pause", "icon": "mdi:eye-off-outline"}
            self.add("switch", "Pause", pause, value, camera=False)
        if models and CommandName.MODEL in commands:
            # A model from another file is not among the options: then it is unknown, not an error.
            value = f"value_json.model if value_json.model in {models} else none"
            model = {"command_topic": f"{root}/set/model", "options": models}
            model |= {"entity_category": "config", "icon": "mdi:brain"}
            self.add("select", "Model", model, value, camera=False)
        if catalog.allow_snapshots and CommandName.SNAPSHOT in commands:
            image = {"image_topic": self.topics.snapshot, "content_type": "image/jpeg"}
            self.add("image", "Snapshot", image | {"icon": "mdi:image-outline"})
            button = {"command_topic": f"{root}/request/snapshot", "payload_press": ""}
            self.add("button", "Take snapshot", button | {"icon": "mdi:camera-outline"})

    def add_diagnostics(self, status: DaemonStatus) -> None:
        problem = {
            "json_attributes_topic": self.topics.state,
            "json_attributes_template": "{{ {'camera': value_json.camera} | to_json }}",
            "device_class": "problem",
            "entity_category": "diagnostic",
        }
        value = "'OFF' if value_json.camera in ('online', 'paused') else 'ON'"
        self.add("binary_sensor", "Camera problem", problem, value, camera=False)
        latency = "(value_json.frame_latency_ms or {}).get('p95')"
        cpu = "(value_json.cpu * 100) | round(1)"
        memory = "none if value_json.memory is none else (value_json.memory / 1e6) | round(1)"
        count = {"state_class": "total_increasing", "suggested_display_precision": 0}
        sensors: list[tuple[str, str, str | None, Options]] = [
            ("Frame rate", "value_json.fps.out", "fps", {"icon": "mdi:speedometer"}),
            ("Latency", latency, "ms", {"device_class": "duration"}),
            ("Events", "value_json.events", None, RARE | count | {"icon": "mdi:counter"}),
            ("Use of a CPU core", cpu, "%", RARE | {"icon": "mdi:chip"}),
            ("Memory", memory, "MB", RARE | {"device_class": "data_size"}),
        ]
        if status.has_temperature:
            heat = {"device_class": "temperature"}
            sensors.append(("Temperature", "value_json.temperature", "°C", heat))
        for name, value, unit, options in sensors:
            shared = {"state_topic": self.topics.stats, "unit_of_measurement": unit}
            self.add("sensor", name, DIAGNOSTIC | shared | options, value, camera=False)

    def add_update(self, settings: MqttSettings) -> None:
        """Add an entity that compares this version with a retained latest one."""
        update = {
            "latest_version_topic": f"{settings.prefix}/latest_version",
            "state_topic": self.topics.availability,  # which comes with each start
            "value_template": __version__,
            "device_class": "firmware",
            "entity_category": "diagnostic",
        }
        self.add("update", "Update", RARE | update, camera=False)
