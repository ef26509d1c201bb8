from pathlib import Path

import pytest

from converter.cli import main
from edge.paths import find_model
from tests.converter.faces import write_csv

INT8 = find_model(Path("shallow-int8"))


def test_fit_crop_of_drawn_faces_says_that_none_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = write_csv(tmp_path, rows_per_label=2)
    assert main(["fit-crop", "--data", str(data), "--faces", "5", "--detector", "haar"]) == 1
    assert "haar found none of 5 faces" in capsys.readouterr().err


def test_bad_data_is_one_line_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "gone.csv"
    assert main(["evaluate", "--model", str(INT8), "--data", str(missing)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
