"""How long trainings take, and that it is said before the long ones."""

import pytest

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")


def test_a_long_training_is_announced_with_its_networks_and_its_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from converter.train.loop import announce

    announce(["deep", "shallow"], 4 * 3600)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("training 2 networks: deep, shallow; about 4.0 h on this machine;")
    assert "Ctrl-C" in line


@pytest.mark.parametrize(("minutes", "lines"), [(9, 0), (11, 1)])
def test_what_takes_less_than_ten_minutes_begins_at_once(
    minutes: int, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    from converter.train.loop import announce

    announce(["quick"], 60 * minutes)
    assert capsys.readouterr().err.count("\n") == lines


def test_the_estimate_follows_the_work_and_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from converter.models import NETWORKS
    from converter.train import loop

    tiny, deep = NETWORKS["tiny"](7), NETWORKS["deep"](7)
    monkeypatch.setattr(loop, "multiply_adds_per_second", lambda: 1e10)
    seconds = loop.estimate_seconds(tiny, 10_000)
    assert 30 < seconds < 200
    assert loop.estimate_seconds(tiny, 20_000) == pytest.approx(2 * seconds)
    assert loop.estimate_seconds(deep, 10_000) > 5 * seconds
    monkeypatch.setattr(loop, "multiply_adds_per_second", lambda: 2e10)
    assert loop.estimate_seconds(tiny, 10_000) == pytest.approx(seconds / 2)


def test_the_speed_of_this_machine_is_measured() -> None:
    from converter.train.loop import multiply_adds_per_second

    assert multiply_adds_per_second() > 1e6
