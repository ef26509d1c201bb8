"""The screenshots of the page: one file for each view, and no text cut."""

import shutil
from pathlib import Path

import pytest

from tools import page_screenshots


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_every_view_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page_screenshots, "THEMES", ("dark",))
    monkeypatch.setattr(page_screenshots, "SIZES", {390: 844})
    monkeypatch.setattr(page_screenshots, "SETTLING_S", 0.1)
    assert page_screenshots.main([str(tmp_path)]) == 0
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {f"{view}-dark-390.png" for view in page_screenshots.VIEWS}
    assert "no text is cut or lies over another" in capsys.readouterr().out
