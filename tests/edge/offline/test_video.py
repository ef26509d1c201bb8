"""Analysis of video files: the same each time, as the daemon's, and in parallel."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edge.commands.embedded_broker import free_port
from edge.config import Config, parse_config
from edge.errors import EmotiondError, InputError
from edge.offline.video import (
    Outcome,
    VideoJob,
    VideoResult,
    analyze_on_cluster,
    analyze_parallel,
    analyze_video,
)
from edge.publish.events import encode_event
from tests.brokers import wait_until
from tests.e2e.daemon import read_events, run_here
from tests.films import cut, frames_of, told, without_face


def config(**fields: Any) -> Config:
    return parse_config({"sinks": [], **fields}, Path("/config.yaml"))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(tmp_path_factory.mktemp("film") / "film.mp4", 150)


@pytest.fixture(scope="module")
def seen(film: Path) -> VideoResult:
    return analyze_video(VideoJob(film, config()))


def test_every_frame_is_seen(film: Path, seen: VideoResult) -> None:
    assert seen.frames == 150
    assert seen.error is None
    assert seen.video == film
    assert seen.elapsed_s > 0


def test_events_tell_at_which_second_of_the_film_they_are(seen: VideoResult) -> None:
    positions = [event.position for event in seen.events]
    assert len(positions) >= 3
    assert all(position is not None and 0 < position <= 6 for position in positions)
    assert positions == sorted(positions, key=lambda position: position or 0.0)


def test_two_runs_tell_the_same_with_and_without_a_copy(
    film: Path, seen: VideoResult, tmp_path: Path
) -> None:
    again = analyze_video(VideoJob(film, config(), tmp_path / "copy.mp4"))
    assert told(again.events) == told(seen.events)


def test_the_daemon_tells_the_same_of_the_film(
    film: Path, seen: VideoResult, tmp_path: Path
) -> None:
    source = {"kind": "video", "path": str(film), "realtime": False}
    sinks = [{"kind": "jsonl", "path": str(tmp_path / "events.jsonl")}]
    assert run_here(tmp_path, {"source": source, "sinks": sinks}) == 0
    published = read_events(tmp_path / "events.jsonl")
    assert [plain(event) for event in published] == [
        plain(event) for event in decoded(seen, tmp_path / "mine.jsonl")
    ]


def plain(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without what is of the run."""
    return {name: event[name] for name in event if name not in {"id", "run", "time", "latency_ms"}}


def decoded(seen: VideoResult, path: Path) -> list[dict[str, Any]]:
    path.write_bytes(b"".join(encode_event(event) + b"\n" for event in seen.events))
    return read_events(path)


def test_how_faces_are_read_is_the_configs_to_say(film: Path, seen: VideoResult) -> None:
    deep = analyze_video(VideoJob(film, config(classifier={"model": "deep-int8"})))
    assert {event.model for event in deep.events} == {"deep-int8"}
    assert told(deep.events) != told(seen.events)


def test_a_film_without_a_face_has_no_events(tmp_path: Path) -> None:
    seen = analyze_video(VideoJob(without_face(tmp_path / "wall.mp4"), config()))
    assert (seen.frames, seen.events, seen.error) == (10, (), None)


def test_of_a_film_that_breaks_off_what_was_seen_before_counts(tmp_path: Path) -> None:
    film = cut(tmp_path / "film.avi", 60, "MJPG")
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    seen = analyze_video(VideoJob(film, config()))
    assert 10 < seen.frames < 60
    assert len(seen.events) >= 1
    assert seen.error is not None
    assert str(film) in seen.error


def test_what_is_no_film_is_an_error_that_names_it(tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam")
    with pytest.raises(InputError, match=r"letter\.mp4"):
        analyze_video(VideoJob(letter, config(), tmp_path / "copy.mp4"))
    assert not (tmp_path / "copy.mp4").exists()


def test_it_tells_how_far_it_is(film: Path) -> None:
    counts: list[int] = []
    analyze_video(VideoJob(film, config()), counts.append)
    assert counts == sorted(counts)
    assert counts[-1] <= len(frames_of(film))
    assert len(set(counts)) > 1


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[VideoJob]:
    """Two films with a face, one without, and one that is none."""
    folder = tmp_path_factory.mktemp("films")
    letter = folder / "letter.mp4"
    letter.write_text("Dear Sir or Madam")
    films = [
        cut(folder / "long.mp4", 60),
        letter,
        without_face(folder / "wall.mp4"),
        cut(folder / "short.mp4", 30),
    ]
    config = parse_config({"sinks": []}, Path("/config.yaml"))
    return [VideoJob(film, config, folder / f"{film.stem}-copy.mp4") for film in films]


@pytest.fixture(scope="module")
def alone(jobs: Sequence[VideoJob]) -> list[list[tuple[object, ...]] | None]:
    """What each film tells by itself; None of what is none."""
    return [
        None
        if job.video.name == "letter.mp4"
        else told(analyze_video(VideoJob(job.video, job.config)).events)
        for job in jobs
    ]


def check(
    outcomes: Iterator[Outcome],
    jobs: Sequence[VideoJob],
    alone: list[list[tuple[object, ...]] | None],
) -> None:
    """Make sure that of each film the same came as of it alone."""
    found = dict(outcomes)
    assert sorted(found) == [0, 1, 2, 3]
    for place, expected in enumerate(alone):
        result = found[place]
        if expected is None:
            assert isinstance(result, EmotiondError)
            assert str(result) == f"{jobs[place].video}: cannot be read as a video"
        else:
            assert isinstance(result, VideoResult)
            assert told(result.events) == expected
        copy = jobs[place].out
        assert copy is not None
        assert copy.exists() == (expected is not None)
        copy.unlink(missing_ok=True)


def test_over_the_cores(jobs: list[VideoJob], alone: list[list[tuple[object, ...]] | None]) -> None:
    check(analyze_parallel(jobs, processes=2), jobs, alone)


class Cluster:
    """A Dask scheduler and its workers, as they are started on machines of their own.

    Attributes:
        address: of the scheduler.
    """

    def __init__(self, workers: int, stack: ExitStack) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        place = ["--host", "127.0.0.1"]
        self._stack = stack
        self._start("scheduler", *place, "--port", port, "--no-dashboard")
        self.workers = [
            self._start(
                "worker", self.address, *place, "--nthreads", "1", "--no-nanny", "--no-dashboard"
            )
            for _ in range(workers)
        ]

    def _start(self, kind: str, *options: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + kind, *options],
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def ready(self) -> bool:
        """Tell whether all workers have come."""
        from distributed import Client

        try:
            with Client(self.address, timeout=1.0, set_as_default=False) as client:  # type: ignore[no-untyped-call]
                return len(client.scheduler_info()["workers"]) == len(self.workers)
        except OSError:
            return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A scheduler with two workers on this machine."""
    pytest.importorskip("distributed")
    with ExitStack() as stack:
        cluster = Cluster(2, stack)
        wait_until(cluster.ready, seconds=60)
        yield cluster


def test_over_a_cluster(
    cluster: Cluster, jobs: list[VideoJob], alone: list[list[tuple[object, ...]] | None]
) -> None:
    check(analyze_on_cluster(jobs, cluster.address), jobs, alone)


def test_a_film_whose_worker_is_lost_is_given_to_another(
    cluster: Cluster, jobs: list[VideoJob], alone: list[list[tuple[object, ...]] | None]
) -> None:
    outcomes = analyze_on_cluster(jobs, cluster.address)
    first = next(outcomes)
    cluster.workers[0].kill()  # the last test of these workers
    check(iter([first, *outcomes]), jobs, alone)


def test_where_no_scheduler_answers_it_is_said_in_one_line(jobs: list[VideoJob]) -> None:
    pytest.importorskip("distributed")
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(
        EmotiondError, match=re.escape(f"{address}: no scheduler answers")
    ) as caught:
        list(analyze_on_cluster(jobs, address))
    assert "\n" not in str(caught.value)


def test_a_scheduler_without_workers_is_an_error(jobs: list[VideoJob]) -> None:
    pytest.importorskip("distributed")
    with ExitStack() as stack:
        cluster = Cluster(0, stack)
        wait_until(cluster.ready, seconds=60)
        with pytest.raises(EmotiondError, match="the scheduler has no workers"):
            list(analyze_on_cluster(jobs, cluster.address))
