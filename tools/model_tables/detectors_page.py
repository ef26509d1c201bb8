"""Page of the shipped detectors, made from their cards."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from converter.detector.average_precision import HEIGHT_RANGES
from edge.model_card import DetectorCard, load_card
from tools.model_tables.markdown import once, table

FOLDER = "detectors"
"""Name of their folder, beside the expression models."""

HEAD = """\
# Detectors

Each `<name>.tflite` finds what may be faces; its card, `<name>.json`, lies beside it. The network
in `models/refiners` looks at each of these again, and says where eyes, nose and mouth are: all
figures but the times are of both. `detector: {kind: builtin}` in the config, and `auto`, run the
first, `{kind: builtin, size: 160x120}` the smaller, `{kind: builtin, model: path.tflite}` one of
your own. Both have the same weights. This
page is made from the cards by `python -m tools.model_tables models`.
"""

NOTES = """\
Average precision (AP) is the area under the precision envelope over all points, a face being found
at an overlap (IoU) of 0.4 or 0.5; by height at 0.4. Recall is at one false face in a hundred
images. At the least confidence, found is the share of the faces, right the share of what is
found that is one. Times are the median of one image on one thread, the network alone.
[docs/research/detectors.md](../../docs/research/detectors.md) has them beside other detectors.
"""


def read_detectors(folder: Path) -> list[DetectorCard]:
    """Return the cards of the detectors in `folder`, the most work first; none if it is not there.

    Raises:
        ModelError: one has no sound card.
    """
    cards = [load_card(path, DetectorCard) for path in sorted(folder.glob("*.tflite"))]
    return sorted(cards, key=lambda card: (-card.multiply_adds, card.name))


def detector_page(cards: Sequence[DetectorCard], note: str = "") -> str:
    """Return the text of models/detectors/README.md, with a note below the table."""
    parts = [
        HEAD,
        table(_form_rows(cards)),
        *([note] if note else []),
        "## How good they are\n",
        table(_accuracy_rows(cards)),
        NOTES,
        "## Learned from\n",
        once(cards, lambda card: card.training_data),
        "## Terms and limits\n",
        once(cards, lambda card: f"{card.licence} {card.limits}"),
    ]
    return "\n".join(parts)


def _form_rows(cards: Sequence[DetectorCard]) -> Iterator[list[str]]:
    yield [
        *("detector", "size", "parameters", "multiply-adds", "faces, pixels high"),
        *("least confidence", "false faces", "ms an image"),
    ]
    for card in cards:
        yield [
            f"`{card.name}`",
            f"{card.size / 1000:,.0f} kB",
            f"{card.parameters:,}",
            f"{card.multiply_adds / 1e6:.0f} M",
            f"{card.smallest_face:g} to {card.largest_face:g}",
            f"{card.min_confidence:g}",
            next((f"{one.false_faces} in {one.faceless}" for one in card.measured), "-"),
            "<br>".join(f"{one.milliseconds:.3g} {one.runtime}" for one in card.speed) or "-",
        ]


def _accuracy_rows(cards: Sequence[DetectorCard]) -> Iterator[list[str]]:
    bands = [str(band) for band in HEIGHT_RANGES]
    yield [
        "detector",
        "measured on",
        "faces",
        "AP 0.4",
        "AP 0.5",
        *bands,
        "recall",
        "found",
        "right",
    ]
    for card in cards:
        for one in card.measured:
            shares = [one.average_precision.get(iou) for iou in ("0.4", "0.5")]
            shares += [one.by_height.get(band) for band in bands]
            shares += [one.recall, one.found, one.precision]
            yield [
                f"`{card.name}`",
                one.data,
                f"{one.faces:,}",
                *("-" if share is None else f"{share:.2f}" for share in shares),
            ]
