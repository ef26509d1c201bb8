"""How alike two detectors are on the photos and clips of this workplace.

`python -m tests.edge.detect.likeness`, where MediaPipe 0.10.21 is installed, records what it finds:
numbers alone.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from edge.detect.blazeface import MediaPipe, MediaPipeSettings, Range
from edge.geometry import Box
from edge.types import Face, Image
from tests.conftest import MEDIA
from tools.tracking_eval.clips import ClipLabels, LabeledClip

MEDIAPIPE = Path(__file__).with_name("mediapipe.json")
SURE, ALIKE = 0.6, 0.9
STEP = 10
"""Of each clip, every tenth frame."""


def pictures(media: Path) -> Iterator[tuple[str, Image]]:
    """Yield a name for each picture of the photos and clips, and the picture."""
    for path in sorted(media.iterdir()):
        for frame in LabeledClip(path, ClipLabels()).frames():
            if frame.index % STEP == 0:
                yield f"{path.name} {frame.index}", frame.image


def disagreements(ours: Sequence[Face], theirs: Sequence[Face]) -> list[Face]:
    """Return the faces that one is sure of and the other does not see in the same place."""
    return [
        face
        for some, others in ((ours, theirs), (theirs, ours))
        for face in some
        if face.confidence > SURE
        and max((face.box.iou(other.box) for other in others), default=0.0) < ALIKE
    ]


def faces_from_json(rows: list[dict[str, Any]]) -> list[Face]:
    """Return the faces that `record` wrote."""
    return [Face(Box(*row["box"]), row["confidence"]) for row in rows]


def record() -> None:
    """Write what MediaPipe's own package finds."""
    found = {}
    for variant in get_args(Range):
        detector = MediaPipe(MediaPipeSettings(variant))
        found[variant] = {
            name: [
                {
                    "box": [round(edge, 1) for edge in face.box.edges],
                    "confidence": round(face.confidence, 4),
                }
                for face in detector.detect(image)
            ]
            for name, image in pictures(MEDIA)
        }
    MEDIAPIPE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
