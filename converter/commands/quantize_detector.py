"""`emotiond-convert quantize-detector`: write int8 detectors with cards."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.options import picture_size
from converter.data import Usage, open_dataset
from converter.detector.annotations import AnnotatedImage, read_annotations
from edge.commands.common import add_subcommand
from edge.model_card import DetectorCard

FACES = 1000
"""Faces that the crops are fitted to, as `fit-crop` does."""


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "write int8 face detectors with cards, each verified first"
    parser = add_subcommand(commands, "quantize-detector", _run, text)
    parser.add_argument("training", type=Path, help="the folder that train-detector wrote")
    add_photographs(parser)
    parser.add_argument(
        "--refiner", type=Path, help="the .tflite of quantize-refiner; default: the shipped one"
    )
    parser.add_argument(
        "--faces",
        type=Path,
        required=True,
        help="faces cut close, such as fer2013.csv, that its boxes are fitted to",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    parser.add_argument("--name", default="face", help="of the models; default: %(default)s")
    parser.add_argument(
        "--size",
        type=picture_size,
        action="append",
        metavar="WxH",
        help="of the pictures; may be given several times; default: 320x240 and 160x120",
    )
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")


def add_photographs(parser: argparse.ArgumentParser) -> None:
    """Add the option that names photographs with boxes."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="PATH",
        help="photographs with boxes, of both splits; may be given several times",
    )


def read_photographs(options: argparse.Namespace) -> list[AnnotatedImage]:
    """Return the photographs that the option names.

    Raises:
        DataError: an annotation cannot be read.
    """
    return [one for path in options.data for one in read_annotations(path)]


def _run(options: argparse.Namespace) -> None:
    quantizing = needs("convert", "converter.detector.quantize")
    run = needs("convert", "converter.detector.train").load_run(options.training)
    faces = open_dataset(options.faces).split(Usage.TRAINING).faces().drawn(FACES, seed=0)
    photographs = read_photographs(options)
    data = quantizing.EvaluationData(photographs, faces.pixels, refiner=options.refiner)
    options.out.mkdir(parents=True, exist_ok=True)
    for width, height in options.size or [(320, 240), (160, 120)]:
        path = options.out / f"{options.name}-{width}x{height}.tflite"
        _print(quantizing.quantize_detector(run, (width, height), data, path, options.force))
        print(f"wrote {path} and its card")


def _print(card: DetectorCard) -> None:
    """Print what was measured."""
    print(
        f"{card.name}: {card.size} bytes, {card.parameters} parameters, "
        f"{card.multiply_adds / 1e6:.1f} M multiply-adds"
    )
    for one in card.measured:
        shares = ", ".join(f"{share:.3f} at {iou}" for iou, share in one.average_precision.items())
        heights = ", ".join(f"{band} {share:.2f}" for band, share in one.by_height.items())
        print(f"  average precision {shares} ({heights}), {one.faces} faces, {one.data}")
        if one.faceless:
            print(
                f"  {one.false_faces} false faces in {one.faceless} pictures without, "
                f"at confidence {card.min_confidence}"
            )
    for speed in card.speed:
        print(f"  {speed.milliseconds:.3f} ms a picture on {speed.runtime}, {speed.machine}")
