"""A complaint that is made again and again is few lines with a count, whoever makes it."""

import logging
import subprocess
import sys
from collections.abc import Callable

import msgspec

from edge.publish.sink import LogHandler
from edge.terminal import RepeatFilter
from tests.faults import fault

FLOOD = """
import logging
from edge.terminal import configure_logging
configure_logging()
for number in range(1000):
    logging.getLogger("asyncio").error("socket.accept() out of system resource")
    try:
        [][number]
    except IndexError:
        logging.getLogger("edge.service").exception("a command failed")
    logging.getLogger("edge.capture").warning("frame %d is damaged", number)
    logging.getLogger("edge.service").info("another %d", number) if number > 900 else None
"""


@fault(
    "machine",
    "the same complaint again and again",
    seen="few lines, with a count",
    recovery="none needed",
    lost="repeats of the line",
)
def test_a_flood_of_complaints_is_few_lines_of_which_the_last_has_a_count() -> None:
    run = subprocess.run(
        [sys.executable, "-c", FLOOD], capture_output=True, text=True, timeout=60, check=True
    )
    lines = [line for line in run.stderr.splitlines() if "accept" in line]
    assert len(lines) == 10
    assert lines[0].endswith("out of system resource")
    assert lines[-1].endswith("out of system resource (512 times)")
    assert run.stderr.count("damaged") == 1000, "others are passed on"
    faults = run.stderr.count("a command failed")
    assert faults == 10 + 98, "after another message of its logger it is news"
    assert run.stderr.count("Traceback") == faults


def flood(say: Callable[[], None], handler: LogHandler) -> None:
    edge = logging.getLogger("edge")
    edge.addHandler(handler)
    for _ in range(100):
        say()
    edge.removeHandler(handler)


def test_a_flood_is_as_few_messages_over_mqtt() -> None:
    told: list[dict[str, str]] = []
    log = logging.getLogger("edge.flood")
    flood(lambda: log.warning("disk full"), LogHandler(told.append))
    assert len(told) == 7
    assert told[-1]["message"] == "disk full (64 times)"


def test_a_complaint_after_a_quiet_hour_is_a_new_one() -> None:
    now = [0.0]
    repeats = RepeatFilter(lambda: now[0])

    def passes() -> bool:
        return repeats.filter(logging.LogRecord("edge", 40, "", 1, "hot", (), None))

    assert [passes() for _ in range(4)] == [True, True, False, True]
    now[0] = 3601.0
    assert [passes() for _ in range(3)] == [True, True, False]


def test_ever_new_complaints_take_no_memory_without_bound() -> None:
    repeats = RepeatFilter()
    for number in range(10_000):
        repeats.filter(logging.LogRecord("edge", 40, "", 1, f"{number}", (), None))
    assert len(msgspec.json.encode([key[1] for key in repeats._made])) < 2000
