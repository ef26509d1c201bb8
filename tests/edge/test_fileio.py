from pathlib import Path

import pytest

from edge.paths import atomic_write


def test_a_file_is_written_over_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content in (b"first", b"second"):
        atomic_write(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_no_half_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        atomic_write(tmp_path / "taken", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
