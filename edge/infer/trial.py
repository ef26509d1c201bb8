"""Trial run of a model in a child process: a damaged one may end the process that loads it."""

import logging
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from edge.errors import ModelError
from edge.paths import asset, sha256_of, state_directory
from edge.tflite import DELEGATE, MODULES, PACKAGES, Runtime

MAX_SECONDS = 120  # of a trial, on a slow SD card
MAX_BYTES = 500_000_000  # of memory beside the runtime; a damaged shape may ask for any number

PROGRAM = """
import importlib, json, resource, sys
import numpy
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
try:
    module = importlib.import_module(sys.argv[1])
    delegates = [module.load_delegate(*given) for given in json.loads(sys.argv[4])]
    with open("/proc/self/statm") as sizes:
        used = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]),) * 2)
    one = module.Interpreter(sys.argv[2], num_threads=1, experimental_delegates=delegates)
    one.allocate_tensors()
    for entry in one.get_input_details():
        one.set_tensor(entry["index"], numpy.zeros(entry["shape"], entry["dtype"]))
    one.invoke()
except Exception as error:
    print(" ".join(str(error).split())[:300] or type(error).__name__)
    sys.exit(1)
"""
"""Loads a model and runs it once on an image of zeros."""

log = logging.getLogger(__name__)


def try_model(path: Path, sha256: str, runtime: Runtime) -> None:
    """Run a .tflite in a child process, once ever, a shipped one with a delegate alone.

    A ModelError says how the child ended, a ConfigError why the delegate cannot be used.
    """
    settings, runner = DELEGATE.get(), str(runtime)
    given = []
    if settings.delegate:
        settings.find()
        given, runner = [(str(settings.delegate), settings.options)], f"{runtime} with its delegate"
    elif path.resolve().is_relative_to(asset("models").resolve()):
        return
    from importlib import metadata  # it takes 1 MB, and shipped models need none of it

    try:
        name = f"{sha256}-{PACKAGES[runtime]}-{metadata.version(PACKAGES[runtime])}"
    except metadata.PackageNotFoundError:  # whoever loads it is told how to install the runtime
        return
    delegates = msgspec.json.encode(given)
    if given:
        name += f"-{sha256_of(delegates)}"
    verdict = state_directory() / "tried-models" / name
    if verdict.exists():
        return
    log.info("%s: tried in a process of its own, once", path)
    command = [sys.executable, "-c", PROGRAM, MODULES[runtime], str(path), str(MAX_BYTES)]
    command.append(delegates.decode())
    try:
        child = subprocess.run(
            command, check=False, capture_output=True, errors="replace", timeout=MAX_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{path}: expected an answer within {MAX_SECONDS} s") from error
    if child.returncode < 0:
        text = f"{runner} ends with {signal.Signals(-child.returncode).name} when it is run"
        text = f"{text}; set runtime.delegate to null" if given else f"is damaged: {text}"
        raise ModelError(f"{path}: {text}")
    if child.returncode:
        settings.load(runtime)  # it may be the delegate that refuses
        reason = child.stdout.strip() or child.stderr.strip().rpartition("\n")[2]
        raise ModelError(f"{path}: is not a model that {runner} can run: {reason}")
    with suppress(OSError):  # it is tried again next time
        verdict.parent.mkdir(parents=True, exist_ok=True)
        verdict.touch()
