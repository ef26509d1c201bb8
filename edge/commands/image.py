"""`emotiond image`: single images, or folders of them."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import msgspec
from rich.console import Console
from rich.progress import Progress

from edge.capture.images import SUFFIXES
from edge.cli import print_error
from edge.commands.common import (
    add_analysis_options,
    add_config,
    apply_analysis_options,
    make_folder,
    unique_names,
    write_output,
)
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode
from edge.offline.recognizer import EmotionRecognizer
from edge.types import AnalyzedFrame, Expression
from edge.view.annotate import annotate

COPY_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Formats that an annotated copy keeps; of any other image it is a PNG."""


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="images, or folders")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write annotated copies there")
    parser.add_argument("--json", action="store_true", help="one line of JSON an image")
    add_analysis_options(parser)
    add_config(parser)


def image(options: argparse.Namespace) -> ExitCode:
    """Analyze every image; fail where one could not be read or its copy not be written."""
    config = apply_analysis_options(options, load_config(options.config))
    recognizer = EmotionRecognizer.from_config(config)
    paths = list(_image_paths(options.files))
    copies = _copy_paths(paths, options.out)
    code = ExitCode.OK
    for path, copy in zip(_with_progress(paths), copies, strict=True):
        try:
            frame = recognizer.analyze_image(path)
            if copy is not None:
                annotated = annotate(frame, config.privacy.blur)
                write_output(copy, cv2.imencode(copy.suffix, annotated)[1].tobytes())
        except EmotiondError as error:
            print_error(str(error))
            code = ExitCode.FAULT
        else:
            print(_as_json(path, frame) if options.json else _as_text(path, frame), flush=True)
    return code


def _image_paths(files: Sequence[Path]) -> Iterator[Path]:
    """Yield every file that is named, and every image of a folder that is."""
    for file in files:
        if not file.is_dir():
            yield file
            continue
        found = sorted(path for path in file.iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            print_error(f"{file}: expected images in this folder, found none")
        yield from found


def _copy_paths(paths: Sequence[Path], folder: Path | None) -> Sequence[Path | None]:
    """Return where each annotated copy goes; none overwrites an image that is read.

    Raises:
        EmotiondError: the folder cannot be made, or holds one of the images.
    """
    if folder is None:
        return [None] * len(paths)
    make_folder(folder)
    if any(path.parent.resolve() == folder.resolve() for path in paths):
        raise EmotiondError(f"{folder}: holds images that are read; name another --out")
    suffixes = (path.suffix if path.suffix.lower() in COPY_SUFFIXES else ".png" for path in paths)
    names = unique_names(paths)
    return [folder / f"{name}{suffix}" for name, suffix in zip(names, suffixes, strict=True)]


def _with_progress(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the paths, with a bar on a terminal where there are many."""
    console = Console(file=sys.stderr)
    hidden = len(paths) < 2 or not console.is_terminal
    # What is printed makes way for the bar only where both are on the same terminal.
    with Progress(console=console, disable=hidden, redirect_stdout=sys.stdout.isatty()) as bar:
        yield from bar.track(paths, description="images")


def _as_json(path: Path, frame: AnalyzedFrame) -> str:
    width, height = frame.frame.size
    faces = [face.to_dict() for face in frame.expressions]
    result = {"path": str(path), "width": width, "height": height, "faces": faces}
    return msgspec.json.encode(result).decode()


def _as_text(path: Path, frame: AnalyzedFrame) -> str:
    count = len(frame.expressions)
    faces = {0: "no face", 1: "1 face"}.get(count, f"{count} faces")
    return "\n".join([f"{path}: {faces}", *map(_face_text, frame.expressions)])


def _face_text(face: Expression) -> str:
    """Return one face: where it is, and every probability, the highest first."""
    left, top, right, bottom = (round(edge) for edge in face.box.edges)
    place = f"  {face.track.track_id}  at {left},{top} {right - left}x{bottom - top}: "
    if face.probabilities is None:
        return f"{place}{face.emotion} ({', '.join(face.reasons).replace('_', ' ')})"
    ranked = sorted(face.probabilities.items(), key=lambda item: -item[1])
    return place + ", ".join(f"{label} {share:.0%}" for label, share in ranked)
