"""The runtimes of TFLite models: which are installed, and whether the chosen one can be used."""

import importlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from edge.doctor.result import CheckResult, Level
from edge.tflite import MODULES, PACKAGES, Runtime

SUBJECT = "runtime"


def examine_runtime(chosen: Runtime) -> Iterator[CheckResult]:
    """Say which runtimes are installed, and whether the one that the config asks for works."""
    try:
        importlib.import_module(MODULES[chosen])
    except ImportError as error:
        text = f"the runtime {chosen} cannot be loaded: {' '.join(str(error).split())}"
        yield CheckResult(
            Level.FAILURE, SUBJECT, text, f"pip install {PACKAGES[chosen]}; {_others()}"
        )
    else:
        yield CheckResult(Level.OK, SUBJECT, f"{chosen} can be loaded; {_others()}")


def _others() -> str:
    found = [f"{package} {_version(package)}" for package in PACKAGES.values()]
    return f"installed are {', '.join(found)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not"
