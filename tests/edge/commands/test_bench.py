import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.commands.demo import CLIP


@pytest.fixture(scope="module", autouse=True)
def shorter() -> Iterator[None]:
    """Let `--quick` measure all but once, and briefly.

    Each time is a process for each model and runtime.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.commands.bench.QUICK", (1, 0.05, 20))
        yield


@pytest.fixture(scope="module")
def measured(shorter: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of a quick benchmark."""
    folder = tmp_path_factory.mktemp("bench")
    command = ["bench", "shallow-float32", "shallow-int8", "--quick", "--detector=builtin"]
    outputs = ["--json", str(folder / "b.json"), "--plot", str(folder / "b.png")]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*command, "--video", str(CLIP), *outputs]) == 0
    (folder / "printed").write_text(printed.getvalue())
    return folder


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "b.json").read_text())
    return found


def test_the_json_has_a_row_for_each_model_with_named_figures(measured: Path) -> None:
    result = told(measured)
    assert list(result) == ["machine", "models", "pipeline", "live"]
    assert [row["model"] for row in result["models"]] == [
        "shallow-float32",
        "shallow-int8",
    ]
    assert all(row["p50_ms"] > 0 for row in result["models"])
    modes = {row["mode"] for row in result["pipeline"]}
    assert modes == {"one thread", "threads"}
    assert all(row["fps"] > 0 for row in result["pipeline"])
    assert result["live"] == []
    assert "tflite-runtime" in {*result["machine"]["not_measured"], *result["machine"]["packages"]}


def test_the_headline_comes_first_on_the_terminal(measured: Path) -> None:
    text = (measured / "printed").read_text()
    assert text.startswith("Quantized to int8, the shallow network is")
    assert "Pipeline" in text


def test_an_image_is_written(measured: Path) -> None:
    assert (measured / "b.png").read_bytes().startswith(b"\x89PNG")


def test_what_became_too_slow_ends_with_a_fault(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = told(measured)
    for row in old["models"]:
        row["p50_ms"] /= 100
    (measured / "old.json").write_text(json.dumps(old))
    command = ["bench", "shallow-int8", "--quick", "--only", "models", "--compare"]
    assert main([*command, str(measured / "old.json")]) == 1
    assert "TOO SLOW" in capsys.readouterr().err


def test_json_can_be_printed_instead_of_the_table_and_compared(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "shallow-int8", "--quick", "--only", "models", "--json"]
    assert main([*command, "--compare", str(measured / "b.json"), "--limit", "1000"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["models"]
    assert row["model"] == "shallow-int8"


def test_the_whole_daemon_is_watched_live(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "--only", "live", "--live", "15", "--seconds", "1", "--json"]
    assert main([*command, "--video", str(CLIP)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["live"]
    assert row["source_fps"] == 15
    assert row["frames"] > 0
    assert row["dropped"] < row["frames"]  # a busy machine may drop some
    assert row["cpu_percent"] > 0
    assert row["first_event_s"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json", "shallow.tflite"], "--json: expected a file ending in .json"),
        (["--plot", "b.jpg"], "--plot: expected a file ending in .png"),
        (["--detector", "dlib"], "--detector: expected one of"),
        (["no-such-model"], "no such model"),
        (["--only", "pipeline", "--video", "no.mp4"], "cannot be read as a video"),
        (["--compare", "no.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_measured(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *options]) != 0
    assert message in capsys.readouterr().err
