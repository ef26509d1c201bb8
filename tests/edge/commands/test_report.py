"""`emotiond report` as it is typed."""

from pathlib import Path

import pytest

from edge.cli import main
from edge.publish.payload import encode_event
from tests.edge.report.days import day


def report(*arguments: object) -> int:
    return main(["report", *map(str, arguments)])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "friday.jsonl"
    path.write_bytes(b"".join(encode_event(event) + b"\n" for event in day(5)))
    return path


def test_the_page_lies_beside_the_events_with_their_name(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(recording) == 0
    page = tmp_path / "friday.html"
    assert "<title>friday: expressions</title>" in page.read_text()
    count = len(recording.read_text().splitlines())
    assert capsys.readouterr().out == f"{page}: {count} events\n"


def test_several_recordings_make_one_page_where_it_is_wanted(
    recording: Path, tmp_path: Path
) -> None:
    other = recording.with_name("saturday.jsonl")
    other.write_bytes(recording.read_bytes())
    assert report(recording, other, "--out", tmp_path / "days.html") == 0
    assert "<h1>friday, saturday</h1>" in (tmp_path / "days.html").read_text()


def test_a_recording_is_never_written_over(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recording.read_bytes()
    assert report(recording, "--out", recording) == 1
    assert "would be written over its own events" in capsys.readouterr().err
    assert recording.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "found no line"),
        (b'{"id": 1}\n', "line 1"),
        (b"\x89PNG\r\n", "line 1"),
    ],
    ids=["gone", "empty", "no event", "no text"],
)
def test_what_holds_no_events_is_one_line_and_no_page(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    reason: str,
) -> None:
    path = tmp_path / "events.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert report(path) == 1
    said = capsys.readouterr().err
    assert reason in said
    assert str(path) in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "events.html").exists()


def test_a_page_that_cannot_be_written_is_one_line(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(recording, "--out", recording / "page.html") == 1
    assert "cannot be written: Not a directory" in capsys.readouterr().err
