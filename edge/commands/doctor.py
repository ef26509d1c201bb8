"""`emotiond doctor`: what works here, what does not, and what to do about it."""

import argparse

import msgspec

from edge.commands.common import add_config
from edge.doctor.checks import run_checks
from edge.errors import CheckResult, ExitCode, Level


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead")


def doctor(options: argparse.Namespace) -> ExitCode:
    """Print every check's result; fail where a check failed."""
    results: list[CheckResult] = []
    for result in run_checks(options.config):
        results.append(result)
        if not options.json:
            print(result, flush=True)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(results)).decode())
    failed = any(result.level is Level.FAILURE for result in results)
    return ExitCode.FAULT if failed else ExitCode.OK
