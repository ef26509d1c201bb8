from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.demo import final_stats
from edge.errors import EmotiondError


def test_it_shows_the_events_of_the_clip_and_then_the_statistics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("amqtt")
    assert main(["demo"]) == 0
    first, *events, last = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "emotiond watches faces.mp4; events on emotiond/demo/event at 127.0.0.1"
    )
    assert "start   face 1" in events[0]
    assert "end     face 1" in events[-1]
    assert "475 frames" in last
    assert "dropped frames=0" in last


def test_a_daemon_that_ends_too_early_is_a_fault_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "daemon.log").write_text("emotiond: bench.yaml: source.url: cannot be reached\n")
    with pytest.raises(EmotiondError, match=r"ended too early: .*cannot be reached"):
        final_stats(tmp_path)
