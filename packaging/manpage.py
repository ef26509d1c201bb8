"""The manual page emotiond(1), written from the parser of the command line."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from environment import ROOT, commit_time

sys.path.insert(0, str(ROOT))

from edge import __version__
from edge.cli import COMMANDS, GROUPS, _parser
from edge.errors import ExitCode
from edge.paths import asset

FILES = {
    "/etc/emotiond/emotiond.yaml": "config of emotiond.service",
    "/etc/emotiond/NAME.yaml": "config of the instance emotiond@NAME.service",
    "/var/lib/emotiond": "what outlives a restart",
}


def manual_page() -> str:
    """Return the page as roff."""
    day = datetime.fromtimestamp(commit_time(), UTC).date()
    parser = _parser([])
    lines = [
        f'.TH EMOTIOND 1 "{day}" "emotiond {__version__}" "User Commands"',
        *(".SH NAME", r"emotiond \- facial expressions over MQTT"),
        *(".SH SYNOPSIS", r".B emotiond", r".I COMMAND", r"[\fIoptions\fR]"),
        *(".SH DESCRIPTION", escape(parser.description or "")),
    ]
    for group, commands in GROUPS.items():
        lines.append(f'.SH "COMMANDS: {group.upper()}"')
        for name in commands:
            lines += _command(name)
    lines += [".SH FILES", *_terms(FILES.items())]
    codes = ((str(int(code)), code.name.lower()) for code in ExitCode)
    page = "\n".join([*lines, ".SH EXIT STATUS", *_terms(codes)]) + "\n"
    return page.replace(escape(str(asset("config"))), "/etc/emotiond")


def _command(name: str) -> Iterator[str]:
    """Yield the section of one command: what it does, its arguments and options."""
    (commands,) = (a for a in _parser([name])._actions if isinstance(a.choices, dict))
    parser: argparse.ArgumentParser = commands.choices[name]  # type: ignore[index]
    yield f".SS emotiond {name}"
    yield escape(COMMANDS[name][1])
    for action in parser._actions:
        if action.dest == "help" or action.help == argparse.SUPPRESS:
            continue
        formatter = parser._get_formatter()
        yield from _terms(
            [(formatter._format_action_invocation(action), formatter._expand_help(action))]
        )


def _terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in pairs:
        yield from (".TP", rf"\fB{escape(term)}\fR", escape(text))


def escape(text: str) -> str:
    """Return text as roff takes it."""
    lines = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-").splitlines()
    return "\n".join(rf"\&{line}" if line[:1] in {".", "'"} else line for line in lines)


if __name__ == "__main__":
    sys.stdout.write(manual_page())
