from pathlib import Path

import cv2
import pytest

from converter.data.label_sets import LABEL_SETS, LabelProtocol
from converter.evaluate.plots import draw_report
from converter.evaluate.report import evaluate
from tests.converter.gray import constant, gray_faces

FACES = ["happy", "happy", "sad", "fear"]


def _size(path: Path) -> tuple[int, int]:
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.std() > 10  # something is drawn
    return picture.shape[1], picture.shape[0]


@pytest.mark.parametrize("labels", [LABEL_SETS["5"].labels, LABEL_SETS["8"].labels])
def test_the_pictures_of_a_report_are_of_a_size_to_be_read(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    report = evaluate(
        constant("happy", labels), gray_faces(FACES), "PublicTest", LabelProtocol.LABELS
    )
    written = draw_report(report, tmp_path, "r")
    names = ["r-confusion.png", "r-reliability.png", "r-coverage.png"]
    assert [path.name for path in written] == names
    for path in written:
        width, height = _size(path)
        assert 600 < width < 1600
        assert 600 < height < 1600


def test_the_same_report_draws_the_same_bytes(tmp_path: Path) -> None:
    report = evaluate(constant("happy"), gray_faces(FACES), "PublicTest", LabelProtocol.LABELS)
    first = [path.read_bytes() for path in draw_report(report, tmp_path, "a")]
    assert [path.read_bytes() for path in draw_report(report, tmp_path, "b")] == first
