from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data import EXPRESSIONS, load_jaffe
from edge.errors import DataError
from tests.converter.faces import write_pictures

SUBJECTS = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")


def test_the_names_tell_class_and_subject(tmp_path: Path) -> None:
    codes = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")
    root = write_pictures(tmp_path, *(f"KA.{code}1.{n}.tiff" for n, code in enumerate(codes)))
    data = load_jaffe(root)
    assert {EXPRESSIONS[label] for label in data.labels} == set(EXPRESSIONS[:7])
    assert set(data.subject.tolist()) == {"KA"}


def test_pictures_of_256_pixels_become_faces(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "KA.HA1.29.tiff"), np.full((256, 256), 90, dtype=np.uint8))
    data = load_jaffe(tmp_path)
    assert data.pixels.shape == (1, 48, 48)


def test_two_of_the_ten_subjects_are_tested_with_all_their_pictures(tmp_path: Path) -> None:
    names = [f"{who}.{what}.{n}.tiff" for who in SUBJECTS for n, what in enumerate(("HA1", "SA2"))]
    data = load_jaffe(write_pictures(tmp_path, *names))
    assert len(set(data.split("PublicTest").subject.tolist())) == 2
    assert len(data.split("PublicTest")) == 4


def test_a_picture_called_otherwise_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "KA.HA1.29.tiff", "KA.XX1.30.tiff")
    with pytest.raises(DataError, match=r"KA.XX1.30.tiff: expected a name such as KA.AN1.39"):
        load_jaffe(root)
