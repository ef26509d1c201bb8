import dataclasses
from collections import Counter
from pathlib import Path

import cv2
import pytest

from tests.brokers import MOSQUITTO
from tools.soak.__main__ import main
from tools.soak.record import Record, Sample, plot

SOUND = Sample(0.0, 100.0, 20, 40, 10, 900, 5, "")


def record(last: Sample = SOUND, **fields: object) -> Record:
    samples = [dataclasses.replace(SOUND, at=float(at)) for at in range(90)]
    samples += [dataclasses.replace(last, at=90.0 + at) for at in range(10)]
    known = Record(
        warm_up=5.0,
        samples=samples,
        faults=Counter({"disk full": 2}),
        exit_code=0,
        published=3,
        arrived=["a", "b", "b", "c"],
        written=["a", "c"],
        recovered=True,
    )
    return dataclasses.replace(known, **fields)  # type: ignore[arg-type]


def test_a_run_in_which_every_promise_was_kept_has_no_problem() -> None:
    assert record().problems() == []
    assert "0 events lost, 1 came again, 0 out of order" in record().summary()


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (record(published=4), "1 events were lost"),
        (record(arrived=["c", "b", "a"]), "1 events were out of order"),
        (record(dataclasses.replace(SOUND, memory_mb=102.5)), "memory grew by 2.5 MB"),
        (record(dataclasses.replace(SOUND, threads=30)), "threads became more"),
        (record(dataclasses.replace(SOUND, descriptors=50)), "descriptors became more"),
        (record(dataclasses.replace(SOUND, log_lines=900)), "450.0 log lines a fault"),
        (record(exit_code=-6), "the daemon ended with -6"),
        (record(recovered=False), "no frames came after the last fault"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_broken_promise_is_a_problem(broken: Record, problem: str) -> None:
    assert broken.problems() == [problem]


def test_samples_are_drawn_with_the_faults_behind_them(tmp_path: Path) -> None:
    during = [dataclasses.replace(SOUND, at=30.0, fault="disk full"), SOUND]
    plot([*record().samples, *during], tmp_path / "run.png")
    image = cv2.imread(str(tmp_path / "run.png"))
    assert image is not None
    assert image.shape[0] > 500


@pytest.mark.skipif(MOSQUITTO is None, reason="Mosquitto is not installed: nothing can be killed")
def test_a_daemon_outlives_a_lost_camera_and_loses_no_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--minutes", "0.02", "--every", "3", "--only", "camera closed"]
    log = tmp_path / "daemon.log"
    main([*options, "--log", str(log), "--plot", str(tmp_path / "run.png")])
    printed = capsys.readouterr().out
    assert "1 faults: camera closed 1" in printed
    assert " 0 events lost" in printed
    assert "camera" not in printed.partition("PROBLEM")[2]
    assert "gives no more frames" in log.read_text()
    assert (tmp_path / "run.png").exists()
