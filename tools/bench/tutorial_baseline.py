"""`python -m tools.bench.tutorial_baseline`: the daemon's pipeline beside the loop of tutorials.

Each measurement is a process of its own; they take turns.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from edge.bench.measurement import Request, run_interleaved
from edge.bench.model_bench import DEFAULT_MODEL
from edge.bench.pipeline_bench import pipeline_requests
from edge.commands.demo import CLIP
from tools.bench.tutorial_loop import BaselineResult, measure_baseline


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=150, help="of the loop; the pipeline's twice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--detector", default="builtin", help="of the pipeline")
    options = parser.parse_args(arguments)
    baseline = Request("tutorial loop", measure_baseline, (options.frames,))
    files, frames = [Path(DEFAULT_MODEL)], 2 * options.frames
    with tempfile.TemporaryDirectory() as folder:
        pipeline = pipeline_requests(files, [options.detector], CLIP, Path(folder), frames)[0]
        measured = run_interleaved([baseline, pipeline], options.rounds)
    if measured.failures:
        sys.exit("; ".join(f"{name}: {why}" for name, why in measured.failures.items()))
    loops: list[BaselineResult] = measured.results[0]
    stages = ", ".join(f"{name} {value:.2f}" for name, value in loops[0].stages.items())
    print(f"tutorial loop: {median(one.fps for one in loops):.0f} frames a second ({stages} ms)")
    for place, mode in enumerate(("one thread", "threads")):
        speeds = [rows[place].fps for rows in measured.results[1]]
        ratios = [fps / loop.fps for fps, loop in zip(speeds, loops, strict=True)]
        print(
            f"{options.detector} + {DEFAULT_MODEL}, {mode}: {median(speeds):.0f} frames a second, "
            f"{median(ratios):.1f} times ({min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    main()
