"""`python -m tools.tracking_eval FOLDER`: how well are faces found and followed?

Every detector at hand looks at the labelled photos and clips in FOLDER and at the built-in clip,
alone on every frame, and as the daemon runs it. Milliseconds are of processor time, on one thread.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2

from converter.detection.detector_variants import (
    Contender,
    default_contender,
    find_contenders,
    parse_contender,
)
from edge.commands.demo_run import CLIP
from edge.errors import EmotiondError, InputError
from tools.tracking_eval.clips import Reel, find_reels
from tools.tracking_eval.draw import write_picture
from tools.tracking_eval.ground_truth import Scene, load_labels
from tools.tracking_eval.metrics import Figures, measure
from tools.tracking_eval.runner import Watcher
from tools.tracking_eval.schedule_sweep import study
from tools.tracking_eval.tables import NOTES, file_table, remarks, summary_table

LABELS = Path(__file__).with_name("media.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables asked for; return the exit code."""
    options = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    try:
        reels = _find(options.folder, load_labels(options.labels))
        if options.study:
            contender = _asked(options.detector)[0] if options.detector else default_contender()
            print(f"## {contender.name}\n\n{study(contender.config, reels)}")
        else:
            asked = _asked(options.detector) if options.detector else find_contenders()
            _compare(asked, reels, options.out)
    except EmotiondError as error:
        print(f"seeing: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.tracking_eval", description=__doc__)
    parser.add_argument("folder", type=Path, help="photos and clips")
    parser.add_argument("--labels", type=Path, default=LABELS, help="who is to be seen in them")
    parser.add_argument(
        "--detector",
        action="append",
        help="a kind, or settings such as '{kind: haar, width: 640}'; may be given again",
    )
    parser.add_argument("--out", type=Path, help="folder for a picture of each file")
    parser.add_argument(
        "--study",
        action="store_true",
        help="instead: what it saves to run the detector in some frames alone",
    )
    return parser


def _find(folder: Path, labels: dict[str, Scene]) -> list[Reel]:
    """Return the labelled files of `folder`, and the built-in clip."""
    try:
        reels = find_reels(folder, labels)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    if CLIP.name in labels:
        reels.append(Reel(CLIP, labels[CLIP.name]))
    if not reels:
        raise InputError(f"{folder}: expected files that the labels name, found none")
    return reels


def _asked(texts: Sequence[str]) -> list[Contender]:
    return [parse_contender(text) for text in texts]


def _compare(contenders: Iterable[Contender], reels: Sequence[Reel], out: Path | None) -> None:
    results: dict[str, list[Figures]] = {}
    for contender in contenders:
        files = results[contender.name] = _look(contender, reels, out)
        print(f"## {contender.name}\n\n{file_table(files)}\n\n{remarks(files)}\n", flush=True)
    print(f"## All\n\n{summary_table(results)}\n\n{NOTES}")


def _look(contender: Contender, reels: Sequence[Reel], out: Path | None) -> list[Figures]:
    watcher = Watcher(contender.config)
    files: list[Figures] = []
    for reel in reels:
        watched = watcher.watch(reel)
        files.append(measure(watched))
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            write_picture(watched, out / f"{_slug(contender.name)}-{reel.path.stem}.png")
    return files


def _slug(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name)


if __name__ == "__main__":
    sys.exit(main())
