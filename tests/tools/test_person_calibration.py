"""What a person's own correction gains, measured on sets that tell persons apart and others."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.converter.faces import draw, write_csv
from tools import person_calibration

CODES = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")


def write_jaffe(folder: Path, persons: int, pictures: int) -> Path:
    """Draw faces into files that are called as JAFFE's, each person's as bright as no other's."""
    rng = np.random.default_rng(0)
    for person in range(persons):
        for label, code in enumerate(CODES):
            for number in range(pictures):
                face = cv2.resize(draw(label, rng), (128, 128))
                darker = np.clip(face * (0.5 + 0.2 * person), 0, 255).astype(np.uint8)
                name = f"P{chr(65 + person)}.{code}{number}.{number}.tiff"
                cv2.imwrite(str(folder / name), darker)
    return folder


def test_each_person_is_judged_by_pictures_that_were_not_learned_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person_calibration.main(["--data", str(write_jaffe(tmp_path, 3, 4)), "--model", "tiny-int8"])
    told = capsys.readouterr().out
    assert [line.split(" | ")[0] for line in told.splitlines() if "| 28 |" in line] == [
        "| PA",
        "| PB",
        "| PC",
    ]
    won = re.search(r"gained (-?[\d.]+) points, between", told)
    assert won is not None
    assert float(won[1]) > 5


def test_a_set_without_persons_is_made_into_likenesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(person_calibration, "LIKENESSES", 2)
    data, _ = write_csv(tmp_path, 24)
    person_calibration.main(["--data", str(data), "--model", "tiny-int8"])
    told = capsys.readouterr().out
    assert "| likeness 1 | 42 |" in told
    assert "| mean of 2 |" in told


def test_one_person_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected two persons or more .* found 1 among 1"):
        person_calibration.main(["--data", str(write_jaffe(tmp_path, 1, 3))])
