import argparse
from pathlib import Path

import pytest

from edge.commands.common import number
from edge.commands.files import unique_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([], []),
        (["a.jpg", "b.png"], ["a", "b"]),
        (["x/a.jpg", "y/a.jpg", "z/a.png"], ["a", "a-2", "a-3"]),
        (["x/a.jpg", "a-2.jpg", "y/a.jpg"], ["a", "a-2", "a-3"]),
        (["x/a.jpg", "y/a.jpg", "a-2.jpg"], ["a", "a-2", "a-2-2"]),
    ],
)
def test_each_path_has_a_name_of_its_own(paths: list[str], names: list[str]) -> None:
    assert unique_names([Path(path) for path in paths]) == names


@pytest.mark.parametrize("text", ["0", "-3", "long", "nan", "inf", "1e400"])
def test_a_number_that_is_not_finite_and_above_0_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"above 0, found {text!r}"):
        number(text)


def test_a_number_may_have_a_maximum_which_the_refusal_names() -> None:
    assert number("3600", maximum=3600) == 3600
    with pytest.raises(argparse.ArgumentTypeError, match="above 0, at most 3600, found '3601'"):
        number("3601", maximum=3600)
