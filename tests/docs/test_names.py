"""Commands, options and config keys that the pages for users name are those of the program.

Reports under docs/research are dated, and keep what was typed then.
"""

import io
import re
from contextlib import redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import converter.cli
import edge.cli
from edge.config import Config, parse_config
from edge.config_values import parse_yaml
from edge.publish import MqttSettings
from tests.conftest import ROOT
from tests.docs.pages import USER_PAGES, blocks

PROGRAMS = {"emotiond": edge.cli.main, "emotiond-convert": converter.cli.main}
SECTIONS = Config.__struct_fields__
MQTT_KEYS = set(MqttSettings.__struct_fields__) - {
    "device",
    "path",
    "user",
    "password",
}  # sources' too


def code(page: Path) -> list[str]:
    """Return the lines of blocks of code, and what stands between backticks in the prose."""
    text = page.read_text()
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    (.*)$", prose, re.MULTILINE)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    return [*"\n".join(fenced).splitlines(), *indented, *spans]


@cache
def help_of(program: str, *words: str) -> str:
    """Return the help of a subcommand, which must be one that the program has."""
    text = io.StringIO()
    with redirect_stdout(text), pytest.raises(SystemExit) as end:
        PROGRAMS[program]([*words, "--help"])
    assert end.value.code == 0, (program, *words)
    return text.getvalue()


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_command_and_option_of_a_document_exists(page: Path) -> None:
    for line in code(page):
        shown = re.match(r"(?:sudo )?(?:[\w./]*/)?(emotiond(?:-convert)?) ([a-z].*)", line)
        if shown is None:
            continue
        program, arguments = shown[1], re.split(r"\s[#|&>]", shown[2])[0].split()
        text = help_of(program, arguments[0])
        if "ACTION" in text:  # it has subcommands of its own
            text = help_of(program, *arguments[:2])
        for option in (one.split("=")[0] for one in arguments if one.startswith("--")):
            assert re.search(rf"{option}\b", text), line


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_module_and_make_target_of_a_document_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in code(page):
        for module in re.findall(r"\bpython3? -m ([\w.]+)", line):
            assert find_spec(module), line
        for target in re.findall(r"^make ([a-z][a-z0-9-]*)", line):
            assert target in targets, line


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_config_in_a_document_can_be_read(page: Path) -> None:
    for text in blocks(page, "yaml"):
        parsed = parse_yaml(text, page)
        if any(key in SECTIONS for key in parsed):  # and not the config of another program
            parse_config(parsed, page)
            assert len(re.findall(r"^\w+:", text, re.MULTILINE)) == len(parsed), (
                "a key stands twice"
            )


def as_config(span: str) -> Any:
    """Return the config that a few words such as `web: {enabled: true}` are part of, if any."""
    if "..." in span or not re.match(rf"({'|'.join((*SECTIONS, *MQTT_KEYS))}): ", span):
        return None
    part = parse_yaml(span, Path("page"))
    return part if next(iter(part)) in SECTIONS else {"sinks": [{"kind": "mqtt", **part}]}


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_piece_of_a_config_in_a_document_can_be_read(page: Path) -> None:
    for span in code(page):
        if (config := as_config(span.split("  #")[0])) is not None:
            parse_config(config, page)


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_config_key_of_a_document_exists(page: Path) -> None:
    config = Config()
    for span in code(page):
        named = re.fullmatch(rf"({'|'.join(SECTIONS)})\.(\w+)", span)
        if named is not None and named[1] not in (
            "source",
            "detector",
            "sinks",
        ):  # these have kinds
            assert named[2] in getattr(config, named[1]).__struct_fields__, span


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_path_in_the_repository_that_a_page_names_is_there(page: Path) -> None:
    for span in code(page):
        path = re.fullmatch(r"(?:edge|converter|tools|tests|config|models|docs)/[\w./-]+", span)
        if path is not None and "NAME" not in span:
            assert (ROOT / span).exists(), span


def test_every_path_and_name_of_the_architecture_page_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    spans = {span for span in re.findall(r"`([^`\n]+)`", text) if "NAME" not in span}
    paths = {span for span in spans if "/" in span or (ROOT / span).exists()}
    assert [path for path in paths if not (ROOT / path).exists()] == []
    files = [ROOT / "emotiond.py", *(ROOT / "edge").rglob("*.py"), ROOT / "config/emotiond.yaml"]
    words = {word for file in files for word in re.findall(r"\w+", file.read_text())}
    names = {word for span in spans - paths for word in re.findall(r"\w+", span)}
    names |= set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", text))  # of classes, in the diagram too
    assert len(names) > 50
    assert names - words - {"TensorFlow"} == set()
