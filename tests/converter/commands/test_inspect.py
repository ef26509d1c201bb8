from pathlib import Path

import pytest

from converter.cli import main
from tests.converter.faces import write_csv, write_pictures


def test_inspect_prints_counts_and_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, votes = write_csv(tmp_path)
    lines = data.read_text().splitlines()
    face = lines[2].split(",")[1]
    lines[3] = f"2,{face},Training"
    lines[23] = f"1,{face},PublicTest"
    lines[10] = f"2,{' '.join(['7'] * 2304)},Training"
    data.write_text("\n".join(lines))
    assert main(["inspect", "--data", str(data), "--votes", str(votes)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "84 rows"
    assert printed[1].startswith("Training: 63 rows: angry 9, disgust 9, fear 9")
    assert "rows that repeat an earlier picture: 2, such as 2, 22" in printed
    assert "rows of one grey: 1, such as 9" in printed
    assert "rows that all ten FER+ taggers called no face: 0" in printed
    assert "rows of PublicTest that repeat a picture of Training: 1, such as 22" in printed
    assert "pictures that stand in rows with different labels: 1, such as 1, 2, 22" in printed


def test_inspect_takes_a_folder_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_pictures(tmp_path, "train/happy/a.png", "test/contempt/b.png")
    assert main(["inspect", "--data", str(root)]) == 0
    assert "PublicTest: 1 rows: contempt 1" in capsys.readouterr().out
