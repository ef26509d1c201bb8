"""`emotiond config` and `completion`: settings shown and begun, and words for a shell."""

import argparse
import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from edge import __version__
from edge.commands.common import STDOUT, add_config, add_subcommand, output_path, write_output
from edge.config import load_config, parse_config, parse_config_file
from edge.config_values import parse_yaml, read_config, rename_keys
from edge.errors import ConfigError, EmotiondError, ExitCode
from edge.publish import MqttSettings, expand_sink
from edge.terminal import print_line, print_note

log = logging.getLogger(__name__)

QUESTIONS = {  # of `config init`, by the option that answers, and what an empty line answers
    "source": ("camera (0), address (rtsp://...), video or folder of images", "0"),
    "mqtt": ("MQTT broker, such as mqtt://user@host, or none", "mqtt://localhost"),
    "device": ("name of this device in MQTT topics", MqttSettings().name),
    "web": ("web page on this machine: yes or no", "no"),
}

COMMENTS = {
    "source": "What is watched.",
    "sinks": "Where events go. A user's password: {file: ...}, {env: ...} or {credential: ...}.",
    "web": "The page is http://127.0.0.1:8080, for this machine alone.",
}


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `config`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", help="what to do")
    text = "print all settings that hold, with the defaults and the environment, without secrets"
    add_config(add_subcommand(actions, "show", config, text))
    text = "rename keys of an earlier release in the file; the file before is kept beside it"
    add_config(add_subcommand(actions, "migrate", migrate, text))
    text = "write a config of what differs from the defaults; what no option says is asked"
    init = add_subcommand(actions, "init", init_config, text)
    default, text = Path("emotiond.yaml"), "default: %(default)s"
    init.add_argument("file", type=output_path, nargs="?", default=default, help=text)
    for name, (question, answer) in QUESTIONS.items():
        bare: dict[str, Any] = {"nargs": "?", "const": "yes"} if name == "web" else {}
        init.add_argument(f"--{name}", help=f"{question}; default: {answer}", **bare)
    init.add_argument("--force", action="store_true", help="overwrite the file")


def config(options: argparse.Namespace) -> ExitCode:
    """Print the config as it holds, as YAML."""
    shown = load_config(options.config).redacted()
    for line in yaml.safe_dump(shown, sort_keys=False, allow_unicode=True).splitlines():
        print_line(line)
    return ExitCode.OK


def migrate(options: argparse.Namespace) -> ExitCode:
    """Rename keys of an earlier release in the file; the file before stays beside it."""
    path = options.config.resolve()
    before = read_config(path)
    parse_yaml(before, path)
    text, renamed = rename_keys(before)
    if renamed:
        parse_config_file(text, path)
        backup = path.with_name(f"{path.name}.before-{__version__}")
        write_output(backup, before)
        write_output(path, text)
        log.warning("%s: %s; the file before is %s", path, ", ".join(renamed), backup)
    return ExitCode.OK


def init_config(options: argparse.Namespace) -> ExitCode:
    """Ask, and write the file whole or not at all."""
    path: Path = options.file
    if path != STDOUT and not options.force and (path.exists() or path.is_symlink()):
        raise EmotiondError(f"{path}: exists already; --force overwrites it")
    data: dict[str, Any] = {}
    for name, (question, default) in QUESTIONS.items():
        while True:
            answer = getattr(options, name)
            asked = answer is None and sys.stdin.isatty()
            if asked:
                print_note(f"{question} [{default}]:")
                answer = sys.stdin.readline().strip()
            try:
                changed = _with_answer(data, name, answer or default)
                parse_config(changed, path.absolute())
            except ConfigError as error:
                if not asked:
                    raise
                print_note(str(error))
            else:
                data = changed
                break
    lines = ["# What differs from the defaults; docs/configuration.md lists every key.\n"]
    for key, value in data.items():
        lines.append(f"\n# {COMMENTS[key]}\n{yaml.safe_dump({key: value}, sort_keys=False)}")
    write_output(path, "".join(lines).encode(), private=False)  # a service is another user
    if path != STDOUT:
        print_line(f"{path}: written; `emotiond run --config {path}` starts with it")
    return ExitCode.OK


def _with_answer(data: dict[str, Any], name: str, answer: str) -> dict[str, Any]:
    """Return a config's plain values with an answer, where that is not the default."""
    if answer == QUESTIONS[name][1]:
        return data
    sinks = data.get("sinks", [{"kind": "mqtt"}])
    match name:
        case "source":
            path = Path(answer)
            known = int(answer) if answer.isdecimal() else answer
            return {"source": str(path.absolute()) if path.exists() else known}
        case "mqtt":
            return data | {"sinks": [] if answer == "none" else [expand_sink(answer)]}
        case "device":
            return data | {"sinks": [one | {"device": answer} for one in sinks]}
        case _:
            if answer != "yes":
                raise ConfigError(f"--{name}: expected yes or no, found {answer!r}")
            return data | {name: {"enabled": True}}


def add_completion_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one argument of `completion`."""
    parser.add_argument("shell", choices=["bash"], help="the shell")


def completion(options: argparse.Namespace) -> ExitCode:
    """Print what lets bash complete commands, options and their choices."""
    from edge.cli import COMMANDS

    cases = []
    for name, (module, _) in COMMANDS.items():
        parser = argparse.ArgumentParser()
        getattr(importlib.import_module(f"edge.commands.{module}"), f"add_{name}_arguments")(parser)
        flags, words = "", ""
        for action in _actions(parser):
            choices = " ".join(map(str, action.choices or ()))
            for one in action.option_strings:
                flags += f" {one}"
                cases += [f"'{name} {one}') words='{choices}';;"] if choices else []
            words += "" if action.option_strings else f" {choices}"
        cases.append(f"'{name} '*) words='{words}' options='{flags}';;")
    script = Path(__file__).with_name("completion.bash").read_text(encoding="utf-8")
    script = script.replace("CASES", "\n        ".join(cases)).replace("NAMES", " ".join(COMMANDS))
    for line in script.splitlines():
        print_line(line)
    return ExitCode.OK


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser, and of the parsers of its actions."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from _actions(one)
