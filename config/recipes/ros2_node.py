"""ROS 2: events and the dominant expression of each device as messages of std_msgs.

    python ros2_node.py --ros-args -p host:=localhost -p device:=kitchen

Topics: emotiond/<device>/event (String, JSON), emotiond/<device>/emotion (String) and
emotiond/<device>/faces (Int32). Needs rclpy and paho-mqtt.

Tried with rclpy 9.1.2 and Fast DDS 3.2.3 on 2026-11-30.
"""

import json
import re


def name_of(topic: str) -> str:
    """Return the name that a topic of MQTT has in ROS: letters, digits and underscores."""
    parts = (re.sub(r"[^A-Za-z0-9_]", "_", part) for part in topic.split("/")[:-1])
    return "/".join(f"_{part}" if part[:1].isdigit() else part for part in parts)


def values(topic: str, payload: bytes) -> dict[str, str | int]:
    """Return what is published on which topic of ROS."""
    name, message = name_of(topic), json.loads(payload)
    if topic.endswith("/event"):
        return {f"{name}/event": payload.decode()}
    return {f"{name}/emotion": message["emotion"] or "", f"{name}/faces": message["faces"]}


def main() -> None:
    """Pass on what is published until Ctrl-C."""
    import paho.mqtt.client as mqtt
    import rclpy
    from rclpy.node import Node
    from std_msgs.msg import Int32, String

    rclpy.init()
    node = Node("emotiond")
    host = node.declare_parameter("host", "localhost").value
    port = node.declare_parameter("port", 1883).value
    device = node.declare_parameter("device", "+").value
    publishers: dict[str, rclpy.publisher.Publisher] = {}

    def pass_on(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if not message.payload:  # what was retained is taken away
            return
        for name, value in values(message.topic, message.payload).items():
            kind = Int32 if isinstance(value, int) else String
            if name not in publishers:
                publishers[name] = node.create_publisher(kind, name, 10)
            publishers[name].publish(kind(data=value))

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    topics = [(f"emotiond/{device}/{kind}", 1) for kind in ("event", "state")]
    client.on_connect = lambda *_: client.subscribe(topics)
    client.on_message = pass_on
    client.connect(host, port)
    client.loop_start()
    rclpy.spin(node)


if __name__ == "__main__":
    main()
