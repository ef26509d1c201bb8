"""How one entity is described to Home Assistant."""

from dataclasses import dataclass
from typing import Any

from edge.publish.topics import Topics

Components = dict[str, dict[str, Any]]
"""Entities as Home Assistant wants them described, by a key that none shares."""


@dataclass(frozen=True, slots=True)
class Device:
    """What Home Assistant needs to know of a device.

    Attributes:
        root: what its topics begin with, such as `emotiond/pi4`.
        name: what it is called.
        labels: the classes of the present model.
        models: that may be chosen; where there is none, neither is the choice.
        commands: the names of the commands it takes.
        pictures: whether snapshots are allowed.
        temperature: whether it has a thermometer.
        other_labels: the classes of all models; the entities of those that the present one does
            not know are taken away.
    """

    root: str
    name: str
    labels: tuple[str, ...]
    models: tuple[str, ...]
    commands: frozenset[str]
    pictures: bool
    temperature: bool = True
    other_labels: tuple[str, ...] = ()

    @property
    def topics(self) -> Topics:
        """Its topics."""
        return Topics(self.root)


def entity(device: Device, domain: str, name: str, **options: object) -> Components:
    """Return one entity of `device`.

    Args:
        device: whose.
        domain: what it is for Home Assistant, such as `sensor`.
        name: what it is called beside the device's name.
        options: whatever else that domain knows.
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


def gone(domain: str, name: str) -> Components:
    """Return what takes an entity away: Home Assistant keeps one that is only left out."""
    return {_key(name): {"platform": domain}}


def without_camera(device: Device) -> dict[str, object]:
    """Return what keeps an entity available while the camera is away or paused."""
    return {"availability": [online(device.topics)]}


def online(topics: Topics) -> dict[str, str]:
    """Return the condition that the daemon is there."""
    return {"topic": topics.availability}


def watching(topics: Topics) -> dict[str, str]:
    """Return the condition that its camera is."""
    # Home Assistant leaves the availability as it was at a value that is neither of the two.
    value = "{{ 'online' if value_json.camera == 'online' else 'offline' }}"
    return {"topic": topics.state, "value_template": value}


def _key(name: str) -> str:
    return name[0].lower() + name[1:].replace(" ", "_")
