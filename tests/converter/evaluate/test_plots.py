from pathlib import Path

import cv2
import pytest

from converter.data.label_sets import LABEL_SETS
from converter.evaluate.plots import draw_report
from converter.evaluate.report import evaluate
from tests.converter.gray import constant, gray_faces

FACES = ["happy", "happy", "sad", "fear"]


@pytest.mark.parametrize("labels", [LABEL_SETS["5"].labels, LABEL_SETS["8"].labels])
def test_the_plot_of_a_report_is_of_a_size_to_be_read(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    report = evaluate(constant("happy", labels), gray_faces(FACES), "PublicTest", "labels")
    path = tmp_path / "r.png"
    draw_report(report, path)
    image = cv2.imread(str(path))
    assert image is not None
    assert 600 < image.shape[0] < 1000
    assert 1200 < image.shape[1] < 2000
    assert image.std() > 10  # something is drawn


def test_the_same_report_draws_the_same_bytes(tmp_path: Path) -> None:
    report = evaluate(constant("happy"), gray_faces(FACES), "PublicTest", "labels")
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        draw_report(report, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
