"""`python -m tools.bench.outbox`: how many events a second the outbox takes, and at what cost.

The same payloads are appended to a plain file with an fsync after each batch, in the same run and
in turns: what any store must pay that promises to outlive a power cut.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.pipeline.worker import BoundedQueue
from edge.publish.mqtt.sink import BATCH
from edge.publish.outbox import Outbox, OutboxSettings

PAYLOAD_BYTES = 640
"""An event with seven probabilities and every quality."""

BATCHES = (1, 10, 100)

ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """What a number of events took, in seconds: of time, and of all the process's threads."""

    events: int
    wall: float
    cpu: float

    def __str__(self) -> str:
        return (
            f"{self.events / self.wall:9,.0f} events/s, {self.cpu / self.events * 1000:.4f} ms CPU"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary one")
    parser.add_argument("--events", type=int, default=2000, help="in each round")
    parser.add_argument("--rate", type=int, default=2000, help="events a second, one by one")
    parser.add_argument("--seconds", type=float, default=5.0, help="for how long at that rate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        print(f"{options.events} events of {PAYLOAD_BYTES} bytes, the median of {ROUNDS} rounds")
        for size in BATCHES:
            _compare(folder, size, options.events)
        print(_follow(folder, options.rate, options.seconds))


def _compare(folder: Path, size: int, events: int) -> None:
    """Print what batches of `size` cost in an outbox and in a plain file."""
    ways = {"file + fsync": _append, "outbox": _record, "outbox, forgotten": _record_and_forget}
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, measure in ways.items():
            costs[way].append(measure(folder, size, events))
    for way, rounds in costs.items():
        median = sorted(rounds, key=lambda cost: cost.wall)[ROUNDS // 2]
        print(f"batches of {size:3}  {way:18}{median}")


def _append(folder: Path, size: int, events: int) -> Cost:
    with (folder / "plain").open("wb", buffering=0) as file:

        def store(payloads: Sequence[bytes]) -> None:
            file.write(b"\n".join(payloads))
            os.fsync(file.fileno())

        return _measure(store, size, events)


def _record(folder: Path, size: int, events: int) -> Cost:
    outbox = _open(folder)
    try:
        return _measure(outbox.record, size, events)
    finally:
        _empty(outbox)


def _record_and_forget(folder: Path, size: int, events: int) -> Cost:
    """As with a broker that acknowledges each batch before the next."""
    outbox = _open(folder)

    def store(payloads: Sequence[bytes]) -> None:
        outbox.record(payloads)
        outbox.forget([entry.number for entry in outbox.waiting(0, size)])

    try:
        return _measure(store, size, events)
    finally:
        _empty(outbox)


def _measure(store: Callable[[Sequence[bytes]], None], size: int, events: int) -> Cost:
    batch = [os.urandom(PAYLOAD_BYTES) for _ in range(size)]
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(events // size):
        store(batch)
    return Cost(events // size * size, time.perf_counter() - wall, time.process_time() - cpu)


def _follow(folder: Path, rate: int, seconds: float) -> str:
    """Hand over events one by one at `rate`, as the daemon does; tell how the recorder kept up."""
    outbox = _open(folder)
    intake: BoundedQueue[tuple[float, bytes]] = BoundedQueue(rate * 60, lossless=False)
    delays: list[float] = []
    sizes: list[int] = []

    def record() -> None:
        while batch := intake.get_all(timeout=1.0, limit=BATCH):
            outbox.record([payload for _, payload in batch])
            now = time.perf_counter()
            delays.extend(now - handed_over for handed_over, _ in batch)
            sizes.append(len(batch))

    recorder = threading.Thread(target=record)
    recorder.start()
    _hand_over(intake, rate, seconds)
    recorder.join()
    _empty(outbox)
    delays.sort()
    return (
        f"{rate} events/s for {seconds:g} s: {len(delays)} recorded, in batches of "
        f"{len(delays) / len(sizes):.1f}; on disk after {delays[len(delays) // 2] * 1000:.1f} ms, "
        f"95 % within {delays[len(delays) * 95 // 100] * 1000:.1f} ms, all within "
        f"{delays[-1] * 1000:.1f} ms"
    )


def _hand_over(intake: BoundedQueue[tuple[float, bytes]], rate: int, seconds: float) -> None:
    payload = os.urandom(PAYLOAD_BYTES)
    begin = time.perf_counter()
    for number in range(round(rate * seconds)):
        wait = begin + number / rate - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        intake.put((time.perf_counter(), payload))


def _open(folder: Path) -> Outbox:
    outbox = Outbox(folder / "outbox.db", OutboxSettings(events=1_000_000, bytes=2**30))
    outbox.open()
    if not outbox.durable:
        raise SystemExit("the disk refuses: nothing to measure")
    return outbox


def _empty(outbox: Outbox) -> None:
    outbox.forget([entry.number for entry in outbox.waiting(0, len(outbox))])
    outbox.close()


if __name__ == "__main__":
    main()
