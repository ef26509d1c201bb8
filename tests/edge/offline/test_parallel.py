"""Many films at once: the same comes of each as of it alone, whatever becomes of the others."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.commands.embedded_broker import free_port
from edge.config import parse_config
from edge.errors import EmotiondError
from edge.offline.parallel import Outcome, analyze_on_cluster, analyze_parallel
from edge.offline.video_analysis import VideoJob, VideoResult, analyze_video
from tests.brokers import wait_until
from tests.films import cut, told, without_face


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
        if job.film.name == "letter.mp4"
        else told(analyze_video(VideoJob(job.film, job.config)).events)
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
            assert str(result) == f"{jobs[place].film}: cannot be read as a video"
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


@pytest.fixture
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
    cluster.workers[0].kill()
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
