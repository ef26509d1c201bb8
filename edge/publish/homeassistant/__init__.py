"""Announcing a device to Home Assistant."""

from edge.publish.homeassistant.discovery import (
    HomeAssistantSettings,
    discovery,
    discovery_topic,
    status_topic,
)
from edge.publish.homeassistant.entities import Device

__all__ = ["Device", "HomeAssistantSettings", "discovery", "discovery_topic", "status_topic"]
