"""What holds for every finding, whoever makes it."""

from collections.abc import Iterator

from edge.doctor.result import CheckResult, Level


def listed(findings: Iterator[CheckResult]) -> list[CheckResult]:
    """Return the findings: each is one line, and one that is not ok says what to do."""
    made = list(findings)
    for finding in made:
        assert (finding.remedy is None) == (finding.level is Level.OK), finding
        assert "\n" not in str(finding)
    return made


def only(findings: Iterator[CheckResult]) -> CheckResult:
    """Return the one finding there is."""
    (finding,) = listed(findings)
    return finding
