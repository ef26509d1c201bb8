"""A model whose answers are not finite ends the daemon, and nothing of it is published."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.cli import main
from edge.errors import ExitCode, ModelError
from edge.geometry import Box, CropCalibration
from edge.pipeline.build import PipelineComponents
from edge.pipeline.pipeline import Pipeline
from edge.types import Face, Image
from tests.edge.cameras import FakeCamera, KeepingSink
from tests.edge.infer.models import copy_overflow
from tests.edge.pipelines import processing_with, run


class Always:
    """Finds a face in the middle of every image."""

    name = "always"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        return [Face(Box(20, 20, 80, 80), 0.9)]


def shades(low: int, high: int) -> Image:
    """Return a chessboard of two gray levels, so that a face in it is sharp."""
    rows, columns = np.indices((100, 100)) // 6
    board = np.where((rows + columns) % 2, high, low).astype(np.uint8)
    return np.repeat(board[..., None], 3, axis=2)


def test_the_pipeline_ends_with_an_error_that_names_the_model_and_publishes_no_label_for_it(
    tmp_path: Path,
) -> None:
    processing = processing_with(Always(), live=False, model=str(copy_overflow(tmp_path)))
    readable, overflowing = shades(90, 160), shades(220, 255)
    camera, sink = FakeCamera([readable] * 10 + [overflowing] * 10), KeepingSink()
    pipeline = Pipeline(PipelineComponents(camera, False, processing, (sink,)))
    run(pipeline)
    assert isinstance(pipeline.error, ModelError)
    assert pipeline.error.exit_code == ExitCode.CONFIG
    assert "overflow.tflite: expected answers that are finite" in str(pipeline.error)
    assert sink.events, "the frames before it were fine"
    for event in sink.events:
        assert event.probabilities is not None
        assert np.isfinite(list(event.probabilities.values())).all()


def test_a_command_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = copy_overflow(tmp_path, input={"dtype": "float32", "offset": 100.0})
    config = tmp_path / "emotiond.yaml"
    config.write_text(f"classifier: {{model: {model}}}\n")
    code = main(["doctor", "--config", str(config)])
    printed = "".join(capsys.readouterr())
    assert code != ExitCode.OK
    assert "overflow.tflite: expected answers that are finite numbers" in printed
    assert "Traceback" not in printed
