"""Simulated devices: the daemon's own publisher, without a camera."""

import logging
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

from edge.publish.mqtt.settings import MqttSettings
from edge.publish.mqtt.sink import MqttSink
from edge.publish.sink import SinkContext
from edge.service.commands import CommandQueue
from tests.events import event

PROCESSES = 4


@dataclass(frozen=True)
class Load:
    """What each device publishes.

    Attributes:
        events: how many.
        rate: of them a second; None publishes them as fast as the publisher takes them.
    """

    events: int
    rate: float | None


@dataclass(frozen=True)
class Tally:
    """What the devices of one process did.

    Attributes:
        recorded: ids of the events that their outboxes recorded.
        unsure: devices that did not tell in time whether theirs were.
        dropped: events that the publishers gave up.
    """

    recorded: list[str]
    unsure: int
    dropped: int


class Devices:
    """Devices in a few processes of their own; used as a context, they are ended at its end.

    Args:
        settings: one for each.
        folder: for their outboxes.
        load: what each publishes.
    """

    def __init__(self, settings: Sequence[MqttSettings], folder: Path, load: Load) -> None:
        context = multiprocessing.get_context("spawn")
        self._go = context.Event()
        self._leave = context.Event()
        self._tallies: Queue[Tally] = context.Queue()
        shares = [settings[number::PROCESSES] for number in range(PROCESSES)]
        self._processes = [
            context.Process(
                target=_run,
                args=(share, folder, load, self._go, self._leave, self._tallies),
                daemon=True,
            )
            for share in shares
            if share
        ]

    def __enter__(self) -> "Devices":
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        for process in self._processes:
            process.join(30)
            process.kill()

    @property
    def alive(self) -> bool:
        """Whether every process still runs; one that failed has told why on stderr."""
        return all(process.is_alive() for process in self._processes)

    def publish(self) -> None:
        """Let them begin."""
        self._go.set()

    def tallies(self, timeout: float) -> list[Tally]:
        """Wait for what they did.

        Raises:
            queue.Empty: a process does not tell within `timeout` seconds.
        """
        return [self._tallies.get(timeout=timeout) for _ in self._processes]


def _run(
    settings: Sequence[MqttSettings],
    folder: Path,
    load: Load,
    go: Event,
    leave: Event,
    tallies: "Queue[Tally]",
) -> None:
    """Be some devices, in a process of their own, until they may leave."""
    logging.disable(logging.WARNING)  # each would tell of the broker that is ended on purpose
    desk = CommandQueue()  # commands are subscribed to, as ever
    sinks = [each.open(SinkContext(folder / f"{each.name}.sqlite", desk)) for each in settings]
    for sink in sinks:
        sink.start()
    go.wait()
    recorded = _publish(sinks, load)
    unsure = sum(not sink.flush(30) for sink in sinks)
    tallies.put(Tally(recorded, unsure, sum(sink.dropped for sink in sinks)))
    leave.wait()
    for sink in sinks:
        sink.close(0.5)


def _publish(sinks: Sequence[MqttSink], load: Load) -> list[str]:
    """Publish in turn, evenly spread over the time that the rate gives; return the ids."""
    ids = []
    start = time.monotonic()
    pause = 1 / (load.rate * len(sinks)) if load.rate else 0.0
    for number in range(load.events * len(sinks)):
        time.sleep(max(0.0, start + number * pause - time.monotonic()))
        record = event(track_id=number)
        sinks[number % len(sinks)].publish(record)
        ids.append(record.id)
    return ids
