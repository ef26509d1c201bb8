"""`emotiond report` as it is typed."""

import os
from pathlib import Path

import pytest

from edge.cli import main
from edge.publish.payload import encode_event
from tests.edge.offline.days import day


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


def test_the_page_of_several_lies_beside_the_first(recording: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    other = folder / "saturday.jsonl"
    other.write_bytes(recording.read_bytes())
    assert report(recording, other) == 0
    assert (tmp_path / "friday.html").exists()
    assert list(folder.iterdir()) == [other]


def test_an_older_page_makes_way(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "friday.html").write_text("old")
    assert report(recording) == 0
    assert (tmp_path / "friday.html").read_text() != "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["friday.html", "friday.jsonl"]


@pytest.mark.parametrize("way", ["absolute", "linked", "around"])
def test_a_recording_is_not_written_over_by_another_name_of_it(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link.jsonl"
    link.symlink_to(recording)
    given, out = {
        "absolute": (Path("friday.jsonl"), recording),
        "linked": (link, recording),
        "around": (recording, f"{tmp_path}/../{tmp_path.name}/friday.jsonl"),
    }[way]
    before = recording.read_bytes()
    assert report(given, "--out", out) == 1
    assert "would be written over its own events" in capsys.readouterr().err
    assert recording.read_bytes() == before


def test_no_recording_of_several_is_written_over(recording: Path) -> None:
    other = recording.with_name("saturday.jsonl")
    other.write_bytes(recording.read_bytes())
    assert report(recording, other, "--out", other) == 1
    assert other.read_bytes() == recording.read_bytes()


def test_a_recording_whose_name_is_that_of_its_page_is_not_written_over(recording: Path) -> None:
    page = recording.rename(recording.with_name("friday.html"))
    before = page.read_bytes()
    assert report(page) == 1
    assert page.read_bytes() == before


def test_a_line_that_is_no_event_is_told_by_its_number(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = recording.read_bytes().splitlines(keepends=True)
    recording.write_bytes(b"".join([lines[0], b"\n", lines[1][:50] + b"\n", *lines[2:]]))
    assert report(recording) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"emotiond: {recording}, line 3: expected an event")
    assert len(said.splitlines()) == 1


def test_one_recording_that_cannot_be_read_leaves_no_page_of_the_others(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(recording, tmp_path / "gone.jsonl") == 1
    assert "gone.jsonl: cannot be read: No such file" in capsys.readouterr().err
    assert not (tmp_path / "friday.html").exists()


def test_a_pipe_which_cannot_be_read_twice_is_one_line_and_no_page(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    reading, writing = os.pipe()
    os.write(writing, recording.read_bytes().splitlines(keepends=True)[0])
    os.close(writing)
    try:
        assert report(recording, f"/dev/fd/{reading}", "--out", out) == 1
    finally:
        os.close(reading)
    said = capsys.readouterr().err
    assert "expected a file, which is read twice, not a pipe" in said
    assert len(said.splitlines()) == 1
    assert not out.exists()


def test_a_name_that_is_no_text_is_no_obstacle(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recording.rename(recording.with_name(os.fsdecode(b"fr\xe9.jsonl")))
    assert report(path) == 0
    assert "<h1>fr\ufffd</h1>" in path.with_suffix(".html").read_text()
    assert "fr\ufffd.html: " in capsys.readouterr().out


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


@pytest.mark.parametrize("out", [".", "/", "folder"])
def test_a_page_is_not_written_over_a_folder(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert report(recording, "--out", out) == 1
    assert capsys.readouterr().err == f"emotiond: {out}: cannot be written: Is a directory\n"


def test_without_a_recording_it_tells_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        report()
    assert ending.value.code == 2
    assert "FILE.jsonl" in capsys.readouterr().err
