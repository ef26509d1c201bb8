from pathlib import Path

import msgspec
import numpy as np
import pytest

from converter.cli import main
from converter.data import Usage, open_dataset
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


def test_of_a_teacher_in_parts_each_judges_the_faces_that_it_held_out(folder: Path) -> None:
    from converter.train.classifier import held_out_faces

    names = ("teacher@1of2", "teacher@2of2")
    recipe = msgspec.structs.replace(
        TEACHER, distillation=Distillation(teachers=names, weight=0.5, views=1)
    )
    (folder / "folded.yaml").write_bytes(msgspec.yaml.encode(recipe))
    with eagerly():
        assert _train(folder, "folded") == ExitCode.OK
    faces = open_dataset(folder / "fer2013.csv").split(Usage.TRAINING).pixels
    for name in names:
        (kept,) = (folder / "runs" / name).glob("logits-*.npy")
        judged = ~np.isnan(np.load(kept)).any(axis=(0, 2))
        assert np.array_equal(judged, held_out_faces(faces, name.partition("@")[2]))


@pytest.mark.parametrize("key", ["start", "distillation"])
def test_what_holds_faces_out_starts_from_nothing_that_learned_from_them(
    folder: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    how = Distillation(teachers=("teacher",), views=1)
    built = msgspec.structs.replace(
        TEACHER, **{key: {"start": "teacher", "distillation": how}[key]}
    )
    how = Distillation(teachers=(f"built-{key}@1of2",), views=1)
    for name, recipe in (
        (f"built-{key}", built),
        (f"above-{key}", msgspec.structs.replace(TEACHER, distillation=how)),
    ):
        (folder / f"{name}.yaml").write_bytes(msgspec.yaml.encode(recipe))
    assert _train(folder, f"above-{key}") == ExitCode.CONFIG
    assert "expected no start or teachers, as it holds faces out" in capsys.readouterr().err


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
