from edge.bench.pipeline_bench import FINAL_STATS
from edge.service.daemon import summary
from tests.events import stats


def test_the_daemons_final_statistics_are_understood() -> None:
    told = FINAL_STATS.search(summary(stats()))
    assert told is not None
    assert float(told["fps"]) >= 0
    assert int(told["frames"]) >= 0
