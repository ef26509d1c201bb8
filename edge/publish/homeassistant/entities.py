"""The entities that one device has in Home Assistant."""

from collections.abc import Iterable

import msgspec

from edge.publish.homeassistant.entity import Components, Device, entity, gone, without_camera
from edge.types import UNCERTAIN, EventType


def components(device: Device) -> Components:
    """Return every entity of `device`; those it no longer has are there to be taken away."""
    others = [label for label in device.other_labels if label not in device.labels]
    return (
        _emotion(device)
        | _faces(device)
        | _face_present(device)
        | _emotion_event(device)
        | _merged(_probability(device, label) for label in device.labels)
        | _merged(gone("sensor", _probability_name(label)) for label in others)
        | (_pause(device) if "pause" in device.commands else gone("switch", "Pause"))
        | _model(device)
        | _pictures(device)
        | _frame_rate(device)
        | _latency(device)
        | (_temperature(device) if device.temperature else gone("sensor", "Temperature"))
    )


def _merged(parts: Iterable[Components]) -> Components:
    return {key: entity for part in parts for key, entity in part.items()}


def _emotion(device: Device) -> Components:
    return entity(
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
    return entity(
        device,
        "sensor",
        "Faces",
        state_topic=device.topics.state,
        value_template="{{ value_json.faces }}",
        state_class="measurement",
        icon="mdi:account-multiple-outline",
    )


def _face_present(device: Device) -> Components:
    return entity(
        device,
        "binary_sensor",
        "Face present",
        state_topic=device.topics.state,
        value_template="{{ 'ON' if value_json.faces else 'OFF' }}",
        device_class="occupancy",
    )


def _emotion_event(device: Device) -> Components:
    """Return the entity of the events, which stays available without the camera.

    The end of a face is told when the camera pauses: it would be lost on an entity that becomes
    unavailable at that moment, and the return of the entity would look like an event.
    """
    told = ("emotion", "confidence", "track_id", "time", "id")
    attributes = ", ".join(f"'{key}': value_json.{key}" for key in told)
    return entity(
        device,
        "event",
        "Emotion event",
        state_topic=device.topics.event,
        value_template=f"{{{{ {{'event_type': value_json.type, {attributes}}} | to_json }}}}",
        event_types=[kind.value for kind in EventType],
        icon="mdi:timeline-text-outline",
        **without_camera(device),
    )


def _probability_name(label: str) -> str:
    return f"Probability {label}"


def _probability(device: Device, label: str) -> Components:
    shares = "(value_json.probabilities or {})"
    share = f"{shares}.get({_literal(label)})"
    return entity(
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
    """Return `value` as a template has it, which is as JSON has it."""
    return msgspec.json.encode(value).decode()


def _pause(device: Device) -> Components:
    return entity(
        device,
        "switch",
        "Pause",
        state_topic=device.topics.state,
        value_template="{{ 'ON' if value_json.camera == 'paused' else 'OFF' }}",
        command_topic=f"{device.root}/set/pause",
        icon="mdi:eye-off-outline",
        **without_camera(device),
    )


def _model(device: Device) -> Components:
    if "model" not in device.commands or not device.models:
        return gone("select", "Model")
    # A model from a file of one's own may be no choice: then it is unknown, and not an error.
    models = _literal(device.models)
    return entity(
        device,
        "select",
        "Model",
        state_topic=device.topics.state,
        value_template=f"{{{{ value_json.model if value_json.model in {models} else none }}}}",
        command_topic=f"{device.root}/set/model",
        options=list(device.models),
        entity_category="config",
        icon="mdi:brain",
        **without_camera(device),
    )


def _pictures(device: Device) -> Components:
    if not device.pictures or "snapshot" not in device.commands:
        return gone("image", "Snapshot") | gone("button", "Take snapshot")
    picture = entity(
        device,
        "image",
        "Snapshot",
        image_topic=device.topics.snapshot,
        content_type="image/jpeg",
        icon="mdi:image-outline",
    )
    button = entity(
        device,
        "button",
        "Take snapshot",
        command_topic=f"{device.root}/request/snapshot",
        payload_press="",
        icon="mdi:camera-outline",
    )
    return picture | button


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
    return entity(
        device,
        "sensor",
        name,
        state_topic=device.topics.stats,
        value_template=value,
        state_class="measurement",
        entity_category="diagnostic",
        suggested_display_precision=1,
        **without_camera(device),
        **options,
    )
