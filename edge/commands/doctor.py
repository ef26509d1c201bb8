"""`emotiond doctor`: what works here, what does not, and what to do about it."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.common import add_subcommand
from edge.commands.options import add_config
from edge.doctor.result import CheckResult, Level
from edge.doctor.runner import run_checks
from edge.errors import ExitCode


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "look at this machine and what the config needs: what is wrong, and what to do about it"
    parser = add_subcommand(commands, "doctor", _run, text)
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead")


def _run(options: argparse.Namespace) -> ExitCode:
    show = _print_json if options.json else _print_lines
    findings = show(options.config)
    failed = any(finding.level is Level.FAILURE for finding in findings)
    return ExitCode.FAULT if failed else ExitCode.OK


def _print_lines(config: Path) -> list[CheckResult]:
    findings = []
    for finding in run_checks(config):
        print(finding, flush=True)
        findings.append(finding)
    return findings


def _print_json(config: Path) -> list[CheckResult]:
    findings = list(run_checks(config))
    print(msgspec.json.format(msgspec.json.encode(findings)).decode())
    return findings
