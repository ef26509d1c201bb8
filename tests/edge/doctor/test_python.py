import sys
import tomllib

from edge.doctor.python import OLDEST, examine_python
from edge.doctor.result import Level
from tests.conftest import ROOT
from tests.edge.doctor.findings import only


def test_the_python_of_these_tests_is_ok_and_named() -> None:
    finding = only(examine_python())
    assert finding.level is Level.OK
    assert sys.executable in finding.text


def test_the_oldest_that_is_supported_is_the_one_that_pip_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"


def test_an_older_one_is_a_failure() -> None:
    finding = only(examine_python(version=(3, 10)))
    assert finding.level is Level.FAILURE
    assert "3.10" in finding.text
    assert finding.remedy == "install Python 3.11 or later"


def test_one_of_32_bits_is_a_failure_whatever_the_processor_is() -> None:
    finding = only(examine_python(widest=2**31 - 1))
    assert finding.level is Level.FAILURE
    assert "of 32 bits" in finding.text
    assert "install the 64-bit system" in str(finding)
