"""The reports of the fleets' runs, told at the end of the test run."""

from collections.abc import Callable

import pytest

from tests.fleet.report import Report, table

REPORTS = pytest.StashKey[list[Report]]()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[Report], None]:
    """Keep a report for the end of the test run."""
    return request.config.stash.setdefault(REPORTS, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the table of the runs."""
    reports = terminalreporter.config.stash.get(REPORTS, [])
    if reports:
        terminalreporter.write_line(table(reports))
