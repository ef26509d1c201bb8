"""Every measurement starts as tools/README.md says and prints its figures."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.bench import (
    broker_outage,
    keras_predict,
    outbox,
    overhead,
    publishing,
    tutorial_baseline,
    web_viewers,
)

Capture = pytest.CaptureFixture[str]


def test_overhead_compares_the_pipeline_with_a_minimal_loop(capsys: Capture) -> None:
    overhead.main(["--frames", "10", "--rounds", "1"])
    printed = capsys.readouterr().out
    assert re.search(r"pipeline over minimal loop +\d", printed)
    assert re.search(r"stage detect +\d", printed)


def test_tutorial_baseline_tells_how_many_times_as_fast_the_pipeline_is(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("keras")
    monkeypatch.chdir(ROOT)  # where its processes find tools
    tutorial_baseline.main(["--frames", "5", "--rounds", "1", "--detector", "haar"])
    printed = capsys.readouterr().out
    assert re.search(r"tutorial loop: \d+ frames a second \(capture", printed)
    assert re.search(r"threads: \d+ frames a second, [\d.]+ times", printed)


def test_keras_predict_tells_the_time_of_one_image(tmp_path: Path, capsys: Capture) -> None:
    keras = pytest.importorskip("keras")
    network = keras.Sequential([keras.layers.Input((None, None, 1)), keras.layers.Flatten()])
    network.save(tmp_path / "mine.keras")
    keras_predict.main([str(tmp_path / "mine.keras"), "--seconds", "0"])
    assert re.search(r"mine: p50 [\d.]+ ms, p95 [\d.]+ ms", capsys.readouterr().out)


def test_outbox_is_compared_with_a_plain_file(tmp_path: Path, capsys: Capture) -> None:
    options = ["--events", "20", "--rate", "50", "--seconds", "0.2"]
    outbox.main(["--folder", str(tmp_path), *options])
    printed = capsys.readouterr().out
    assert len(re.findall(r"batches of +\d+  .*events/s", printed)) == 9
    assert "10 recorded" in printed
    assert list(tmp_path.iterdir()) == []


def test_publishing_is_compared_with_a_plain_client_and_a_lost_broker_is_found_again(
    capsys: Capture,
) -> None:
    pytest.importorskip("amqtt")
    publishing.main(["--events", "20", "--outages", "1"])
    printed = capsys.readouterr().out
    assert re.search(r"sink .* times as much CPU time", printed)
    assert re.search(r"broker's return to the last event: \d", printed)


def test_broker_outage_tells_how_frames_fared_in_each_state_of_the_broker(capsys: Capture) -> None:
    pytest.importorskip("amqtt")
    broker_outage.main(["--fps", "15", "--seconds", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15].strip() for line in lines] == [
        "no MQTT",
        "online",
        "absent",
        "comes and goes",
    ]
    assert all("fps in" in line and "of a core" in line for line in lines)


def test_web_viewers_tells_the_cost_of_none_one_and_many(capsys: Capture) -> None:
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    web_viewers.main(["--viewers", "2", "--seconds", "0.5", "--turns", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["0", "1", "2"]
    assert all("of a core" in line for line in lines)
