"""`python -m tools.pose_eval`: faces that are tilted, turned aside, or fill the image.

Of each test photograph the tallest face counts. The photograph is turned around it, then cut so
that the face fills a share of the height. The tilt told is held against the one that was added, a
turn aside against what another detector's landmarks say.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from converter.detector.annotations import Size, of_split, read_annotations
from converter.detector.evaluate import REFERENCE_SIZE, fit
from edge.config import parse_config, parse_detector
from edge.config_values import parse_yaml
from edge.detect import open_detector
from edge.detect.detector import Detector
from edge.errors import DataError, EmotiondError
from edge.geometry import Box
from edge.pipeline.processing import analyze_image, build_processing
from edge.types import Face, Image

TILTS = (0, 15, 30, 45)  # degrees, either way
SHARES = (0.6, 0.7, 0.8, 0.9, 1.0)  # of an image's height that a face fills
MIN_HEIGHT = 24  # pixels of a face, its photograph fitted into 320x240, from which it is turned
CUT_MIN_HEIGHT = 48  # pixels of a face in its photograph from which it is cut out
MIN_IOU = 0.4  # overlap from which a face is found


class PoseSample(NamedTuple):
    """A photograph, and the tallest face in it."""

    image: Image
    box: Box

    def tilted(self, degrees: float) -> Image:
        """Return the image turned clockwise around the face."""
        x, y = self.box.center
        matrix = cv2.getRotationMatrix2D((x, y), -degrees, 1.0)
        size = self.image.shape[1::-1]
        turned = cv2.warpAffine(self.image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(turned, np.uint8)

    def filled(self, share: float) -> Image | None:
        """Return a square of which the face fills a share of the height; None: beyond the image."""
        side, (x, y) = self.box.height / share, self.box.center
        left, top = round(x - side / 2), round(y - side / 2)
        if min(left, top) < 0:
            return None
        part = self.image[top : top + round(side), left : left + round(side)]
        return part if part.shape[:2] == (round(side), round(side)) else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print three tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="photographs with boxes; the test split is used")
    text = (
        "kind, or settings as in a config, '{kind: builtin, size: 160x120}'; default: %(default)s"
    )
    add("--detector", default="builtin", help=text)
    add("--reference", help="the detector whose landmarks say how far a head is turned aside")
    options = parser.parse_args(arguments)
    try:
        samples = list(read_pose_samples(options.data, REFERENCE_SIZE, MIN_HEIGHT))
        whole = list(read_pose_samples(options.data, None, CUT_MIN_HEIGHT))
        detector = open_detector(parse_detector(options.detector))
        tables = [tilt_table(samples, detector), fill_table(whole, options.detector)]
        if options.reference:
            reference = open_detector(parse_detector(options.reference))
            tables.append(turn_table(samples, detector, reference))
    except EmotiondError as error:
        sys.exit(str(error))
    print("\n\n".join("\n".join(table) for table in tables))


def read_pose_samples(data: Path, size: Size | None, min_height: int) -> Iterator[PoseSample]:
    """Yield the test photographs, fitted into a size, with a face so many pixels tall."""
    for annotated in of_split(read_annotations(data), "test"):
        image = annotated.read()
        fitted = image if size is None else fit(image, size)
        boxes = annotated.boxes[~annotated.ignored] * (fitted.shape[0] / image.shape[0])
        heights = boxes[:, 3] - boxes[:, 1]
        if heights.max(initial=0) >= min_height:
            yield PoseSample(fitted, Box(*boxes[int(heights.argmax())].tolist()))


def tilt_table(samples: Sequence[PoseSample], detector: Detector) -> Iterator[str]:
    """Yield how many faces are found by tilt, and how far off the tilt is that is told."""
    upright = [_found(detector.detect(one.image), one.box) for one in samples]
    yield "| tilt, degrees | faces | found | error of the tilt: median | 90 % within |"
    yield "|---|---|---|---|---|"
    for tilt in TILTS:
        found, errors = 0, []
        for sign in (-1, 1):
            for sample, before in zip(samples, upright, strict=True):
                face = _found(detector.detect(sample.tilted(sign * tilt)), sample.box)
                found += face is not None
                if face and before and face.points and before.points:
                    turned = face.points.roll - before.points.roll
                    errors.append(abs((turned - sign * tilt + 180) % 360 - 180))
        middle, most = np.quantile(errors, (0.5, 0.9)) if errors else (np.nan, np.nan)
        share = found / max(2 * len(samples), 1)
        yield f"| {tilt} | {2 * len(samples)} | {share:.2f} | {middle:.1f} | {most:.1f} |"


def fill_table(samples: Sequence[PoseSample], detector: str) -> Iterator[str]:
    """Yield how many faces that fill an image `emotiond image` finds, by the share they fill."""
    path = Path("--detector")
    config = parse_config({"detector": parse_yaml(detector, path), "sinks": []}, path)
    processing = build_processing(config, count(1))
    yield "| share of the height | images | found |"
    yield "|---|---|---|"
    for share in SHARES:
        images = [part for one in samples if (part := one.filled(share)) is not None]
        found = sum(bool(analyze_image(processing, image).tracked.tracks) for image in images)
        yield f"| {share:.0%} | {len(images)} | {found / max(len(images), 1):.3f} |"


def turn_table(
    samples: Sequence[PoseSample], detector: Detector, reference: Detector
) -> Iterator[str]:
    """Yield slope and correlation of the turn that is told, against the reference's."""
    pairs = [
        (told.points.yaw, true.points.yaw)
        for one in samples
        if (told := _found(detector.detect(one.image), one.box)) and told.points
        if (true := _found(reference.detect(one.image), one.box)) and true.points
    ]
    if len(pairs) < 3:
        raise DataError("expected three faces that both detectors find, with landmarks")
    told_all, true_all = np.array(pairs).T
    slope = np.polyfit(true_all, told_all, 1)[0]
    correlation = np.corrcoef(true_all, told_all)[0, 1]
    yield "| faces | slope of the turn | correlation |"
    yield "|---|---|---|"
    yield f"| {len(pairs)} | {slope:.2f} | {correlation:.2f} |"


def _found(faces: Sequence[Face], box: Box) -> Face | None:
    """Return the face found at a place, if there is one."""
    best = max(faces, key=lambda face: face.box.iou(box), default=None)
    return best if best is not None and best.box.iou(box) >= MIN_IOU else None


if __name__ == "__main__":
    main()
