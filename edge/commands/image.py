"""`emotiond image`: pictures that stand alone."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec

from edge.capture.images import SUFFIXES
from edge.commands.common import add_subcommand
from edge.commands.names import names_for
from edge.commands.options import add_config, add_reading, chosen_reading
from edge.commands.outputs import write_output
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode
from edge.logging_setup import print_error
from edge.offline.recognizer import EmotionRecognizer
from edge.types import AnalyzedFrame, Expression
from edge.view.annotate import annotate
from edge.view.settings import PrivacyBlur

WRITTEN = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Kinds that a copy is written as; of any other it is a PNG."""


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "say which expression each face in pictures shows"
    parser = add_subcommand(commands, "image", _run, text)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="pictures, or folders")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write annotated copies there")
    parser.add_argument("--json", action="store_true", help="one line of JSON a picture")
    add_reading(parser)
    add_config(parser)


def _run(options: argparse.Namespace) -> ExitCode:
    config = chosen_reading(options, load_config(options.config))
    recognizer = EmotionRecognizer.from_config(config)
    paths = list(_pictures(options.files))
    copies = _copies(paths, options.out)
    code = ExitCode.OK
    for path, copy in zip(_counted(paths), copies, strict=True):
        try:
            scene = recognizer.analyze_image(path)
            if copy is not None:
                _write(copy, scene, config.privacy.blur)
        except EmotiondError as error:
            print_error(str(error))
            code = ExitCode.FAULT
        else:
            print(_line(path, scene) if options.json else _words(path, scene), flush=True)
    return code


def _pictures(files: Sequence[Path]) -> Iterator[Path]:
    """Yield every picture that is named, or lies in a folder that is."""
    for file in files:
        if not file.is_dir():
            yield file
            continue
        found = sorted(path for path in file.iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            print_error(f"{file}: expected pictures in this folder, found none")
        yield from found


def _copies(paths: Sequence[Path], folder: Path | None) -> Sequence[Path | None]:
    """Return where each copy goes; none takes the place of a picture that is read.

    Raises:
        EmotiondError: the folder cannot be made, or is one of the pictures' own.
    """
    if folder is None:
        return [None] * len(paths)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmotiondError(f"{folder}: cannot be made: {error.strerror}") from error
    if any(path.parent.resolve() == folder.resolve() for path in paths):
        raise EmotiondError(f"{folder}: holds pictures that are read; name another --out")
    suffixes = (path.suffix if path.suffix.lower() in WRITTEN else ".png" for path in paths)
    names = names_for(paths)
    return [folder / f"{name}{suffix}" for name, suffix in zip(names, suffixes, strict=True)]


def _counted(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the paths, with a bar on a terminal where there are many."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    quiet = len(paths) < 2 or not console.is_terminal
    # What is printed makes way for the bar only where both are on the same terminal.
    with Progress(console=console, disable=quiet, redirect_stdout=sys.stdout.isatty()) as bar:
        yield from bar.track(paths, description="pictures")


def _write(path: Path, scene: AnalyzedFrame, blur: PrivacyBlur) -> None:
    write_output(path, cv2.imencode(path.suffix, annotate(scene, blur))[1].tobytes())


def _line(path: Path, scene: AnalyzedFrame) -> str:
    width, height = scene.frame.size
    faces = [face.to_dict() for face in scene.expressions]
    told = {"path": str(path), "width": width, "height": height, "faces": faces}
    return msgspec.json.encode(told).decode()


def _words(path: Path, scene: AnalyzedFrame) -> str:
    count = len(scene.expressions)
    heads = {0: "no face", 1: "1 face"}
    return "\n".join(
        [f"{path}: {heads.get(count, f'{count} faces')}", *map(_face, scene.expressions)]
    )


def _face(face: Expression) -> str:
    """Return one face: where it is, and every probability, the highest first."""
    left, top, right, bottom = (round(edge) for edge in face.box.edges)
    place = f"  {face.track.track_id}  at {left},{top} {right - left}x{bottom - top}: "
    if face.probabilities is None:
        return f"{place}{face.emotion} ({', '.join(face.reasons).replace('_', ' ')})"
    ranked = sorted(face.probabilities.items(), key=lambda item: -item[1])
    return place + ", ".join(f"{label} {share:.0%}" for label, share in ranked)
