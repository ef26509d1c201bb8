"""Quantising a detector: int8 that says what the network says, or nothing at all."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="conversion needs the extra `convert`")

from converter.cli import main  # noqa: E402  # needs Keras
from converter.detector import quantize  # noqa: E402
from converter.detector.annotations import AnnotatedImage, Split  # noqa: E402
from converter.detector.quantize import (  # noqa: E402
    quantize_detector,
    quantize_refiner,
    threshold_for_fpr,
)
from converter.detector.samples import is_validation  # noqa: E402
from converter.detector.train import DetectorRun, load_run  # noqa: E402
from converter.models import refiner  # noqa: E402
from edge.detect import open_detector  # noqa: E402
from edge.detect.builtin import BuiltinSettings  # noqa: E402
from edge.errors import DataError, ExitCode, ModelError  # noqa: E402
from edge.model_card import DetectorCard, load_card  # noqa: E402
from tests.converter.detector.light_detector import SIDE, write_night, write_training  # noqa: E402
from tests.edge.detect.lights import GLANCE  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager", "small_detector")

SIZE = (128, 96)
NARROWER = np.array([SIDE / 6, 0, -SIDE / 6, 0])
FACES = np.full((4, 48, 48), 255, np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[AnnotatedImage]:
    """Nights with lights and without, of both splits, some of them watched."""
    folder = tmp_path_factory.mktemp("nights")
    photographs: list[AnnotatedImage] = []
    for number in range(30):
        split: Split = "test" if number % 3 == 0 else "train"
        lights = [] if number % 5 == 0 else [(32, 32), (80 + 8 * (number % 3), 56)]
        photographs.append(write_night(folder / f"{number}.png", *lights, split=split))
    assert any(is_validation(one) and len(one.boxes) for one in photographs)
    return photographs


@pytest.fixture(scope="module")
def run(eager: None, small_detector: None, tmp_path_factory: pytest.TempPathFactory) -> DetectorRun:
    return load_run(write_training(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def written(
    eager: None,
    small_detector: None,
    data: list[AnnotatedImage],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str]:
    """The folder of what the command made in two sizes, and what it told."""
    photographs, folder = data[0].path.parent, tmp_path_factory.mktemp("command")
    rows, empty = (
        ["file,width,height,x,y,w,h,ignore,source,split"],
        ["file,width,height,source,split"],
    )
    for one in data:
        size, end = f"{one.path.name},128,96", f"nights,{one.split}"
        rows += [f"{size},{x},{y},{SIDE},{SIDE},0,{end}" for x, y, *_ in one.boxes.tolist()]
        empty += [] if len(one.boxes) else [f"{size},{end}"]
    (photographs / "annotations.csv").write_text("\n".join(rows))
    (photographs / "negatives.csv").write_text("\n".join(empty))
    pixels = " ".join(["0"] + ["255"] * (48 * 48 - 1))
    table = "emotion,pixels,Usage\n" + 8 * f"3,{pixels},Training\n"
    (folder / "faces.csv").write_text(table)
    run = write_training(folder / "run")
    asked = ["quantize-detector", str(run), "--data", str(photographs), "--refiner", str(GLANCE)]
    asked += ["--faces", str(folder / "faces.csv"), "--size", "128x96", "--size", "128x128"]
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert main([*asked, "--out", str(folder / "models")]) == ExitCode.OK
    assert main([*asked, "--out", str(folder / "models")]) == ExitCode.CONFIG
    return folder / "models", told.getvalue()


@pytest.fixture(scope="module")
def made(written: tuple[Path, str]) -> tuple[Path, DetectorCard]:
    path = written[0] / "face-128x96.tflite"
    return path, load_card(path, DetectorCard)


def test_the_command_writes_every_size_asked_for_and_tells_their_figures(
    written: tuple[Path, str],
) -> None:
    out, told = written
    assert sorted(file.name for file in out.iterdir()) == [
        *("face-128x128.json", "face-128x128.tflite", "face-128x96.json", "face-128x96.tflite"),
    ]
    square = load_card(out / "face-128x128.tflite", DetectorCard)  # one network serves both sizes
    assert (square.input.shape, square.largest_face) == ((128, 128, 3), 128)
    assert "face-128x96: " in told
    assert "average precision" in told


def test_the_file_finds_what_the_network_finds(
    made: tuple[Path, DetectorCard], data: list[AnnotatedImage]
) -> None:
    """The refiner of the tests then makes each box a third narrower."""
    detector = open_detector(BuiltinSettings(model=made[0], refiner=GLANCE))
    for photograph in data:
        found = sorted(face.box.edges for face in detector.detect(photograph.read()))
        expected = sorted(map(tuple, (photograph.boxes + NARROWER).tolist()))
        assert np.allclose(found, expected, atol=1.5) if expected else not found


def test_the_card_is_of_this_file_and_tells_what_was_measured(
    made: tuple[Path, DetectorCard], data: list[AnnotatedImage]
) -> None:
    path, card = made
    assert card.size == path.stat().st_size
    assert (card.input.shape, card.input.dtype, card.strides) == ((96, 128, 3), "int8", (8, 16, 32))
    (measured,) = card.measured
    test = [one for one in data if one.split == "test"]
    assert measured.pictures == sum(len(one.boxes) > 0 for one in test)
    assert measured.faceless == len(test) - measured.pictures
    assert measured.false_faces == 0
    assert measured.average_precision["0.4"] > 0.9
    assert (measured.found, measured.precision) == (1.0, 1.0)
    assert "40 photographs with 60 faces or none (nights)" in card.training_data
    assert card.speed[0].milliseconds > 0


def test_the_crop_is_fitted_to_the_faces_given(made: tuple[Path, DetectorCard]) -> None:
    """The faces are all light, so boxes of one size are fitted to squares of many."""
    assert made[1].crop_fit.scale > 1.0


def test_files_that_are_there_are_left_unless_forced(
    run: DetectorRun, data: list[AnnotatedImage], tmp_path: Path
) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(b"mine")
    with pytest.raises(ModelError, match="is there already"):
        quantize_detector(run, SIZE, data, FACES, path)
    assert path.read_bytes() == b"mine"


def test_int8_that_lost_too_much_is_refused_and_leaves_nothing(
    run: DetectorRun,
    data: list[AnnotatedImage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quantize, "MAX_LOSS", -1.0)
    with pytest.raises(ModelError, match=r"expected to lose at most .* in float32; --force"):
        quantize_detector(run, SIZE, data, FACES, tmp_path / "poor.tflite")
    assert list(tmp_path.iterdir()) == []
    quantize_detector(run, SIZE, data, FACES, tmp_path / "poor.tflite", force=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_a_face_as_often_as_none_is_half_sure_once_a_refiner_was_written(
    made: tuple[Path, DetectorCard], data: list[AnnotatedImage], tmp_path: Path
) -> None:
    nobody = np.zeros((0, 4), np.float32)
    unmarked = [replace(one, boxes=nobody, ignored=np.zeros(0, bool)) for one in data]
    path = tmp_path / "refiner-48.tflite"
    find = BuiltinSettings(model=made[0], refiner=GLANCE).open().find_candidates
    quantize_refiner(refiner(), find, [*data, *unmarked], path, force=False)
    detector = open_detector(BuiltinSettings(model=made[0], refiner=path, min_confidence=0.1))
    found = [face.confidence for one in data for face in detector.detect(one.read())]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def test_a_refiner_of_a_detector_that_never_errs_is_refused(
    made: tuple[Path, DetectorCard], data: list[AnnotatedImage], tmp_path: Path
) -> None:
    find = BuiltinSettings(model=made[0], refiner=GLANCE).open().find_candidates
    with pytest.raises(DataError, match=r"faces and errors of the detector .* of one kind"):
        quantize_refiner(refiner(), find, data, tmp_path / "refiner.tflite", force=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        (lambda one: one.split == "train", "training photographs without faces"),
        (is_validation, "watched training photographs with faces"),
        (lambda one: one.split == "test", "test photographs with faces"),
    ],
)
def test_what_a_card_cannot_be_written_without_is_named(
    run: DetectorRun,
    data: list[AnnotatedImage],
    tmp_path: Path,
    left_out: Callable[[AnnotatedImage], bool],
    named: str,
) -> None:
    kept = [one for one in data if not left_out(one)]
    with pytest.raises(DataError, match=f"expected {named}, found none"):
        quantize_detector(run, SIZE, kept, FACES, tmp_path / "a.tflite")


def test_a_training_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    run = write_training(tmp_path / "run")
    (run / "checkpoint.weights.h5").touch()
    with pytest.raises(ModelError, match="expected a finished training; run train-detector"):
        load_run(run)


def test_a_folder_without_a_training_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected a finished training; run train-detector"):
        load_run(tmp_path)


def test_a_training_of_something_else_is_named(tmp_path: Path) -> None:
    run = write_training(tmp_path / "run")
    (run / "material.json").unlink()
    with pytest.raises(ModelError, match=r"holds no training of a detector .*material.json"):
        load_run(run)
    (run / "model.keras").write_text("half of one")
    with pytest.raises(ModelError, match=r"model.keras: cannot be read .*; train it anew"):
        load_run(run)


@pytest.mark.parametrize(
    ("surest", "least"),
    [
        ([0.0] * 100, 0.3),
        ([0.9] + [0.0] * 98, 0.91),
        ([0.9] + [0.0] * 99, 0.3),
        ([0.9, 0.55] + [0.0] * 98, 0.56),
        ([0.2] * 10, 0.3),
        ([0.995] * 10, 0.99),
    ],
)
def test_the_least_confidence_lets_that_share_of_the_photographs_pass(
    surest: list[float], least: float
) -> None:
    assert threshold_for_fpr(surest, 0.01) == pytest.approx(least)
