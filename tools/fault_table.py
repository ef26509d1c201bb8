"""`python -m tools.fault_table`: writes the tables of docs/research/faults.md from tests/faults.

Each row comes from the test that shows it (`tests.faults.fault`); what stands outside the tables is
written by hand.
"""

import sys
from pathlib import Path

from tests.faults import PARTS, collect_faults
from tools.model_tables.markdown import table

PAGE = Path(__file__).parents[1] / "docs" / "research" / "faults.md"

BEGIN = "<!-- From here on made by `python -m tools.fault_table` -->\n"
END = "<!-- End of what is made -->\n"

HEAD = ["fault", "what a user sees", "recovery", "lost", "duplicated", "test"]


def fault_tables() -> str:
    """Return a table for each part that has tests."""
    faults = collect_faults()
    text = ""
    for part in PARTS:
        rows = [row for row in faults if row.part == part]
        if not rows:
            continue
        cells = []
        for row in rows:
            name = row.test.rpartition(".")[2]
            link = f"[{name.removeprefix('test_')}](../../tests/faults/{name}.py)"
            texts = (row.what, row.seen, row.recovery, row.lost, row.duplicated, link)
            cells.append([one.replace("|", r"\|") for one in texts])
        text += f"\n### {part.capitalize()}\n\n{table([HEAD, *cells])}"
    return f"{text}\n"


def fault_page(page: str) -> str:
    """Return the page with its tables made anew."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{fault_tables()}{END}{rest.partition(END)[2]}"


def main() -> int:
    """Write the page."""
    PAGE.write_text(fault_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
