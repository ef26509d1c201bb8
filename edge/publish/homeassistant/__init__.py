"""What Home Assistant is told of a device."""

from edge.publish.homeassistant.discovery import (
    HomeAssistantSettings,
    discovery,
    discovery_topic,
    status_topic,
)
from edge.publish.homeassistant.entity import Device

__all__ = ["Device", "HomeAssistantSettings", "discovery", "discovery_topic", "status_topic"]
