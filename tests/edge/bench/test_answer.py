from edge.bench.answer import answer
from tests.edge.bench.results import live_row, model_row, pipeline_row, result


def test_shallow_float32_against_quantised_is_answered_in_one_sentence() -> None:
    told = answer(result())
    assert told.startswith("Quantised to int8, the shallow network is 4.0 times as fast")
    assert "3.6 to 4.4 in 3 rounds" in told
    assert "0.35 instead of 1.40 ms" in told
    assert "69.0% instead of 69.0% accuracy" in told
    assert ". " not in told


def test_without_both_the_fastest_is_told() -> None:
    rows = [model_row("mine", 2.0, 1.0), model_row("other", 1.0, 2.0)]
    assert answer(result(models=rows)).startswith("Fastest is other")


def test_without_models_the_fastest_pipeline_and_then_the_daemon_is_told() -> None:
    rows = [pipeline_row("one thread", 500.0), pipeline_row("threads", 800.0)]
    assert "800 frames a second" in answer(result(models=[], pipeline=rows))
    assert "10.0 % of one core" in answer(result(models=[], pipeline=[], live=[live_row()]))
    assert answer(result(models=[], pipeline=[], live=[])) == "Nothing could be measured."
