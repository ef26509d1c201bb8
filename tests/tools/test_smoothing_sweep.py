from pathlib import Path

import pytest

from tests.converter.faces import write_csv
from tools import smoothing_sweep


def test_the_sweep_prints_a_row_for_each_choice_of_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(smoothing_sweep, "TIME_CONSTANTS", (0.2,))
    monkeypatch.setattr(smoothing_sweep, "HYSTERESES", (0.2,))
    monkeypatch.setattr(smoothing_sweep, "HOLD_TIMES", (0.3,))
    data, votes = write_csv(tmp_path)
    smoothing_sweep.main(["--data", str(data), "--votes", str(votes), "--faces", "1"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "time_constant_s"
    assert [row.split()[:4] for row in rows] == [
        ["0.20", "0.20", "0.30", "0.00"],
        ["0.20", "0.20", "0.30", "0.50"],
    ]
