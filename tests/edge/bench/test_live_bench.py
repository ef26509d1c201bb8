from pathlib import Path

import pytest

from edge.bench.live_bench import FINAL_STATS, final_stats
from edge.errors import EmotiondError
from edge.service.daemon import summary
from tests.events import stats


def test_the_daemons_final_statistics_are_understood() -> None:
    told = FINAL_STATS.search(summary(stats()))
    assert told is not None
    assert float(told["fps"]) >= 0
    assert int(told["frames"]) >= 0


def test_a_daemon_that_ends_too_early_is_a_fault_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "daemon.log").write_text("emotiond: bench.yaml: source.url: cannot be reached\n")
    with pytest.raises(EmotiondError, match=r"ended too early: .*cannot be reached"):
        final_stats(tmp_path)
