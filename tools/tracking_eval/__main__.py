"""`python -m tools.tracking_eval FOLDER`: how well are faces found and tracked?

Every detector at hand looks at the labeled images and videos in FOLDER and at the built-in clip,
alone on every frame and as the daemon runs it. Milliseconds are CPU time on one thread.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2

from converter.detector.evaluate import (
    DetectorVariant,
    available_variants,
    parse_variant,
)
from edge.commands.demo import CLIP
from edge.config import Config
from edge.errors import EmotiondError, InputError
from tools.tracking_eval.clips import ClipLabels, LabeledClip, find_clips, load_labels
from tools.tracking_eval.draw import write_image
from tools.tracking_eval.metrics import ClipMetrics, measure
from tools.tracking_eval.runner import ClipRunner
from tools.tracking_eval.schedule_sweep import sweep
from tools.tracking_eval.tables import NOTES, clip_table, remarks, summary_table

LABELS = Path(__file__).with_name("media.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables asked for; return the exit code."""
    options = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    try:
        clips = _find(options.folder, load_labels(options.labels))
        asked = [parse_variant(text) for text in options.detector]
        if options.sweep:
            variant = asked[0] if asked else DetectorVariant("default", Config().detector)
            print(f"## {variant.name}\n\n{sweep(Config(detector=variant.settings), clips)}")
        else:
            _compare(asked or available_variants(print), clips, options.out)
    except EmotiondError as error:
        print(f"tracking_eval: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.tracking_eval", description=__doc__)
    parser.add_argument("folder", type=Path, help="images and videos")
    parser.add_argument("--labels", type=Path, default=LABELS, help="who is in them and where")
    parser.add_argument(
        "--detector",
        action="append",
        default=[],
        help="a kind, or settings such as '{kind: haar, width: 640}'; may be given again",
    )
    parser.add_argument("--out", type=Path, help="folder for an annotated image of each clip")
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="instead: what it saves to run the detector in some frames alone",
    )
    return parser


def _find(folder: Path, labels: dict[str, ClipLabels]) -> list[LabeledClip]:
    """Return the labeled files of `folder`, and the built-in clip."""
    try:
        clips = find_clips(folder, labels)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    if CLIP.name in labels:
        clips.append(LabeledClip(CLIP, labels[CLIP.name]))
    if not clips:
        raise InputError(f"{folder}: expected files that the labels name, found none")
    return clips


def _compare(
    variants: Iterable[DetectorVariant], clips: Sequence[LabeledClip], out: Path | None
) -> None:
    results: dict[str, list[ClipMetrics]] = {}
    for variant in variants:
        measured = results[variant.name] = _evaluate(variant, clips, out)
        table = clip_table(measured)
        print(f"## {variant.name}\n\n{table}\n\n{remarks(measured)}\n", flush=True)
    print(f"## All\n\n{summary_table(results)}\n\n{NOTES}")


def _evaluate(
    variant: DetectorVariant, clips: Sequence[LabeledClip], out: Path | None
) -> list[ClipMetrics]:
    runner = ClipRunner(Config(detector=variant.settings))
    measured: list[ClipMetrics] = []
    for clip in clips:
        result = runner.run(clip)
        measured.append(measure(result))
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w.]+", "-", variant.name)
            write_image(result, out / f"{name}-{clip.path.stem}.png")
    return measured


if __name__ == "__main__":
    sys.exit(main())
