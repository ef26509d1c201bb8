"""What Home Assistant is told of a device, so that it shows it with nothing set up by hand.

One message announces the whole device with all its entities; the format is the device discovery of
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

from typing import Annotated

import msgspec

from edge import __version__
from edge.publish.homeassistant.entities import components
from edge.publish.homeassistant.entity import Device, online, watching
from edge.publish.topics import Topics


class HomeAssistantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How Home Assistant is told of the device.

    Attributes:
        prefix: what its discovery topics begin with; its own default is the same.
    """

    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")] = "homeassistant"


def status_topic(settings: HomeAssistantSettings) -> str:
    """Return where Home Assistant says `online` once it has started."""
    return f"{settings.prefix}/status"


def discovery_topic(settings: HomeAssistantSettings, root: str) -> str:
    """Return where the device of `root` is announced; an empty retained message takes it away."""
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
            # What an entity does not say otherwise: without a camera it knows nothing.
            "availability": [online(topics), watching(topics)],
            "availability_mode": "all",
            "components": components(device),
        }
    )
