from pathlib import Path

import pytest

from edge.bench.measurement import Request, run_in_subprocess
from edge.bench.pipeline_bench import detector_settings, pipeline_requests
from edge.commands.demo import CLIP
from edge.detect import detector_kinds
from edge.errors import ConfigError, EmotiondError
from tests.conftest import ROOT

MODEL = ROOT / "models/tiny-int8.tflite"
MODELS = [Path("shallow-int8"), Path("shallow-float32")]


def requests(
    folder: Path, *detectors: str, models: list[Path] = MODELS, video: Path | None = None
) -> list[Request]:
    return pipeline_requests(models, detectors, video, folder, frames=30)


def test_each_detector_is_measured_with_each_model_and_the_first_with_a_crowd(
    tmp_path: Path,
) -> None:
    found = [(one.name, one.arguments[1].stem) for one in requests(tmp_path, "builtin", "haar")]
    both = [
        (detector, model)
        for detector in ("builtin", "haar")
        for model in ("shallow-int8", "shallow-float32")
    ]
    assert found == [*both, ("builtin", "shallow-int8")]
    assert requests(tmp_path, "haar")[-1].arguments[2] == "20 faces"


def test_with_a_video_of_ones_own_there_is_no_crowd(tmp_path: Path) -> None:
    assert [one.arguments[2] for one in requests(tmp_path, "haar", video=CLIP)] == [str(CLIP)] * 2


def test_every_detector_of_a_config_can_be_measured() -> None:
    kinds = {settings["kind"] for settings in detector_settings().values()}
    assert kinds == set(detector_kinds())


def test_a_detector_of_another_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected one of builtin.*found 'dlib'"):
        requests(tmp_path, "dlib")


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="cannot be read as a video"):
        requests(tmp_path, "haar", video=tmp_path / "no.mp4")


def test_a_video_passes_every_stage_in_one_thread_and_as_threads(tmp_path: Path) -> None:
    request = requests(tmp_path, "haar", models=[MODEL], video=CLIP)[0]
    one, threads = run_in_subprocess(request)
    stages = (one.capture_ms, one.detect_ms, one.infer_ms, one.publish_ms)
    assert sum(stages) == pytest.approx(1000 / one.fps)
    assert (one.mode, threads.mode) == ("one thread", "threads")
    assert one.faces > 0.5
    assert 0 < one.p50_ms <= one.p99_ms
    assert threads.fps > 0
    assert (threads.p50_ms, threads.detect_ms) == (None, None)
