"""The help of both programs: complete, grouped, and in the words of the documents."""

import re

import pytest

import edge.cli
from tests.docs.test_names import PROGRAMS, help_of

FORBIDDEN = re.compile(r"\b(film|picture|processor|grey)s?\b", re.IGNORECASE)


def commands_of(program: str) -> list[tuple[str, ...]]:
    """Return every command of a program, and of one with actions each action."""
    commands = re.findall(r"^    (\S+) ", help_of(program), re.MULTILINE)
    assert len(commands) > 5
    found: list[tuple[str, ...]] = []
    for command in commands:
        text = help_of(program, command)
        actions = re.findall(r"^    (\S+) ", text, re.MULTILINE) if "ACTION" in text else []
        found += [(command,), *((command, action) for action in actions)]
    return found


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each option and its help stand on one line."""
    monkeypatch.setenv("COLUMNS", "500")
    help_of.cache_clear()


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_and_every_option_has_a_help_text(program: str) -> None:
    for command in commands_of(program):
        lines = help_of(program, *command).splitlines()
        assert re.match(r"\w", lines[2]), command  # after the usage: what it does
        entries = [line for line in lines if re.match(r"  [-\w{]", line)]
        assert entries[-1:] != [], command
        bare = []
        for number, line in enumerate(lines):
            after = lines[number + 1] if number + 1 < len(lines) else ""
            if re.match(r"  [-\w{]", line) and not re.match(r"  \S.*\S {2,}\S", line):
                bare += [] if re.match(r" {8,}\S", after) else [line]
        assert bare == [], command


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_says_image_video_cpu_and_gray(program: str) -> None:
    for command in ((), *commands_of(program)):
        assert FORBIDDEN.findall(help_of(program, *command)) == [], command


def test_the_help_groups_the_commands_of_the_daemon() -> None:
    text = help_of("emotiond")
    places = [text.index(f"\n{group}:\n") for group in ("run", "files", "service", "models")]
    assert places == sorted(places)
    assert text.index("\n    video ") > places[1]
    assert text.index("\n    doctor ") > places[2]


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.cli.main([]) == 2
    assert "\nservice:\n    check " in capsys.readouterr().out
