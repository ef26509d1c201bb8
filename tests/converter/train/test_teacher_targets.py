from pathlib import Path

import numpy as np
import pytest

from tests.converter.faces import dataset
from tests.converter.small import RECIPE

pytest.importorskip("keras", reason="training needs the extra `convert`")


def test_the_target_is_the_mean_of_what_all_teachers_say_of_all_views(tmp_path: Path) -> None:
    from converter.train.classifier import TrainingSet, teacher_targets

    data = dataset(tmp_path)
    training = TrainingSet(data, RECIPE)
    teachers = (tmp_path / "sure", tmp_path / "divided")
    said = np.full((2, 2, len(data), 15), -20, np.float16)  # teacher, view, face, class
    said[0, :, :, 0] = said[1, 0, :, 0] = said[1, 1, :, 6] = 20
    said[..., 7] = 20
    for teacher, logits in zip(teachers, said, strict=True):
        teacher.mkdir()
        np.save(teacher / f"logits-{training.digest(2)}.npy", logits)
    target = teacher_targets(teachers, training, 2)
    expected = np.zeros(15)
    expected[[0, 6, 7]] = 0.75, 0.25, 1
    assert target == pytest.approx(np.tile(expected, (len(data), 1)), abs=1e-6)
