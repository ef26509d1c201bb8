"""Record of the endurance run: samples of the daemon, events of a subscriber, verdict and plot."""

import statistics
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.soak.faults import TOKEN

MAX_GROWTH_MB = 2.0
"""Resident megabytes that may be added from the first tenth after warm-up to the last."""

MAX_MORE_OPEN = 3
"""Threads, and descriptors, that may be added; a reconnection may be under way at either end."""

MAX_LINES = 12
"""Mean log lines that one fault may cost."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the daemon.

    Attributes:
        at: seconds since the start.
        memory_mb: resident.
        threads, descriptors, log_lines, frames: of the daemon, the latter two since its start.
        received: different events that the subscriber has.
        fault: that lasts; empty between two.
    """

    at: float
    memory_mb: float
    threads: int
    descriptors: int
    log_lines: int
    frames: int
    received: int
    fault: str


class EventSubscriber:
    """Subscriber whose session the broker keeps, so that only the daemon can lose an event."""

    def __init__(self, port: int, topic: str) -> None:
        self.arrived: list[str] = []
        self._topic = topic
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="endurance", clean_session=False
        )
        self._client.on_connect = self._subscribe
        self._client.on_message = self._keep
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port, keepalive=10)
        self._client.loop_start()

    def _subscribe(self, *_: object) -> None:
        self._client.subscribe(self._topic, qos=1)

    def _keep(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.arrived.append(msgspec.json.decode(message.payload)["id"])

    @property
    def received(self) -> int:
        """Number of different events."""
        return len(set(self.arrived))

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Record:
    """All that is known of a run.

    Attributes:
        samples: in the order of time.
        faults: how often each was caused.
        exit_code, published: of the daemon, and the events that its last log line counts.
        arrived: ids of events as they reached the subscriber, repeats included.
        written: ids in the event file; those of a full disk are missing.
        recovered: whether frames came after the last fault.
    """

    warm_up: float
    samples: list[Sample] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    exit_code: int | None = None
    published: int = 0
    arrived: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    recovered: bool = False

    def growth(self, name: str) -> float:
        """Return by how much a value of the samples grew, from the first warm tenth to the last."""
        warm = [sample for sample in self.samples if sample.at >= self.warm_up] or self.samples
        values: list[float] = [getattr(one, name) for one in warm if not one.fault] or [0.0]
        tenth = max(1, len(values) // 10)
        return statistics.median(values[-tenth:]) - statistics.median(values[:tenth])

    @property
    def lost(self) -> int:
        """Events that the daemon published and the subscriber never got."""
        return self.published - len(set(self.arrived))

    @property
    def repeated(self) -> int:
        """Events that came again, with an id that the subscriber had."""
        return len(self.arrived) - len(set(self.arrived))

    @property
    def out_of_order(self) -> int:
        """Events that came, for the first time, after one that was published later."""
        places = {one: place for place, one in enumerate(self.written)}
        first = [places[one] for one in dict.fromkeys(self.arrived) if one in places]
        return sum(after < before for before, after in pairwise(first))

    def problems(self) -> list[str]:
        """Return each promise that was broken; none where all were kept."""
        lines = self.samples[-1].log_lines / max(1, self.faults.total()) if self.samples else 0.0
        checks = {
            f"the daemon ended with {self.exit_code}": self.exit_code == 0,
            "no frames came after the last fault": self.recovered,
            f"{self.lost} events were lost": self.lost == 0,
            f"{self.out_of_order} events were out of order": self.out_of_order == 0,
            f"memory grew by {self.growth('memory_mb'):.1f} MB": self.growth("memory_mb")
            <= MAX_GROWTH_MB,
            "threads became more": self.growth("threads") <= MAX_MORE_OPEN,
            "descriptors became more": self.growth("descriptors") <= MAX_MORE_OPEN,
            f"{lines:.1f} log lines a fault": lines <= MAX_LINES,
        }
        return [text for text, kept in checks.items() if not kept]

    def summary(self) -> str:
        """Return the figures as lines of Markdown."""
        last = self.samples[-1]
        warm = [one.memory_mb for one in self.samples if one.at >= self.warm_up] or [0.0]
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"- {last.at / 60:.0f} minutes, {last.frames:,} frames, {self.published} events\n"
            f"- {self.faults.total()} faults: {faults}\n"
            f"- memory {self.growth('memory_mb'):+.1f} MB after {self.warm_up / 60:.0f} minutes "
            f"({min(warm):.0f} to {max(warm):.0f} MB), threads {self.growth('threads'):+.0f}, "
            f"descriptors {self.growth('descriptors'):+.0f}\n"
            f"- {self.lost} events lost, {self.repeated} came again, {self.out_of_order} out of "
            f"order; {len(self.written)} in the file, which a full disk refuses\n"
            f"- {last.log_lines} log lines\n"
        )


def read_frames(page: int) -> int:
    """Return the frames that the daemon counts in its metrics; 0 where it does not answer."""
    address = f"http://127.0.0.1:{page}/metrics"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=2) as reply:
            lines = reply.read().decode().splitlines()
    except OSError:
        return 0
    found = (line for line in lines if line.startswith("emotiond_frames_total "))
    return int(float(next(found, "x 0").split()[1]))


def plot(samples: Sequence[Sample], path: Path) -> None:
    """Draw each value over time, with a band for each fault."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {
        "memory_mb": "memory, MB",
        "threads": "threads",
        "descriptors": "descriptors",
        "log_lines": "log lines",
        "frames": "frames",
        "received": "events received",
    }
    colors = {"camera": "#56b4e9", "broker": "#e69f00", "page:": "#009e73", "disk": "#cc79a7"}
    figure = Figure(figsize=(11.0, 9.0), layout="constrained")
    FigureCanvasAgg(figure)
    times = [sample.at / 60 for sample in samples]
    for axes, (name, label) in zip(
        figure.subplots(len(panels), 1, sharex=True), panels.items(), strict=True
    ):
        for sample, after in pairwise(samples):
            if sample.fault:
                color = colors[sample.fault.split()[0]]
                axes.axvspan(sample.at / 60, after.at / 60, color=color, alpha=0.25, linewidth=0)
        axes.plot(times, [getattr(sample, name) for sample in samples], color="#222", linewidth=1)
        axes.set_ylabel(label, fontsize=8)
        axes.tick_params(labelsize=8)
    axes.set_xlabel("minutes; blue: camera, orange: broker, green: page, pink: disk", fontsize=8)
    figure.savefig(path, dpi=90)
