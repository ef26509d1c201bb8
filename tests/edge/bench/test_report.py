import io

import cv2
import numpy as np
import pytest
from rich.console import Console

from edge.bench.report import (
    compare,
    find_comparable,
    format_change,
    headline,
    machine_lines,
    plot,
    print_result,
)
from edge.bench.schema import Result
from tests.edge.bench.results import NOW, live_row, machine, model_row, pipeline_row, result


def printed(width: int, shown: Result | None = None) -> str:
    text = io.StringIO()
    print_result(shown or result(), Console(file=text, width=width))
    return text.getvalue()


def titles(text: str) -> list[str]:
    known = {"Models", "Pipeline", "Live"}
    return [line.strip() for line in text.splitlines() if line.strip() in known]


def test_the_headline_comes_first_and_then_a_table_for_each_part() -> None:
    text = printed(220)
    assert text.startswith("Quantized to int8")
    assert titles(text) == ["Models", "Pipeline", "Live"]
    assert "first event s" in text


def test_on_a_narrow_terminal_fewer_columns_are_shown_and_none_is_cut() -> None:
    assert "first event s" not in printed(100)
    assert "…" not in printed(100)


def test_a_part_that_was_not_measured_has_no_table() -> None:
    assert titles(printed(220, result(live=[]))) == ["Models", "Pipeline"]


def test_ratios_are_shown_with_their_spread_where_there_are_several_rounds() -> None:
    text = printed(220)
    assert "4.00 (3.60-4.40)" in text
    assert "1.00 (" not in printed(220, result(models=[]))


def test_float32_against_int8_is_told_in_one_sentence() -> None:
    told = headline(result())
    assert told.startswith("Quantized to int8, the shallow network is 4.0 times as fast")
    assert "3.6 to 4.4 in 3 rounds" in told
    assert "0.35 instead of 1.40 ms" in told
    assert "69.0% instead of 69.0% accuracy" in told
    assert ". " not in told


def test_without_both_the_fastest_is_told() -> None:
    rows = [model_row("mine", 2.0), model_row("other", 1.0)]
    assert headline(result(models=rows)).startswith("Fastest is other")


def test_without_models_the_fastest_pipeline_and_then_the_daemon_is_told() -> None:
    rows = [pipeline_row("one thread", 500.0), pipeline_row("threads", 800.0)]
    assert "800 frames a second" in headline(result(models=[], pipeline=rows))
    assert "10.0 % of one core" in headline(result(models=[], pipeline=[], live=[live_row()]))
    assert headline(result(models=[], pipeline=[], live=[])) == "Nothing could be measured."


def test_the_machine_is_told_with_what_held_it_back_and_what_was_not_measured() -> None:
    hot = type(NOW)(temperature=82.0, throttling=("it is throttled now",), governor=None, mhz=None)
    told = "\n".join(
        machine_lines(machine(after=hot, noise=("others were busy",), not_measured={"x": "gone"}))
    )
    assert "Raspberry Pi 4 Model B: 4 x A processor (aarch64 with asimddp)" in told
    assert "before: 51 °C, governor ondemand, 1500 MHz, no throttling known" in told
    assert "after: 82 °C, governor unknown, it is throttled now" in told
    assert "NOISY: others were busy" in told
    assert "not measured: x: gone" in told


def test_what_became_slower_comes_first_and_beyond_the_limit() -> None:
    new = result(models=[model_row("shallow-float32", 1.4), model_row("shallow-int8", 0.7)])
    changes = compare(new, result())
    assert changes[0].name.startswith("shallow-int8")
    assert changes[0].normalized == pytest.approx(2.0)
    assert [change.normalized for change in changes[1:]] == pytest.approx([1.0] * 4)
    assert "TOO SLOW" in format_change(changes[0], 1.25)
    assert "TOO SLOW" not in format_change(changes[1], 1.25)


def test_a_machine_that_is_slower_by_its_reference_is_forgiven() -> None:
    new = result(machine=machine(reference_ms=20.0), models=[model_row("shallow-int8", 0.7)])
    (change,) = [one for one in compare(new, result()) if "int8, litert" in one.name]
    assert (change.measured, change.normalized) == pytest.approx((2.0, 1.0))


def test_fewer_frames_a_second_are_slower_and_rows_that_one_lacks_are_left_out() -> None:
    new = result(models=[], live=[], pipeline=[pipeline_row("threads", 400.0)])
    (change,) = compare(new, result())
    assert change.measured == pytest.approx(2.0)


def test_results_of_cpus_with_other_features_are_not_compared() -> None:
    plain, fast = (result(machine=machine(features=names)) for names in (("avx2",), ("vnni",)))
    assert find_comparable(plain, [fast, plain]) is plain
    assert find_comparable(plain, [fast]) is None


def test_accuracy_and_stages_are_drawn() -> None:
    image = cv2.imdecode(np.frombuffer(plot(result()), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[1] > 1000
    colors = {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}
    assert {(0xB2, 0x72, 0x00), (0x00, 0x9F, 0xE6), (0xE9, 0xB4, 0x56)} <= colors


def test_what_was_not_measured_leaves_its_half_empty() -> None:
    assert plot(result(models=[], pipeline=[])).startswith(b"\x89PNG")
