from importlib.util import find_spec

import pytest

from edge.doctor.result import Level
from edge.doctor.runtime import examine_runtime
from edge.tflite import Runtime
from tests.edge.doctor.findings import only


def test_one_that_is_installed_is_ok_with_its_version() -> None:
    finding = only(examine_runtime(Runtime.LITERT))
    assert finding.level is Level.OK
    assert "ai-edge-litert 2." in finding.text


@pytest.mark.skipif(find_spec("tflite_runtime") is not None, reason="tflite-runtime is installed")
def test_one_that_is_not_is_a_failure_that_says_which_are() -> None:
    finding = only(examine_runtime(Runtime.TFLITE_RUNTIME))
    assert finding.level is Level.FAILURE
    assert "No module named 'tflite_runtime'" in finding.text
    assert str(finding.remedy).startswith(
        "pip install tflite-runtime; installed are ai-edge-litert 2."
    )
