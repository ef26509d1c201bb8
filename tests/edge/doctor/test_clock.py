import errno
from datetime import UTC, datetime

import pytest

from edge.doctor.clock import UNKNOWN_ERROR, examine_clock, kernel_error
from edge.doctor.result import CheckResult, Level
from tests.edge.doctor.findings import only


def found(error: float, year: int = 2027) -> CheckResult:
    moment = datetime(year, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp()
    return only(examine_clock(error=lambda: error, now=lambda: moment))


def test_a_clock_that_is_kept_right_is_ok() -> None:
    finding = found(error=0.02)
    assert (finding.level, finding.text) == (Level.OK, "2027-03-04 05:06:07 UTC, kept right")


def test_one_that_nothing_keeps_right_is_a_warning() -> None:
    finding = found(error=16.0)
    assert finding.level is Level.WARNING
    assert "timedatectl set-ntp true" in str(finding.remedy)


def test_a_year_that_is_past_is_a_warning_whatever_the_kernel_holds() -> None:
    finding = found(error=0.02, year=1970)
    assert finding.level is Level.WARNING
    assert "1970-03-04 05:06:07 UTC is long past" in finding.text


def test_a_kernel_that_does_not_say_is_no_reason_to_worry() -> None:
    def refuse() -> float:
        raise OSError(errno.EPERM, "Operation not permitted")

    finding = only(examine_clock(error=refuse, now=lambda: 1.9e9))
    assert finding.level is Level.OK
    assert "does not say" in finding.text


def test_the_kernel_of_this_machine_answers_within_its_own_bounds() -> None:
    try:
        error = kernel_error()
    except PermissionError:
        pytest.skip("this container forbids the call")
    assert 0 < error <= UNKNOWN_ERROR
