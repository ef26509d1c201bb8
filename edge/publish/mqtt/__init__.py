"""Events, state and commands over MQTT."""

from edge.publish.mqtt.settings import MqttSettings
from edge.publish.mqtt.sink import MqttSink

__all__ = ["MqttSettings", "MqttSink"]
