"""Home Assistant discovery: announces a device, so that it is shown with nothing set up by hand.

One message announces the whole device with all its entities; the format is the device discovery of
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

from typing import Annotated

import msgspec

from edge import __version__
from edge.publish.homeassistant.entities import (
    Device,
    camera_availability,
    components,
    daemon_availability,
)
from edge.publish.topics import Topics


class HomeAssistantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether and where the device is announced to Home Assistant.

    Attributes:
        prefix: what its discovery topics begin with; Home Assistant's default is the same.
    """

    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")] = "homeassistant"


def status_topic(settings: HomeAssistantSettings) -> str:
    """Return the topic on which Home Assistant says `online` once it has started."""
    return f"{settings.prefix}/status"


def discovery_topic(settings: HomeAssistantSettings, root: str) -> str:
    """Return the topic that announces a device; an empty retained message there removes it."""
    return f"{settings.prefix}/device/{Topics(root).id}/config"


def discovery(device: Device) -> bytes:
    """Return the message that announces `device`, the same for an equal device."""
    topics = device.topics
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
            "availability": [daemon_availability(topics), camera_availability(topics)],
            "availability_mode": "all",
            "components": components(device),
        }
    )
