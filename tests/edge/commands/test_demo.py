import signal
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from edge.capture.source import iter_frames
from edge.cli import main
from edge.commands.demo import CLIP, LoopedVideo, final_stats
from edge.errors import EmotiondError
from tests.brokers import wait_until
from tests.edge.commands.configs import running


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


def test_the_web_page_shows_the_clip_again_and_again_without_a_broker() -> None:
    with running("demo", "--web") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Ctrl-C" in process.stdout.readline()
        line = next(line for line in process.stderr if "web page at http://127.0.0.1:" in line)
        page = line.split(" at ")[1].strip()
        wait_until(lambda: urlopen(f"{page}/healthz").status == 200)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_the_clip_begins_anew_at_its_end_and_its_times_run_on() -> None:
    source = LoopedVideo(CLIP, realtime=False).open()
    frames = list(islice(iter_frames(source), 480))
    source.close()
    assert [frame.index for frame in frames] == list(range(480))
    times = [frame.timestamp for frame in frames]
    assert np.diff(times) == pytest.approx(0.04, abs=0.002)
    assert np.array_equal(frames[475].image, frames[0].image)


def test_the_clip_can_be_shown_for_so_many_frames() -> None:
    source = LoopedVideo(CLIP, realtime=False, max_frames=480).open()
    assert [frame.index for frame in iter_frames(source)] == list(range(480))
