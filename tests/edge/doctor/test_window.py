import importlib.util
from pathlib import Path

import pytest

from edge.doctor import window
from edge.doctor.result import Level
from edge.doctor.window import SERVERS, examine_window
from tests.edge.doctor.findings import only


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a screen; a test may plug one in."""
    for name in SERVERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(window, "CARDS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SERVERS)
def test_a_display_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, ":7")
    finding = only(examine_window())
    assert (finding.level, finding.text) == (Level.OK, f"is drawn on {name}=:7")


def test_without_a_desktop_the_screen_itself_serves(nowhere: Path) -> None:
    (nowhere / "card0").touch()
    finding = only(examine_window())
    assert finding.level is Level.OK
    assert "card0, as there is no desktop" in finding.text


def test_without_any_screen_it_is_a_warning() -> None:
    assert only(examine_window()).level is Level.WARNING


def test_a_missing_package_is_a_failure_that_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = only(examine_window())
    assert finding.level is Level.FAILURE
    assert "emotiond[preview]" in str(finding)
