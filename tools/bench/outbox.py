"""`python -m tools.bench.outbox`: events a second that the outbox records, and their cost.

In the same run and in turns, the same payloads are appended to a plain file with an fsync after
each batch: what any store pays that promises to survive a power cut.
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
from edge.publish.outbox import Outbox, OutboxSettings

PAYLOAD_BYTES = 640
"""Size of an event with seven probabilities and every quality."""

BATCH_SIZES = (1, 10, 100)

MAX_BATCH = 200
"""Events recorded at once, where they are handed over one by one."""

ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """Cost of a number of events, in seconds by the clock and of the process's CPU time."""

    events: int
    wall: float
    cpu: float

    def __str__(self) -> str:
        rate, milliseconds = self.events / self.wall, 1000 * self.cpu / self.events
        return f"{rate:9,.0f} events/s, {milliseconds:.4f} ms CPU"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary one")
    parser.add_argument("--events", type=int, default=2000, help="in each round")
    parser.add_argument("--rate", type=int, default=2000, help="events a second, one by one")
    parser.add_argument("--seconds", type=float, default=5.0, help="for how long at that rate")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        print(f"{options.events} events of {PAYLOAD_BYTES} bytes, the median of {ROUNDS} rounds")
        for size in BATCH_SIZES:
            _compare(folder, size, options.events)
        print(_record_at_rate(folder, options.rate, options.seconds))


def _compare(folder: Path, size: int, events: int) -> None:
    """Print the cost of batches of `size` in a plain file and in an outbox."""
    stores = {"file + fsync": _append, "outbox": _record, "outbox, acknowledged": _record_and_ack}
    costs: dict[str, list[Cost]] = {name: [] for name in stores}
    for _ in range(ROUNDS):
        for name, measure in stores.items():
            costs[name].append(measure(folder, size, events))
    for name, rounds in costs.items():
        median = sorted(rounds, key=lambda cost: cost.wall)[ROUNDS // 2]
        print(f"batches of {size:3}  {name:21}{median}")


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


def _record_and_ack(folder: Path, size: int, events: int) -> Cost:
    """Measure as with a broker that acknowledges each batch before the next."""
    outbox = _open(folder)

    def store(payloads: Sequence[bytes]) -> None:
        outbox.record(payloads)
        outbox.ack([entry.number for entry in outbox.pending(0, size)])

    try:
        return _measure(store, size, events)
    finally:
        _empty(outbox)


def _measure(store: Callable[[Sequence[bytes]], None], size: int, events: int) -> Cost:
    batch = [os.urandom(PAYLOAD_BYTES) for _ in range(size)]
    batches = max(1, events // size)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(batches):
        store(batch)
    return Cost(batches * size, time.perf_counter() - wall, time.process_time() - cpu)


def _record_at_rate(folder: Path, rate: int, seconds: float) -> str:
    """Queue events one by one as the daemon does; return how the recording thread kept up."""
    outbox = _open(folder)
    queue: BoundedQueue[tuple[float, bytes]] = BoundedQueue(rate * 60, lossless=False)
    delays: list[float] = []
    sizes: list[int] = []

    def record() -> None:
        while (first := queue.get(timeout=1.0)) is not None:
            rest = (queue.get(timeout=0.0) for _ in range(min(MAX_BATCH - 1, len(queue))))
            batch = [first, *(item for item in rest if item is not None)]
            outbox.record([payload for _, payload in batch])
            now = time.perf_counter()
            delays.extend(now - queued for queued, _ in batch)
            sizes.append(len(batch))

    recorder = threading.Thread(target=record)
    recorder.start()
    payload, start = os.urandom(PAYLOAD_BYTES), time.perf_counter()
    for number in range(round(rate * seconds)):
        time.sleep(max(0.0, start + number / rate - time.perf_counter()))
        queue.put((time.perf_counter(), payload))
    recorder.join()
    _empty(outbox)
    delays.sort()
    p50, p95, longest = (
        1000 * delays[place] for place in (len(delays) // 2, len(delays) * 95 // 100, -1)
    )
    return (
        f"{rate} events/s for {seconds:g} s: {len(delays)} recorded, in batches of "
        f"{len(delays) / len(sizes):.1f}; on disk after {p50:.1f} ms, 95 % within {p95:.1f} ms, "
        f"all within {longest:.1f} ms"
    )


def _open(folder: Path) -> Outbox:
    outbox = Outbox(folder / "outbox.db", OutboxSettings(max_events=1_000_000, max_bytes=2**30))
    outbox.open()
    if not outbox.durable:
        raise SystemExit("the disk refuses: nothing to measure")
    return outbox


def _empty(outbox: Outbox) -> None:
    outbox.ack([entry.number for entry in outbox.pending(0, len(outbox))])
    outbox.close()


if __name__ == "__main__":
    main()
