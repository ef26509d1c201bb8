"""A device as Home Assistant sees it: the daemon's own publisher, fed by a test."""

from pathlib import Path
from typing import Any, Self

import msgspec

from edge.publish import MqttSettings, SinkContext
from edge.service.commands import Catalog, Command, CommandQueue, CommandResult
from edge.types import EmotionEvent, EventType, Quality
from tests.brokers import wait_until
from tests.events import QUALITY, event, stats, status
from tests.homeassistant.core import HomeAssistant

LABELS = ("angry", "happy", "sad")
MODELS = ("shallow-int8", "tiny-int8")
ALLOWED: dict[str, Any] = {"labels": LABELS, "summaries": (60, 3600), "has_affect": True}
"""What a config has by default, and valence and arousal."""

LOOKS, AWAY = (
    Quality(
        **{name: getattr(QUALITY, name) for name in QUALITY.__slots__} | {"yaw": yaw, "roll": 0}
    )
    for yaw in (0.0, 60.0)
)
"""Qualities of a face that is turned to the camera, and of one that is not."""


class PublishedDevice:
    """A device with a camera that a test can pause, a model, and pictures.

    Args:
        home: who is to show it.
        port: of the broker.
        name: of the device.
        directory: for its outbox.
        pictures: whether they may leave the device.
    """

    def __init__(
        self, home: HomeAssistant, port: int, name: str, directory: Path, pictures: bool = True
    ) -> None:
        self.home = home
        self.settings = msgspec.convert(
            {"host": "127.0.0.1", "port": port, "device": name}, MqttSettings
        )
        self.desk = CommandQueue()
        catalog = Catalog(dict.fromkeys(MODELS, Path()), ("haar",), allow_snapshots=pictures)
        self.sink = self.settings.open(SinkContext(directory / "outbox.db", self.desk, catalog))

    def __enter__(self) -> Self:
        self.set()
        self.sink.start()
        self.sink.publish(stats())
        wait_until(lambda: self.id_of("emotion") in self.home.states(), 60)
        wait_until(lambda: self.state_of("emotion") != "unavailable", 60)
        return self

    def __exit__(self, *_: object) -> None:
        self.sink.close(5)

    @property
    def root(self) -> str:
        """What its topics begin with."""
        return self.settings.root

    @property
    def key(self) -> str:
        """What Home Assistant knows it by."""
        return self.settings.topics.id

    def set(self, **fields: Any) -> None:
        """Say how the daemon is set; `fields` of its status replace the defaults."""
        self.sink.publish(status(**ALLOWED | fields))

    def tell(self, *events: EmotionEvent) -> None:
        """Publish events."""
        for one in events:
            self.sink.publish(one)

    def next_command(self, picture: bytes | None = None) -> Command:
        """Return the next command that Home Assistant gave; answer it, perhaps with a picture."""
        request = self.desk.next(10)
        assert request is not None, "no command came"
        request.answer(CommandResult(jpeg=picture))
        return request.command

    def id_of(self, key: str) -> str | None:
        """Return the id under which Home Assistant shows an entity."""
        entry = self.home.entities(self.key).get(key)
        return entry["entity_id"] if entry else None

    def shown(self, key: str) -> dict[str, Any]:
        """Return state and attributes of an entity."""
        entity_id = self.id_of(key)
        assert entity_id is not None, f"there is no {key}"
        return self.home.states()[entity_id]

    def state_of(self, key: str) -> str:
        """Return the state of an entity."""
        return str(self.shown(key)["state"])

    def wait_for(self, **states: str) -> None:
        """Wait until entities are there and have these states."""
        for key, state in states.items():
            wait_until(lambda key=key: self.id_of(key) is not None, 60)  # type: ignore[misc]
            wait_until(lambda key=key, state=state: self.state_of(key) == state, 60)  # type: ignore[misc]


def seen(emotion: str, kind: EventType = EventType.START, **fields: Any) -> EmotionEvent:
    """Return an event of a face that shows `emotion` with a probability of 0.8."""
    shares = dict.fromkeys(LABELS, 0.1) | {emotion: 0.8}
    return event(kind, emotion=emotion, probabilities=shares, **fields)
