from pathlib import Path

import msgspec
import pytest

from edge.bench.schema import read_result
from edge.errors import EmotiondError
from tests.edge.bench.results import result


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_bytes(msgspec.json.encode(result()))
    assert read_result(tmp_path / "old.json") == result()


def test_its_top_keys_are_the_machine_and_the_three_parts() -> None:
    told = msgspec.json.decode(msgspec.json.encode(result()))
    assert list(told) == ["machine", "models", "pipeline", "live"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"machine": 3}'])
def test_what_is_no_result_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "old.json").write_bytes(content)
    with pytest.raises(EmotiondError, match="is not what"):
        read_result(tmp_path / "old.json")


def test_a_result_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="cannot be read"):
        read_result(tmp_path / "old.json")


def test_rows_that_differ_have_different_names() -> None:
    names = [row.name for row in result().rows]
    assert len(set(names)) == len(names) == 5
