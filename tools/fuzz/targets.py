"""Readers of what comes from outside, each with sound samples and the errors it may answer with."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.errors import EmotiondError

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "tiny-int8.tflite"


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of input.

    Attributes:
        samples: sound inputs.
        read: reads one from a file, as the program does.
        suffix: of that file.
        expected: exceptions with which it refuses a damaged one.
        sound: exceptions of a sound one, such as the end of a video.
    """

    samples: tuple[bytes, ...]
    read: Callable[[Path], object]
    suffix: str
    expected: tuple[type[BaseException], ...] = (EmotiondError,)
    sound: tuple[type[BaseException], ...] = ()

    def run(self, case: bytes) -> None:
        """Read one input."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"case{self.suffix}"
            path.write_bytes(case)
            self.read(path)


def config() -> Target:
    """Configs: the file that people write by hand."""
    from edge.config import load_config

    def read(path: Path) -> None:
        load_config(path).redacted()

    whole = (ROOT / "config" / "emotiond.yaml").read_bytes()
    short = (b"source: 0\n", b"source: rtsp://user:pw@camera/1?pwd=x\nsinks: {kind: mqtt}\n")
    return Target((whole, *short), read, ".yaml")


def cards() -> Target:
    """Model cards, beside a sound model."""
    from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier

    def read(path: Path) -> None:
        model = path.with_suffix(".tflite")
        model.write_bytes(MODEL.read_bytes())
        open_classifier(ClassifierSettings(model=ModelPath(model)))

    return Target((MODEL.with_suffix(".json").read_bytes(),), read, ".json")


def models() -> Target:
    """Models with a renewed hash in their card, as a damaged download that somebody signed."""
    from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier

    def read(path: Path) -> None:
        card = msgspec.json.decode(MODEL.with_suffix(".json").read_bytes())
        data = path.read_bytes()
        card["sha256"] = hashlib.sha256(data).hexdigest()
        card["size"] = len(data)
        path.with_suffix(".json").write_bytes(msgspec.json.encode(card))
        face = np.full((48, 48), 128, np.uint8)
        open_classifier(ClassifierSettings(model=ModelPath(path))).classify([face])

    return Target((MODEL.read_bytes(),), read, ".tflite")


def images() -> Target:
    """Image files of every format that is read."""
    from edge.capture.images import read_image

    noise = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    smooth = cv2.resize(noise, (160, 160), interpolation=cv2.INTER_CUBIC)
    suffixes = (".jpg", ".png", ".bmp", ".webp", ".tif", ".ppm", ".gif")
    encoded = [cv2.imencode(suffix, smooth)[1].tobytes() for suffix in suffixes]
    return Target(tuple(encoded), read_image, ".jpg")


def videos() -> Target:
    """Video files, read to their end."""
    from edge.capture.source import EndOfStream
    from edge.capture.video import VideoSettings

    def read(path: Path) -> None:
        source = VideoSettings(path=path, realtime=False).open()
        try:
            for _ in range(2000):
                source.read()
        finally:
            source.close()

    return Target(_video_samples(), read, ".avi", (EmotiondError, EndOfStream), (EndOfStream,))


def _video_samples() -> tuple[bytes, ...]:
    samples = []
    rng = np.random.default_rng(2)
    for suffix, codec in ((".avi", "MJPG"), (".mp4", "mp4v"), (".mkv", "MJPG")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"sample{suffix}"
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10.0, (64, 48))
            for _ in range(12):
                writer.write(cv2.blur(rng.integers(0, 255, (48, 64, 3), np.uint8), (9, 9)))
            writer.release()
            samples.append(path.read_bytes())
    return tuple(samples)


def datasets() -> Target:
    """Tables of faces, as FER2013 is distributed."""
    from converter.data import open_dataset

    pixels = " ".join(str(value % 256) for value in range(48 * 48))
    rows = "".join(
        f"{label},{pixels},{usage}\n"
        for label, usage in ((0, "Training"), (3, "PublicTest"), (6, "PrivateTest"))
    )
    table = f"emotion,pixels,Usage\n{rows}".encode()
    return Target((table,), open_dataset, ".csv")


def events() -> Target:
    """Recorded events, made into a report."""
    from edge.offline.replay import read_events
    from edge.offline.report import html_report

    def read(path: Path) -> None:
        html_report("case", list(read_events(path)))

    return Target(_event_samples(), read, ".jsonl")


def messages() -> Target:
    """Messages of other daemons, as `emotiond watch` prints them."""
    from edge.commands.events import watch_line
    from edge.publish.mqtt.client import MqttMessage
    from edge.terminal import print_line

    def read(path: Path) -> None:
        message = MqttMessage("emotiond/x/event", path.read_bytes())
        line = watch_line(message, {}, names=True)
        if line is not None:
            print_line(line)

    return Target(_event_samples(), read, ".json")


def _event_samples() -> tuple[bytes, ...]:
    """Return an event file of one face, and each of its lines by itself."""
    fields = {
        "id": "0b54a2b0-9c4f-4b1e-8a53-1f0d5f6c7a11",
        "time": "2026-11-29T10:00:00.000Z",
        "type": "start",
        "track_id": 1,
        "emotion": "happy",
        "confidence": 0.9,
        "probabilities": {"happy": 0.9, "neutral": 0.1},
        "reasons": [],
        "quality": {
            "size": 80.0,
            "sharpness": 90.0,
            "brightness": 120.0,
            "contrast": 40.0,
            "yaw": 3.0,
            "roll": 2.0,
        },
        "box": [10.0, 10.0, 90.0, 90.0],
        "frame": {"width": 640, "height": 480},
        "duration": 0.0,
        "model": "shallow-int8",
        "detector": "builtin",
        "latency_ms": 12.0,
    }
    end = {**fields, "type": "end", "time": "2026-11-29T10:00:04.000Z", "duration": 4.0}
    lines = [msgspec.json.encode(event) for event in (fields, end)]
    return (b"\n".join(lines), *lines)


def requests() -> Target:
    """Commands by MQTT: a topic, a line feed, and the payload."""
    from edge.publish import MqttSettings
    from edge.publish.mqtt.client import MqttMessage
    from edge.publish.mqtt.commands import handle_command
    from edge.service.commands import CommandName, CommandQueue, CommandResult

    settings = MqttSettings(host="127.0.0.1", device="fuzz", commands=tuple(CommandName))
    root = settings.topics.root

    def read(path: Path) -> None:
        topic, _, payload = path.read_bytes().partition(b"\n")
        answers: list[MqttMessage] = []
        queue = CommandQueue()
        message = MqttMessage(topic.decode(errors="replace"), payload)
        handle_command(settings, queue, answers.append, message)
        request = queue.next(0.0)
        if request is not None:
            request.answer(CommandResult({"done": True}))
        assert len(answers) == 1, f"expected one answer, found {len(answers)}"

    payloads = {
        "set/pause": b'{"paused": true, "seconds": 5}',
        "set/model": b'{"model": "tiny-int8", "id": 3}',
        "set/detector": b'"haar"',
        "set/thresholds": b'{"min_confidence": 0.5}',
        "request/snapshot": b"",
        "request/info": b'{"id": "x"}',
        "request/reload": b"{}",
    }
    samples = (f"{root}/{name}\n".encode() + text for name, text in payloads.items())
    return Target(tuple(samples), read, ".mqtt")


KINDS: dict[str, Callable[[], Target]] = {
    "config": config,
    "card": cards,
    "model": models,
    "image": images,
    "video": videos,
    "dataset": datasets,
    "events": events,
    "message": messages,
    "request": requests,
}
"""Targets by name, opened when they are wanted."""
