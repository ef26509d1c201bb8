"""A value out of its bounds is refused with the bound."""

from pathlib import Path
from typing import Any

import pytest

from edge.config import parse_config
from edge.errors import ConfigError

HERE = Path("/etc/emotiond/emotiond.yaml")


def refusal(data: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, HERE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tracker": {"max_age_s": 0.0}}, "tracker.max_age_s: expected a number >= 0.2, found 0.0"),
        ({"detector": {"kind": "haar", "scale_factor": 1.005}}, "scale_factor: expected a number >= 1.01, found 1.005"),
        ({"source": {"kind": "camera", "device": 300}}, "source.device: expected a whole number <= 255, found 300"),
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_told_the_bound(data: Any, message: str) -> None:
    assert message in refusal(data)
