import io
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from rich.console import Console

from edge.bench.report import (
    Result,
    compare,
    find_comparable,
    headline,
    machine_lines,
    plot,
    read_result,
    tables,
)
from edge.errors import EmotiondError
from tests.edge.bench.results import machine, model_row, pipeline_row, result


def printed(shown: Result) -> str:
    text = io.StringIO()
    for table, note in tables(shown):
        Console(file=text, width=200).print(table)
        text.write(f"{note}\n")
    return text.getvalue()


def titles(text: str) -> list[str]:
    known = {"Models", "Pipeline", "Live"}
    return [line.strip() for line in text.splitlines() if line.strip() in known]


def test_each_part_that_was_measured_has_a_table() -> None:
    assert titles(printed(result())) == ["Models", "Pipeline", "Live"]
    assert titles(printed(result(live=[]))) == ["Models", "Pipeline"]


def test_a_table_has_a_line_for_each_row_with_the_figures_that_matter_most() -> None:
    lines = [line.split() for line in printed(result()).splitlines()]
    assert ["shallow-int8", "litert", "0.690", "0.680", "0.350", "0.385", "4.00"] in [
        line[:7] for line in lines
    ]
    assert ["auto", "nobody", "30.0", "0", "3.00", "10.0", "100"] in lines


def test_ratios_are_shown_with_their_spread_and_what_they_are_to() -> None:
    text = printed(result(pipeline=[]))
    assert "4.00 (3.60-4.40)" in text
    assert "times: as fast as shallow-float32, litert" in text


def test_float32_against_int8_is_told_in_one_sentence() -> None:
    told = str(headline(result()))
    assert told.startswith("Quantized to int8, the shallow network is 4.0 times as fast")
    assert "3.6 to 4.4 in 3 rounds" in told
    assert "0.35 instead of 1.40 ms" in told
    assert "69.0% instead of 69.0% accuracy" in told
    assert ". " not in told


def test_without_both_there_is_no_sentence() -> None:
    assert headline(result(models=[model_row("shallow-int8", 2.0)])) is None


def test_the_machine_is_told_with_what_held_it_back_and_what_was_not_measured() -> None:
    told = "\n".join(
        machine_lines(
            machine(
                temperature=82.0,
                throttling=("it is throttled now",),
                noise=("others were busy",),
                not_measured={"x": "gone"},
            )
        )
    )
    assert "Raspberry Pi 4 Model B: 4 x A processor (aarch64 with asimddp)" in told
    assert "82 °C, it is throttled now" in told
    assert "NOISY: others were busy" in told
    assert "not measured: x: gone" in told


def test_what_became_slower_comes_first() -> None:
    new = result(models=[model_row("shallow-float32", 1.4), model_row("shallow-int8", 0.7)])
    changes = compare(new, result())
    assert changes[0].name.startswith("shallow-int8")
    assert changes[0].normalized == pytest.approx(2.0)
    assert [change.normalized for change in changes[1:]] == pytest.approx([1.0] * 4)


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


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_bytes(msgspec.json.encode(result()))
    assert read_result(tmp_path / "old.json") == result()


def test_its_top_keys_are_the_machine_and_the_three_parts() -> None:
    told = msgspec.json.decode(msgspec.json.encode(result()))
    assert list(told) == ["machine", "models", "pipeline", "live"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"machine": 3}'])
def test_what_is_no_result_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "old.json").write_bytes(content)
    with pytest.raises(EmotiondError, match="is not what"):
        read_result(tmp_path / "old.json")


def test_a_result_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="cannot be read"):
        read_result(tmp_path / "old.json")


def test_rows_that_differ_have_different_names() -> None:
    names = [row.name for row in result().rows]
    assert len(set(names)) == len(names) == 5
