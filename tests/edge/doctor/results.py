"""What holds for every check result, whichever check made it."""

from collections.abc import Iterator

from edge.errors import CheckResult, Level


def listed(results: Iterator[CheckResult]) -> list[CheckResult]:
    """Return the results: each is one line, and one that is not ok says what to do."""
    made = list(results)
    for result in made:
        assert (result.remedy is None) == (result.level is Level.OK), result
        assert "\n" not in str(result)
    return made


def only(results: Iterator[CheckResult]) -> CheckResult:
    """Return the one result there is."""
    (result,) = listed(results)
    return result
