from pathlib import Path

import pytest

from edge.commands.common import unique_names


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
