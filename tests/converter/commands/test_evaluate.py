import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from converter.cli import main
from converter.evaluate.report import Report
from edge.paths import extra_remedy, find_model
from tests.converter.faces import write_csv, write_images

INT8 = find_model(Path("shallow-int8"))

BLOCKED = """
import sys
for name in {names!r}:
    sys.modules[name] = None
from converter.cli import main
sys.exit(main(sys.argv[1:]))
"""


def _run_without(names: list[str], arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", BLOCKED.format(names=names), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_evaluate_prints_accuracy_with_interval_with_and_without_copies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, votes = write_csv(tmp_path)
    arguments = ["--model", str(INT8), "--data", str(data), "--votes", str(votes)]
    assert main(["evaluate", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "of FER2013 PublicTest, 21 rows" in printed
    assert "without copies of Training pictures" in printed


def test_evaluate_writes_the_report_and_beside_it_the_plot(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path)
    report = tmp_path / "out" / "report.json"
    arguments = ["--model", str(INT8), "--data", str(data), "--json", str(report)]
    assert main(["evaluate", *arguments]) == 0
    assert msgspec.json.decode(report.read_bytes(), type=Report).model == "shallow-int8"
    names = sorted(path.name for path in report.parent.iterdir())
    assert names == ["report.json", "report.png"]


def test_the_plot_may_be_had_alone(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path)
    plot = tmp_path / "out" / "mine.png"
    arguments = ["--model", "shallow-int8", "--data", str(data), "--plot", str(plot)]
    assert main(["evaluate", *arguments]) == 0
    assert [path.name for path in plot.parent.iterdir()] == ["mine.png"]


def test_evaluate_measures_all_splits_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = write_csv(tmp_path)
    arguments = ["--model", str(INT8), "--data", str(data), "--usage", "all"]
    assert main(["evaluate", *arguments]) == 0
    assert "of FER2013 all, 84 rows" in capsys.readouterr().out


def test_evaluate_by_ferplus_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, votes = write_csv(tmp_path)
    arguments = ["--model", str(INT8), "--data", str(data), "--votes", str(votes)]
    assert main(["evaluate", *arguments, "--protocol", "ferplus"]) == 0
    assert "of FER2013 PublicTest, FER+ majority, 21 rows" in capsys.readouterr().out


def test_evaluate_on_training_itself_has_no_rows_without_copies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = write_csv(tmp_path)
    arguments = ["--model", str(INT8), "--data", str(data), "--usage", "Training"]
    assert main(["evaluate", *arguments]) == 0
    assert "without copies of Training pictures: not measured" in capsys.readouterr().out


def test_labels_for_a_tflite_are_refused_as_its_card_has_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = write_csv(tmp_path, rows_per_label=4)
    arguments = ["--model", str(INT8), "--data", str(data), "--labels", "happy,sad"]
    assert main(["evaluate", *arguments]) == 78
    assert "in its card" in capsys.readouterr().err


def test_a_tflite_is_evaluated_without_tensorflow(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path, rows_per_label=4)
    arguments = ["evaluate", "--model", str(INT8), "--data", str(data)]
    arguments += ["--json", str(tmp_path / "report.json")]
    result = _run_without(["tensorflow", "keras"], arguments)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "report.png").is_file()


def test_without_the_extra_the_error_says_how_to_install_it() -> None:
    arguments = ["evaluate", "--model", "shallow-int8", "--data", "x.csv"]
    result = _run_without(["sklearn", "sklearn.metrics"], arguments)
    assert result.returncode == 78
    assert extra_remedy("evaluate") in result.stderr


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
    assert "rows that repeat an earlier image: 2, such as 2, 22" in printed
    assert "rows of one gray: 1, such as 9" in printed
    assert "rows that all ten FER+ taggers called no face: 0" in printed
    assert "rows of PublicTest that repeat an image of Training: 1, such as 22" in printed
    assert "images that stand in rows with different labels: 1, such as 1, 2, 22" in printed


def test_inspect_takes_a_folder_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_images(tmp_path, "train/happy/a.png", "test/contempt/b.png")
    assert main(["inspect", "--data", str(root)]) == 0
    assert "PublicTest: 1 row: contempt 1" in capsys.readouterr().out
