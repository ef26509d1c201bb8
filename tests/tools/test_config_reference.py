"""docs/configuration.md has every key of the config, as the settings have it."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from edge.config import Config, parse_config
from edge.service.settings import descriptions
from tests.conftest import ROOT
from tools.config_reference import config_page, main, read_comments

PAGE = ROOT / "docs" / "configuration.md"


def rows(text: str) -> dict[tuple[str, str], list[str]]:
    """Return the cells of each row, by its section and key."""
    found = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ").strip("`")
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`"):
            found[section, cells[0].strip("`")] = cells[1:]
    return found


def test_the_page_is_what_the_settings_say_now() -> None:
    assert PAGE.read_text() == config_page(), "run `python -m tools.config_reference`"


def test_every_key_is_explained() -> None:
    found = rows(PAGE.read_text())
    assert len(found) > 80
    assert [place for place, (*_, meaning) in found.items() if not meaning] == []


def test_every_key_of_the_default_config_has_its_row_and_its_default() -> None:
    found = rows(PAGE.read_text())
    for name, section in msgspec.to_builtins(Config(), enc_hook=str).items():
        if not isinstance(section, dict | list | tuple):
            assert ("Other keys", name) in found
            continue
        for one in [section] if isinstance(section, dict) else section:
            kind = one.pop("kind", None)
            place = name if kind is None else f"{name}: {kind}"
            for key, value in one.items():
                shown = found[place, key][1].strip("`")
                if isinstance(value, str | int) and not isinstance(value, bool):
                    assert shown == str(value), (place, key)


def test_what_the_page_gives_as_default_can_be_written_in_a_config() -> None:
    for (section, key), (_, default, _) in rows(PAGE.read_text()).items():
        name, _, kind = section.partition(": ")
        if name in Config.__struct_fields__ and name != "sinks" and default != "required":
            value = yaml.safe_load(default.strip("`"))
            filled = {"kind": kind, **required(kind)} if kind else {}
            parse_config({name: {**filled, key: value}}, PAGE)


def required(kind: str) -> dict[str, str]:
    """Return the keys without a default, of a kind of source."""
    if kind == "stream":
        return {"url": "rtsp://camera.local/live"}
    return {"path": "video.mp4"} if kind in {"video", "images"} else {}


def test_a_key_is_explained_by_its_docstring_or_else_by_the_example() -> None:
    class Settings:
        """Settings.

        Attributes:
            first, second: what both
                are for.
            third: its own.
        """

    both = {"first": "what both are for.", "second": "what both are for."}
    assert descriptions(Settings) == {**both, "third": "its own."}
    text = (
        "web:\n  port: 80  # where\n                    # it listens\n# source:\n#   kind: video\n"
    )
    assert read_comments(f"{text}#   path: x  # a file\n") == {
        ("web", "port"): "where it listens",
        ("video", "path"): "a file",
    }


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text().startswith("# Configuration")
    assert "wrote" in capsys.readouterr().out
