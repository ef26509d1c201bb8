from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from converter.detector.annotations import AnnotatedImage, Split, of_split, read_annotations
from converter.detector.average_precision import Detections
from converter.detector.evaluate import DetectorResults, evaluate_detectors, parse_variant
from converter.detector.report import (
    TIGHT_SOURCES,
    DetectorReport,
    build_report,
    plot_report,
    summarize,
)
from tests.conftest import MEDIA
from tests.converter.detector.annotated_images import write_photo

FACES = MEDIA.parent / "faces"
FACE, LOOSE = (40, 40, 80, 80), (40, 40, 80, 150)  # IoU 0.36


def _performance(*found: tuple[tuple[float, ...], ...]) -> DetectorResults:
    each = tuple(
        Detections(np.array(boxes, dtype=float).reshape(-1, 4), np.full(len(boxes), 0.5))
        for boxes in found
    )
    return DetectorResults("told", each, each, thread_ms=1.5, wall_ms=2.5)


def _photos(folder: Path) -> list[AnnotatedImage]:
    """One of each kind, as large as faces are measured in."""
    size = (320, 240)
    return [
        write_photo(folder / "a.png", [FACE], size, source="wide_train"),
        write_photo(folder / "b.png", [FACE], size, source="wide_val"),
        write_photo(folder / "c.png", [FACE], size, source="cmu_mit"),
        write_photo(folder / "d.png", [], size, source="rooms"),
    ]


@pytest.fixture
def judged(tmp_path: Path) -> DetectorReport:
    performance = _performance((FACE,), (), (LOOSE,), (FACE, LOOSE))
    return build_report("mine", [performance], _photos(tmp_path), (320, 240))


def test_overall_figures_leave_out_the_source_that_is_judged_apart(judged: DetectorReport) -> None:
    (one,) = judged.detectors
    overall = one.overall

    assert (overall.pictures, overall.faces) == (3, 2)
    # The hit and the two false ones are equally sure: precision 1/3 up to recall 1/2.
    assert [at.average_precision for at in overall.accuracy] == [0.1667, 0.1667]
    assert overall.accuracy[0].by_height["64+"] is None
    assert one.precision[0] == one.precision[50] == 0.3333
    assert one.precision[51] == 0


def test_what_is_found_at_its_own_threshold_is_told(judged: DetectorReport) -> None:
    """One of two faces is found; of the three boxes that count, one is right."""
    overall = judged.detectors[0].overall
    assert (overall.found, overall.right) == (0.5, 0.3333)


def test_tight_boxes_are_judged_by_a_lower_overlap(judged: DetectorReport) -> None:
    (apart,) = judged.detectors[0].sources["cmu_mit"].accuracy

    assert (apart.iou, apart.average_precision) == (0.3, 1.0)


def test_parts_of_one_set_are_one_source_and_a_source_without_faces_is_none(
    judged: DetectorReport,
) -> None:
    sources = judged.detectors[0].sources

    assert list(sources) == ["wide", "cmu_mit"]
    assert (sources["wide"].pictures, sources["wide"].faces) == (2, 2)


def test_false_faces_are_counted_where_there_is_no_face(judged: DetectorReport) -> None:
    assert (judged.detectors[0].false_faces, judged.empty_pictures) == (2, 1)


def test_report_survives_json(judged: DetectorReport) -> None:
    assert msgspec.json.decode(msgspec.json.encode(judged), type=DetectorReport) == judged


def test_tables_give_every_figure_and_what_there_is_none_of(judged: DetectorReport) -> None:
    lines = summarize(judged, markdown=True).splitlines()

    assert (
        lines[2]
        == "| told | 0.167 | 0.167 | - | - | 0.250 | - | 0.000 | 0.500 | 0.333 | 2 | 1.50 | 2.50 |"
    )
    assert "| detector | wide (2) | cmu_mit (1) |" in lines
    assert "| told | 0.500 | 1.000 |" in lines


def test_columns_of_the_terminal_are_aligned(judged: DetectorReport) -> None:
    head, row, *_ = summarize(judged).splitlines()

    assert len(head) == len(row)
    assert head.split()[0] == "detector"
    assert row.split()[0] == "told"


def test_picture_is_of_a_size_to_be_read(tmp_path: Path, judged: DetectorReport) -> None:
    plot_report(judged, tmp_path / "p.png")

    picture = cv2.imread(str(tmp_path / "p.png"))
    assert picture is not None
    assert picture.std() > 10
    assert 600 < picture.shape[0] < 1600


def test_pictures_without_any_face_have_no_precision(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png", size=(320, 240))]

    judged = build_report("mine", [_performance((FACE,))], photos, (320, 240))

    (one,) = judged.detectors
    assert (one.overall.accuracy[0].average_precision, one.precision, one.sources) == (None, (), {})
    assert "| told | - | - |" in summarize(judged, markdown=True)
    plot_report(judged, tmp_path / "p.png")


def test_yunet_scores_on_real_photographs_what_others_measured(yunet: Path) -> None:
    if not FACES.is_dir():
        pytest.skip("the photographs of ../shared/data/faces are not on this machine")
    tests = of_split(read_annotations(FACES), Split.TEST)
    photos = [one for one in tests if one.source not in TIGHT_SOURCES]
    variant = parse_variant(f"{{kind: yunet, model: {yunet}}}")

    judged = build_report(
        "faces", evaluate_detectors([variant], photos, (160, 120)), photos, (160, 120)
    )

    (one,) = judged.detectors
    assert (one.overall.pictures, judged.empty_pictures) == (308, 70)
    assert one.overall.accuracy[0].average_precision == pytest.approx(0.57, abs=0.03)
    assert one.overall.accuracy[0].by_height == pytest.approx(
        {"8-16": 0.08, "16-32": 0.41, "32-64": 0.65, "64+": 0.96}, abs=0.03
    )
