import logging
from collections.abc import Iterator

import pytest

from edge.publish.sink import LogHandler

log = logging.getLogger("edge.somewhere")


@pytest.fixture
def lines() -> Iterator[list[dict[str, str]]]:
    """What a handler passed on."""
    told: list[dict[str, str]] = []
    handler = LogHandler(told.append)
    logging.getLogger("edge").addHandler(handler)
    yield told
    logging.getLogger("edge").removeHandler(handler)


def test_warnings_and_errors_are_published_with_their_time_and_level(
    lines: list[dict[str, str]],
) -> None:
    log.warning("camera %d: gone", 0)
    log.error("a stage failed")
    first, second = lines
    assert (first["level"], first["message"]) == ("warning", "camera 0: gone")
    assert first["time"].endswith("Z")
    assert second["level"] == "error"


def test_info_messages_and_those_of_others_are_not_published(lines: list[dict[str, str]]) -> None:
    log.info("connected")
    logging.getLogger("other.package").error("theirs")
    assert lines == []


def test_a_traceback_is_not_published_and_a_long_message_is_cut(
    lines: list[dict[str, str]],
) -> None:
    try:
        raise RuntimeError("secret detail")
    except RuntimeError:
        log.exception("x" * 5000)
    (line,) = lines
    assert line["message"] == "x" * 1000
