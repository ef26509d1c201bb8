from pathlib import Path

import msgspec
import numpy as np
import pytest

from converter.detector.annotations import AnnotatedImage, of_split, read_annotations
from converter.detector.average_precision import Detections
from converter.detector.evaluate import (
    DetectorReport,
    DetectorResults,
    build_report,
    evaluate_detectors,
    parse_variant,
    summarize,
)
from tests.conftest import MEDIA
from tests.converter.detector.annotated_images import write_photo

FACES = MEDIA.parent / "faces"
FACE, LOOSE = (40, 40, 80, 80), (40, 40, 80, 150)  # IoU 0.36


def _performance(*found: tuple[tuple[float, ...], ...]) -> DetectorResults:
    each = [
        Detections(np.array(boxes, dtype=float).reshape(-1, 4), np.full(len(boxes), 0.5))
        for boxes in found
    ]
    return DetectorResults("told", each, each, [(1.5, 2.5)] * len(each))


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

    assert (overall.pictures, overall.faceless, overall.faces) == (2, 1, 2)
    # The hit and the two false ones are equally sure: precision 1/3 up to recall 1/2.
    assert overall.average_precision == {"0.4": 0.1667, "0.5": 0.1667}
    assert overall.by_height == {"32-64": 0.25}


def test_what_is_found_at_its_own_threshold_is_told(judged: DetectorReport) -> None:
    """One of two faces is found; of the three boxes that count, one is right."""
    overall = judged.detectors[0].overall
    assert (overall.found, overall.precision) == (0.5, 0.3333)


def test_tight_boxes_are_judged_by_a_lower_overlap(judged: DetectorReport) -> None:
    assert judged.detectors[0].sources["cmu_mit"].average_precision == {"0.3": 1.0}


def test_parts_of_one_set_are_one_source_and_a_source_without_faces_is_none(
    judged: DetectorReport,
) -> None:
    sources = judged.detectors[0].sources

    assert list(sources) == ["wide", "cmu_mit"]
    assert (sources["wide"].pictures, sources["wide"].faces) == (2, 2)


def test_false_faces_are_counted_where_there_is_no_face(judged: DetectorReport) -> None:
    overall = judged.detectors[0].overall

    assert (overall.false_faces, overall.faceless) == (2, 1)


def test_report_survives_json(judged: DetectorReport) -> None:
    assert msgspec.json.decode(msgspec.json.encode(judged), type=DetectorReport) == judged


def test_tables_give_every_figure_and_what_there_is_none_of(judged: DetectorReport) -> None:
    lines = [" ".join(line.split()) for line in summarize(judged).splitlines()]

    assert lines[1] == "told 0.167 0.167 - - 0.250 - 0.000 0.500 0.333 2 1.50 2.50"
    assert "mine: 3 pictures (1 without a face) and 2 faces of 16 pixels and more" in lines[3]
    assert "detector wide (2) cmu_mit (1)" in lines
    assert "told 0.500 1.000" in lines


def test_columns_of_the_terminal_are_aligned(judged: DetectorReport) -> None:
    head, row, *_ = summarize(judged).splitlines()

    assert len(head) == len(row)
    assert head.split()[0] == "detector"
    assert row.split()[0] == "told"


def test_pictures_without_any_face_have_no_precision(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png", size=(320, 240))]

    judged = build_report("mine", [_performance((FACE,))], photos, (320, 240))

    (one,) = judged.detectors
    assert (one.overall.average_precision, one.overall.faces, one.sources) == ({}, 0, {})
    assert summarize(judged).splitlines()[1].split()[:3] == ["told", "-", "-"]


def test_yunet_scores_on_real_photographs_what_others_measured(yunet: Path) -> None:
    if not FACES.is_dir():
        pytest.skip("the photographs of ../shared/data/faces are not on this machine")
    tests = of_split(read_annotations(FACES), "test")
    photos = [one for one in tests if one.source != "cmu_mit"]
    variant = parse_variant(f"{{kind: yunet, model: {yunet}}}")

    judged = build_report(
        "faces", evaluate_detectors([variant], photos, (160, 120)), photos, (160, 120)
    )

    (one,) = judged.detectors
    assert (one.overall.pictures, one.overall.faceless) == (238, 70)
    assert one.overall.average_precision["0.4"] == pytest.approx(0.57, abs=0.03)
    assert one.overall.by_height == pytest.approx(
        {"8-16": 0.08, "16-32": 0.41, "32-64": 0.65, "64+": 0.96}, abs=0.03
    )
