import errno
from pathlib import Path

import pytest

from converter.cli import main
from edge.paths import find_model

INT8 = find_model(Path("shallow-int8"))


def test_bad_data_is_one_line_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "gone.csv"
    assert main(["evaluate", "--model", str(INT8), "--data", str(missing)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_value_may_begin_with_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorflow", reason="conversion needs the extra `convert`")
    words = ["convert", str(tmp_path / "gone.tflite"), "--labels", "happy,sad"]
    assert main([*words, "--input", "-1..1", "--mean", "-1,-2,-3"]) == 78
    assert "gone.tflite: expected a file, found none" in capsys.readouterr().err


def test_annotations_that_nobody_may_read_are_one_line_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "wider_face_val_bbx_gt.txt"
    file.touch()

    def refuse(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    assert main(["evaluate-detector", "--data", str(file)]) == 1
    assert capsys.readouterr().err == f"emotiond-convert: {file}: Permission denied\n"
