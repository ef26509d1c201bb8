from pathlib import Path

import msgspec
import pytest

from converter.cli import main
from converter.recipes import Distillation
from edge.errors import ExitCode
from tests.converter.faces import write_csv
from tests.converter.small import RECIPE, eagerly

pytest.importorskip("keras", reason="training needs the extra `convert`")

pytestmark = pytest.mark.usefixtures("short_face_head")

TEACHER = msgspec.structs.replace(RECIPE, epochs=1, warmup_epochs=0, votes_head=0.0)
STUDENT = msgspec.structs.replace(
    TEACHER, seed=2, distillation=Distillation(teachers=("teacher",), weight=0.5, views=1)
)


@pytest.fixture(scope="module")
def folder(
    small_network: None, short_face_head: int, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with data and two recipes, both trained."""
    directory = tmp_path_factory.mktemp("train")
    write_csv(directory, rows_per_label=10)
    for name, recipe in (("teacher", TEACHER), ("student", STUDENT)):
        (directory / f"{name}.yaml").write_bytes(msgspec.yaml.encode(recipe))
    with eagerly():
        assert _train(directory, "student") == ExitCode.OK
    return directory


def _train(directory: Path, name: str, *more: str) -> int:
    return main(
        [
            "train",
            str(directory / f"{name}.yaml"),
            "--out",
            str(directory / "runs" / name),
            "--data",
            str(directory / "fer2013.csv"),
            *more,
        ]
    )


def test_the_teachers_that_a_recipe_names_are_trained_first(folder: Path) -> None:
    for name in ("teacher", "student"):
        assert (folder / "runs" / name / "model.keras").exists()
        assert not (folder / "runs" / name / "checkpoint.weights.h5").exists()


def test_a_finished_training_is_kept_unless_forced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = folder / "runs" / "teacher" / "model.keras"
    written = model.stat().st_mtime_ns
    assert _train(folder, "teacher") == ExitCode.CONFIG
    assert "--force trains it anew" in capsys.readouterr().err
    assert model.stat().st_mtime_ns == written
    with eagerly():
        assert _train(folder, "teacher", "--force") == ExitCode.OK
    assert model.stat().st_mtime_ns > written


def test_force_deletes_no_folder_that_is_not_a_trainings(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    arguments = ["train", str(folder / "teacher.yaml"), "--out", str(tmp_path), "--force"]
    assert main([*arguments, "--data", str(folder / "fer2013.csv")]) == ExitCode.CONFIG
    assert "holds no training" in capsys.readouterr().err
    assert precious.exists()


def test_a_folder_without_photographs_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _train(folder, "teacher", "--force", "--negatives", str(tmp_path))
    assert code == ExitCode.FAULT
    assert "expected photographs, found none" in capsys.readouterr().err
