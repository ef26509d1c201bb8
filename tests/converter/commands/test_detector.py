import csv
from pathlib import Path

import msgspec
import pytest

from converter.cli import main
from converter.recipes import DetectorRecipe, load_recipe
from edge.errors import ExitCode
from tests.converter.detector.drawn import SMALL, write_photographs
from tests.converter.faces import write_csv

pytest.importorskip("keras", reason="training needs the extra `convert`")


@pytest.fixture(scope="module")
def folder(small_detector: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and photographs, half of them in another folder."""
    directory = tmp_path_factory.mktemp("train")
    recipe = msgspec.structs.replace(SMALL, epochs=1, steps=2, warmup_epochs=0)
    (directory / "small.yaml").write_bytes(msgspec.yaml.encode(recipe))
    for name in ("one", "other"):
        (directory / name).mkdir()
        _write_table(directory / name)
    return directory


def _write_table(directory: Path) -> None:
    """Write photographs and the tables that tell of them."""
    rows = [["file", "width", "height", "x", "y", "w", "h", "ignore", "source", "split"]]
    empty = [["file", "width", "height", "source", "split"]]
    for one in write_photographs(directory, 8):
        name = [one.path.name, str(one.width), str(one.height)]
        for x1, y1, x2, y2 in one.boxes.tolist():
            edges = [str(value) for value in (x1, y1, x2 - x1, y2 - y1)]
            rows.append([*name, *edges, "0", "drawn", "train"])
        if not len(one.boxes):
            empty.append([*name, "drawn", "train"])
    for table, lines in (("annotations.csv", rows), ("negatives.csv", empty)):
        with (directory / table).open("w", newline="") as file:
            csv.writer(file).writerows(lines)


def _train(folder: Path, out: Path, *more: str) -> int:
    data = ["--data", str(folder / "one"), "--data", str(folder / "other")]
    return main(
        ["train-detector", str(folder / "small.yaml"), *data, "--out", str(out), *map(str, more)]
    )


def test_a_finished_training_is_kept_unless_forced(
    folder: Path, yunet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    recipe = load_recipe(folder / "small.yaml", DetectorRecipe)
    (out / "recipe.json").write_bytes(msgspec.json.encode(recipe))
    (out / "model.keras").write_text("the work of days")
    assert _train(folder, out) == ExitCode.CONFIG
    assert "--force trains it anew" in capsys.readouterr().err
    assert (out / "model.keras").read_text() == "the work of days"

    faces, _ = write_csv(tmp_path, rows_per_label=2)
    more = ["--teacher", str(yunet), "--faces", str(faces), "--force"]
    assert _train(folder, out, *more) == ExitCode.OK
    assert f"wrote {out / 'model.keras'}" in capsys.readouterr().out
    assert sorted(file.name for file in out.iterdir()) == [
        "curves.png",
        "log.csv",
        "material.json",
        "model.keras",
        "recipe.json",
    ]


def test_faces_without_a_teacher_are_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces, _ = write_csv(tmp_path, rows_per_label=2)
    assert _train(folder, tmp_path / "run", "--faces", str(faces)) == ExitCode.CONFIG
    assert "--faces needs --teacher" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_teacher_that_is_not_there_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _train(folder, tmp_path / "run", "--teacher", "gone.onnx") == ExitCode.CONFIG
    assert "gone.onnx" in capsys.readouterr().err


def test_force_deletes_no_folder_that_is_not_a_trainings(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    assert _train(folder, tmp_path, "--force") == ExitCode.CONFIG
    assert "holds no training" in capsys.readouterr().err
    assert precious.exists()


def test_photographs_that_are_all_for_testing_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = (folder / "one" / "annotations.csv").read_text()
    for path in (folder / "one").glob("*.png"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "annotations.csv").write_text(table.replace(",train", ",test"))
    arguments = ["train-detector", str(folder / "small.yaml"), "--data", str(tmp_path)]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == ExitCode.FAULT
    assert "expected training photographs with faces" in capsys.readouterr().err


def test_a_classifiers_recipe_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "other.yaml"
    recipe.write_text("network: shallow\n")
    arguments = ["train-detector", str(recipe), "--data", str(folder / "one")]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == ExitCode.CONFIG
    assert "other.yaml" in capsys.readouterr().err
