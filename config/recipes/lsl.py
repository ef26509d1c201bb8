"""Lab Streaming Layer: events as markers, and the probabilities of each face as samples.

    pip install pylsl paho-mqtt
    python lsl.py --host localhost --device kitchen

Tried with pylsl 1.18.6 (liblsl 1.18) on 2026-11-30.
"""

import argparse
import json
import math

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Channels of the samples, after the number of the track."""


def marker(payload: bytes) -> str:
    """Return an event as the text of a marker: start/3/happy."""
    event = json.loads(payload)
    return "/".join(str(event[name]) for name in ("type", "track_id", "emotion"))


def sample(payload: bytes) -> list[float]:
    """Return the track and the probabilities of an event; NaN is what the model does not tell."""
    event = json.loads(payload)
    shares = event["probabilities"] or {}
    return [float(event["track_id"])] + [shares.get(label, math.nan) for label in LABELS]


def main() -> None:
    """Pass on what is published until Ctrl-C."""
    import paho.mqtt.client as mqtt
    from pylsl import IRREGULAR_RATE, StreamInfo, StreamOutlet

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--host", default="localhost", help="the broker")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--device", default="+", help="name of the device, + for all")
    options = parser.parse_args()
    info = StreamInfo("emotiond", "Markers", 1, IRREGULAR_RATE, "string", "emotiond-markers")
    markers = StreamOutlet(info)
    size = 1 + len(LABELS)
    info = StreamInfo("emotiond", "Expression", size, IRREGULAR_RATE, "float32", "emotiond-shares")
    channels = info.desc().append_child("channels")
    for label in ("track", *LABELS):
        channels.append_child("channel").append_child_value("label", label)
    samples = StreamOutlet(info)

    def pass_on(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        markers.push_sample([marker(message.payload)])
        samples.push_sample(sample(message.payload))

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe(f"emotiond/{options.device}/event", 1)
    client.on_message = pass_on
    client.connect(options.host, options.port)
    client.loop_forever()


if __name__ == "__main__":
    main()
