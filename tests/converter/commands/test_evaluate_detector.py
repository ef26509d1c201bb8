from pathlib import Path

import msgspec
import pytest

from converter.cli import main
from converter.detector import annotations
from converter.detector.evaluate import DetectorReport
from tests.converter.detector.annotated_images import write_photo

HAAR = "{kind: haar, width: 160}"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photographs, half of them for training."""
    folder = tmp_path / "mine"
    folder.mkdir()
    table = ["file,width,height,x,y,w,h,ignore,source,split"]
    for number, split in enumerate(2 * ["train", "test"]):
        write_photo(folder / f"{number}.png")
        table.append(f"{number}.png,400,200,50,50,60,80,0,mine,{split}")
    (folder / "annotations.csv").write_text("\n".join(table) + "\n")
    assert annotations.read_annotations(folder)
    return folder


def test_table_and_json_are_of_the_test_split(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "out" / "r.json"

    asked = ["--detector", "haar", "--detector", HAAR, "--json", str(written)]
    assert main(["evaluate-detector", "--data", str(data), *asked]) == 0

    report = msgspec.json.decode(written.read_bytes(), type=DetectorReport)
    assert [one.name for one in report.detectors] == ["haar", "haar, width 160"]
    assert (report.data, report.detectors[0].overall.pictures) == ("mine test", 2)
    assert "haar, width 160" in capsys.readouterr().out


def test_the_size_searched_is_as_asked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--detector", "haar", "--size", "160x120"]
    assert main(["evaluate-detector", "--data", str(data), *options]) == 0
    assert "searched fitted into 160x120" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["160", "0x120", "axb"])
def test_what_is_no_size_is_refused(wrong: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate-detector", "--data", ".", "--size", wrong])
    assert ended.value.code == 2


def test_detector_that_does_not_exist_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-detector", "--data", str(data), "--detector", "eagle"]) == 78
    assert capsys.readouterr().err.count("\n") == 1
