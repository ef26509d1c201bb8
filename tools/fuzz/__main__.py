"""Fuzz what comes from outside: `python -m tools.fuzz`; exits with 1 where something was found."""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import cv2

from tools.fuzz.http import fuzz_http
from tools.fuzz.mutation import mutate
from tools.fuzz.sandbox import Verdict, run_case
from tools.fuzz.targets import KINDS, Target

PROBLEMS = ("signal", "traceback", "too much memory", "too slow")


def main() -> int:
    """Run the chosen kinds and print a table."""
    options = _options()
    cv2.setNumThreads(1)  # a thread does not survive a fork
    print("| kind | cases | seconds | signals | tracebacks | memory | time |")
    print("|---|---|---|---|---|---|---|")
    found = 0
    with tempfile.TemporaryDirectory() as state:
        os.environ["STATE_DIRECTORY"] = state  # where models that were tried are remembered
        for kind in options.kind or [*KINDS, "http"]:
            counts = _fuzz(kind, options)
            found += sum(counts[problem] for problem in PROBLEMS)
            cells = [kind, counts["cases"], counts["seconds"], *(counts[name] for name in PROBLEMS)]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument(
        "--kind", action="append", choices=[*KINDS, "http"], help="repeatable; default: all"
    )
    parser.add_argument("--cases", type=int, default=10_000, help="of each kind; %(default)s")
    parser.add_argument("--seconds", type=float, default=1e9, help="for each kind at most")
    parser.add_argument("--seed", type=int, default=1, help="repeats a run; %(default)s")
    parser.add_argument("--out", type=Path, help="folder for the inputs that did harm")
    return parser.parse_args()


def _fuzz(kind: str, options: argparse.Namespace) -> Counter[str]:
    """Run one kind; keep what did harm; return how often what happened."""
    rng = random.Random(f"{kind} {options.seed}")
    started = time.monotonic()
    until = started + options.seconds
    if kind == "http":
        outcomes = fuzz_http(options.cases, rng, until)
    else:
        outcomes = _fuzz_files(KINDS[kind](), options.cases, rng, until)
    counts: Counter[str] = Counter()
    details: set[str] = set()
    for case, verdict in outcomes:
        counts["cases"] += 1
        if not verdict.problem:
            continue
        counts[next(name for name in PROBLEMS if verdict.problem.startswith(name))] += 1
        last = verdict.detail.strip().rpartition("\n")[2][:200]
        if last not in details:
            details.add(last)
            print(
                f"{kind}: {verdict.problem}: {last}{_keep(kind, case, options.out)}",
                file=sys.stderr,
            )
    counts["seconds"] = round(time.monotonic() - started)
    return counts


def _fuzz_files(
    target: Target, cases: int, rng: random.Random, until: float
) -> Iterator[tuple[bytes, Verdict]]:
    for case in target.samples:  # what is sound must be taken
        yield case, run_case(partial(target.run, case), target.sound)
    for _ in range(cases):
        if time.monotonic() > until:
            return
        case = mutate(target.samples, rng)
        yield case, run_case(partial(target.run, case), target.expected)


def _keep(kind: str, case: bytes, folder: Path | None) -> str:
    """Write an input for whoever mends it; return where, in words."""
    if folder is None:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{sha256(case).hexdigest()[:12]}"
    path.write_bytes(case)
    return f" ({path})"


if __name__ == "__main__":
    sys.exit(main())
