from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.check_result import CheckResult, Level
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.doctor.checks import guarded, run_checks
from tests.brokers import Broker
from tests.edge.doctor.results import listed


def test_the_machine_and_everything_that_the_config_names_are_looked_at_in_order(
    tmp_path: Path, broker: Broker
) -> None:
    absent = free_port()
    config = tmp_path / "config.yaml"
    config.write_text(
        f"source: {{kind: video, path: {CLIP}}}\n"
        "state_dir: .\n"
        "sinks:\n"
        f"- {{kind: mqtt, host: 127.0.0.1, port: {broker.port}}}\n"
        "- {kind: jsonl, path: events.jsonl}\n"
        f"- {{kind: mqtt, host: 127.0.0.1, port: {absent}}}\n"
    )
    results = listed(run_checks(config))
    subjects = list(dict.fromkeys(result.subject for result in results))
    ours = subjects[: subjects.index("clock")]
    assert ours == [
        "python",
        "opencv",
        "processor",
        "config",
        "runtime",
        "model",
        "detector",
        f"source {CLIP}",
        "state folder",
        f"broker 127.0.0.1:{broker.port}",
        f"broker 127.0.0.1:{absent}",
    ]
    assert [one.subject for one in results if one.level is Level.FAILURE] == [ours[-1]]
    assert "temperature" in subjects


def test_where_the_config_is_wrong_the_machine_is_looked_at_all_the_same(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sink: []")
    results = listed(run_checks(config))
    subjects = [result.subject for result in results]
    assert {"python", "opencv", "config", "clock"} <= set(subjects)
    assert not {"runtime", "model", "state folder"} & set(subjects)
    wrong = results[subjects.index("config")]
    assert wrong.level is Level.FAILURE
    assert "did you mean sinks?" in wrong.text


def test_a_subject_that_fails_is_a_finding_with_its_traceback_in_the_log_and_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing() -> Iterator[CheckResult]:
        yield CheckResult(Level.OK, "thing", "is there")
        raise RuntimeError("rtsp://user:secret@camera\nis odd")

    first, failed = listed(guarded("thing", failing()))
    assert first.level is Level.OK
    assert (failed.level, failed.subject) == (Level.FAILURE, "thing")
    assert failed.text == "cannot be looked at: RuntimeError: rtsp://camera is odd"
    assert "in failing" in caplog.text
    assert "secret" not in caplog.text
