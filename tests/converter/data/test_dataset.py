from pathlib import Path

import numpy as np
import pytest

from converter.data import Usage, concatenate
from edge.errors import DataError
from tests.converter.faces import dataset


def test_constant_pictures_and_pictures_of_no_face_are_dropped(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.votes[3, 9] = 10
    data.pixels[5] = 77
    assert len(data.without_non_faces()) == len(data) - 2


def test_copies_are_found_within_a_set_and_between_two(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[10] = data.pixels[2]
    assert len(data.distinct()) == len(data) - 1
    rows = np.arange(len(data))
    assert data.select(rows >= 10).copies_of(data.select(rows < 10)).tolist()[:2] == [True, False]


def test_an_unknown_split_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'PrivateTest'; the data has PublicTest, Training"):
        dataset(tmp_path).split(Usage.PRIVATE_TEST)


def test_sets_are_combined_row_behind_row_each_with_its_weight(tmp_path: Path) -> None:
    data = dataset(tmp_path, rows_per_label=1)
    both = concatenate([data, data.weighted(2.5)])
    assert len(both) == 14
    assert both.weights.tolist() == [1.0] * 7 + [2.5] * 7
    assert both.pixels[7:].tolist() == data.pixels.tolist()
