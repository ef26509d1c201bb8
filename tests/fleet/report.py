"""What a run of a fleet came to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HEADER = (
    "| way | devices | events | events/s | latency, median | 95 % | longest | repeats | lost |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Report:
    """One run.

    Attributes:
        name: which way the events went.
        devices: how many.
        recorded: events that the outboxes recorded.
        lost: those of them that did not arrive.
        dropped: events that the publishers gave up, or are not sure to have recorded.
        repeats: events that arrived once more.
        seconds: from the first event to the last arrival.
        latency: seconds from each event's time to its arrival.
    """

    name: str
    devices: int
    recorded: int
    lost: int
    dropped: int
    repeats: int
    seconds: float
    latency: Sequence[float]

    def row(self) -> str:
        """Return the run as a row of a table."""
        middle, most, longest = (
            _seconds(value) for value in np.percentile(self.latency, (50, 95, 100))
        )
        throughput = f"{self.recorded / self.seconds:.0f}"
        return (
            f"| {self.name} | {self.devices} | {self.recorded} | {throughput} | {middle} | {most} "
            f"| {longest} | {self.repeats} | {self.lost} |"
        )


def table(reports: Sequence[Report]) -> str:
    """Return the runs as a table in Markdown."""
    return "\n".join([HEADER, *(report.row() for report in reports)])


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
