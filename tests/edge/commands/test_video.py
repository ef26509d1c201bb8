"""`emotiond video` as it is typed."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from tests.brokers import wait_until
from tests.e2e.daemon import read_events
from tests.edge.commands.terminal import lines, on_terminal
from tests.films import cut, frames_of, without_face


def video(*arguments: object) -> int:
    return main(["video", *map(str, arguments)])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(tmp_path_factory.mktemp("film") / "film.mp4", 60)


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    return without_face(tmp_path / "wall.mp4")


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.mp4"
    path.write_text("Dear Sir or Madam")
    return path


def test_it_prints_how_long_each_face_showed_what(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(film) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{film}: 60 frames in ")
    table = [line.strip("│ ").split("│") for line in printed.splitlines() if line[0] == "│"]
    assert [row[0].strip() for row in table] == ["all", "1"]
    shares = [int(cell.strip(" %")) for cell in table[1][2:] if cell.strip()]
    assert 98 <= sum(shares) <= 102


def test_a_film_without_a_face_says_so(wall: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert video(wall) == 0
    assert capsys.readouterr().out.splitlines()[1] == "  no face"


def test_the_summary_can_be_had_for_programs(
    film: Path, wall: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(film, wall, "--json", "--jobs", 1) == 0
    first, second = lines(capsys)
    assert (first["path"], first["frames"], first["error"]) == (str(film), 60, None)
    assert first["tracks"] == {"1": first["seconds"]}
    assert 1.0 < sum(first["seconds"].values()) < 2.4
    assert (second["path"], second["events"], second["tracks"]) == (str(wall), 0, {})


def test_the_progress_can_be_had_for_programs(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(film, "--progress", "--json") == 0
    *told, summary = lines(capsys)
    assert told[0] == {"frames": 1, "of": 60}
    assert [one["of"] for one in told] == [60] * len(told)
    assert summary["frames"] == 60


def test_events_are_written_as_lines_or_as_a_table(film: Path, tmp_path: Path) -> None:
    assert video(film, "--events", tmp_path / "out.jsonl") == 0
    assert video(film, "--events", tmp_path / "out.csv") == 0
    events = read_events(tmp_path / "out.jsonl")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(events) >= 2
    assert [(row["type"], row["emotion"]) for row in rows] == [
        (event["type"], event["emotion"]) for event in events
    ]


def test_the_timeline_is_a_picture_with_a_lane_for_the_face(film: Path, tmp_path: Path) -> None:
    assert video(film, "--timeline", tmp_path / "out.svg") == 0
    drawing = ET.parse(tmp_path / "out.svg")
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert "film.mp4" in texts
    assert "#1" in texts


def test_the_copy_has_every_frame(film: Path, tmp_path: Path) -> None:
    assert video(film, "--out", tmp_path / "new" / "out.mp4") == 0
    assert len(frames_of(tmp_path / "new" / "out.mp4")) == 60


def with_damaged_sound(folder: Path) -> Path:
    """Make a film of whose sound ffmpeg has more to complain than a pipe holds."""
    picture = ["-f", "lavfi", "-i", "color=size=64x48:rate=5:duration=40"]
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=40"]
    whole, damaged = str(folder / "whole.mkv"), folder / "damaged.mkv"
    ffmpeg = ["ffmpeg", "-v", "error"]
    coded = ["-c:v", "mpeg4", "-c:a", "aac", whole]
    subprocess.run([*ffmpeg, *picture, *tone, *coded], check=True)
    noise = ["-c", "copy", "-bsf:a", "noise=amount=1", str(damaged)]
    subprocess.run([*ffmpeg, "-i", whole, *noise], check=True)
    read = [*ffmpeg, "-i", str(damaged), "-f", "null", "-"]
    assert len(subprocess.run(read, check=False, capture_output=True).stderr) > 2 * 65536
    return damaged


def test_a_film_whose_sound_is_damaged_is_copied_all_the_same(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    film = with_damaged_sound(tmp_path)
    command = [sys.executable, "-m", "edge", "video", str(film), "--out", "copy.mp4"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert len(frames_of(tmp_path / "copy.mp4")) == len(frames_of(film)) == 200


def test_several_films_go_into_folders(film: Path, wall: Path, tmp_path: Path) -> None:
    out, events, timelines = (tmp_path / name for name in ("o", "e", "t"))
    arguments = ["--out", out, "--events", events, "--timeline", timelines]
    assert video(film, wall, *arguments) == 0
    assert sorted(path.name for path in out.iterdir()) == ["film.mp4", "wall.mp4"]
    assert sorted(path.name for path in events.iterdir()) == ["film.jsonl", "wall.jsonl"]
    assert sorted(path.name for path in timelines.iterdir()) == ["film.svg", "wall.svg"]


def test_films_of_the_same_name_have_outputs_of_different_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    films = [without_face(tmp_path / name / "wall.mp4") for name in ("a", "b")]
    assert video(*films, "--events", tmp_path / "events", "--jobs", 1) == 0
    names = sorted(path.name for path in (tmp_path / "events").iterdir())
    assert names == ["wall-2.jsonl", "wall.jsonl"]


def test_a_film_that_fails_is_told_of_and_the_others_go_on(
    film: Path, letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(letter, film, "--events", tmp_path / "events", "--json", "--jobs", 1) == 1
    printed = capsys.readouterr()
    assert f"{letter}: cannot be read as a video" in printed.err
    assert [json.loads(line)["path"] for line in printed.out.splitlines()] == [str(film)]
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["film.jsonl"]


def test_of_a_film_that_breaks_off_what_was_seen_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = cut(tmp_path / "film.avi", 60, "MJPG")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert video(film, "--events", tmp_path / "out.jsonl", "--json") == 1
    (summary,) = lines(capsys)
    assert 10 < summary["frames"] < 60
    assert summary["error"]
    assert read_events(tmp_path / "out.jsonl")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--out", "film.mp4"], "would be written over the video itself"),
        (["--out", "out.txt"], "expected .mp4 or .mkv or .mov or .avi, or a folder"),
        (["--events", "out.xml"], "expected .jsonl or .csv, or a folder"),
        (["wall.mp4", "--out", "out.mp4"], "expected a folder, as there are several files"),
    ],
)
def test_outputs_that_cannot_be_meant_are_a_wrong_command_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    film = without_face(tmp_path / "film.mp4")
    before = film.read_bytes()
    assert video("film.mp4", *options) == 2
    assert reason in capsys.readouterr().err
    assert film.read_bytes() == before


def test_an_output_whose_folder_cannot_be_made_is_one_line(
    film: Path, wall: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(wall, "--events", film / "events" / "out.jsonl") == 1
    assert "cannot be made: Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_jobs_that_is_none_is_a_wrong_command_line(film: Path, jobs: str) -> None:
    with pytest.raises(SystemExit) as caught:
        video(film, "--jobs", jobs)
    assert caught.value.code == 2


def test_a_cluster_that_is_not_there_is_one_line(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(film, "--dask", f"tcp://127.0.0.1:{free_port()}") == 1
    assert "no scheduler answers" in capsys.readouterr().err


def test_on_a_terminal_there_is_a_bar_and_what_is_asked_for_goes_where_it_is_wanted(
    film: Path, tmp_path: Path
) -> None:
    printed, shown = on_terminal("video", film, "--json")
    assert "frames" in shown
    assert json.loads(printed)["frames"] == 60


@pytest.mark.parametrize("several", [False, True])
def test_ctrl_c_ends_everything_and_leaves_no_half_a_film(tmp_path: Path, several: bool) -> None:
    films = [shutil.copy(CLIP, tmp_path / f"{name}.mp4") for name in ("a", "b")[: 1 + several]]
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "video", *films, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: out.is_dir() and any(out.iterdir()), seconds=60)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode not in {0, 1}
    assert "Traceback" not in said
    assert list(out.iterdir()) == []


def test_a_video_can_be_oriented_and_so_is_its_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = cut(tmp_path / "film.mp4", 20)
    assert video(film, "--rotation", 90, "--out", tmp_path / "copy.avi", "--json") == 0
    capsys.readouterr()
    height, width = frames_of(film)[0].shape[:2]
    copies = frames_of(tmp_path / "copy.avi")
    assert (len(copies), copies[0].shape[:2]) == (20, (width, height))
    assert video(tmp_path / "copy.avi", "--rotation", 270, "--json") == 0
    (upright,) = lines(capsys)
    assert upright["events"] > 0


def test_events_can_be_printed_and_nothing_else_is(
    film: Path, wall: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video(film, "--events", tmp_path / "events.jsonl") == 0
    capsys.readouterr()
    assert video(film, "--events", "-") == 0
    told = lines(capsys)
    written = read_events(tmp_path / "events.jsonl")
    assert [one["type"] for one in told] == [one["type"] for one in written] != []
    assert video(film, wall, "--events", "-") == 2
    assert video(film, "--events", "-", "--json") == 2
    assert not Path("-").exists()


def test_an_annotated_copy_can_be_printed(film: Path, tmp_path: Path) -> None:
    with (tmp_path / "copy.mp4").open("wb") as copy:
        command = [sys.executable, "-m", "edge", "video", str(film), "--out", "-"]
        subprocess.run(command, stdout=copy, check=True)
    assert len(frames_of(tmp_path / "copy.mp4")) == 60
