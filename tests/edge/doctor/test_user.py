import os

import pytest

from edge.doctor.result import Level
from edge.doctor.user import examine_user
from tests.edge.doctor.findings import listed, only


def test_where_no_service_runs_the_config_everything_holds_for_who_looks() -> None:
    assert listed(examine_user(None)) == []


def test_root_is_told_that_the_service_may_open_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    finding = only(examine_user("emotiond.service"))
    assert finding.level is Level.OK
    assert "emotiond.service is another user" in finding.text


def test_others_are_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    finding = only(examine_user("emotiond.service"))
    assert (finding.level, finding.remedy) == (Level.WARNING, "run it with sudo")
