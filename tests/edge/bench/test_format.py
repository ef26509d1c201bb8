import csv
import io

from rich.console import Console

from edge.bench.format import WIDE, comma_separated, grids, machine_lines, markdown, print_result
from tests.edge.bench.results import NOW, machine, result


def printed(width: int) -> str:
    text = io.StringIO()
    print_result(result(), Console(file=text, width=width))
    return text.getvalue()


def test_the_answer_stands_first_and_then_a_table_for_each_part() -> None:
    lines = printed(WIDE).splitlines()
    assert lines[0].startswith("Quantised to int8")
    assert [line.strip() for line in lines if line.strip() in {"Models", "Pipeline", "Live"}] == [
        "Models",
        "Pipeline",
        "Live",
    ]
    assert "first event s" in printed(WIDE)


def test_on_a_narrow_terminal_fewer_columns_are_shown_and_none_is_cut() -> None:
    assert "first event s" not in printed(100)
    assert "…" not in printed(100)


def test_a_part_that_was_not_measured_has_no_table() -> None:
    assert [grid.title for grid in grids(result(live=[]))] == ["Models", "Pipeline"]


def test_markdown_has_the_same_rows_with_as_many_cells_as_heads() -> None:
    rows = [line for line in markdown(result()).splitlines() if line.startswith("|")]
    assert len(rows) == 3 * 2 + 5
    tables = {row.count("|") for row in rows}
    assert tables == {len(grid.heads) + 1 for grid in grids(result())}


def test_csv_has_a_line_a_row_and_the_columns_of_every_part() -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(result()))))
    assert [row["part"] for row in rows] == ["models"] * 2 + ["pipeline"] * 2 + ["live"]
    assert rows[1]["p50_ms"] == "0.35"
    assert rows[2]["fps"] == "500.0"
    assert rows[4]["cpu_percent"] == "10.0"
    assert rows[0]["fps"] == ""


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
