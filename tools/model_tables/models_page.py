"""Page of the shipped models, made from their cards."""

from collections.abc import Iterator
from pathlib import Path

from converter.data.label_sets import WITHOUT_COPIES
from edge.errors import ModelError
from edge.model_card import Accuracy, ModelCard, load_card
from tools.model_tables.markdown import once, table

PURPOSES = {
    "tiny": "the smallest boards, or many faces at once",
    "shallow": "real time on a Raspberry Pi",
    "deep": "accuracy first: videos, images, fast machines",
}
"""What each network is for, by the first part of a model's name."""

PLOT = "accuracy-latency.png"

HEAD = """\
# Models

Each `<name>.tflite` has its card, `<name>.json`, beside it: labels, input, output, hash, training
data, measured accuracy, speed, terms. `classifier: {model: <name>}` in the config runs it. This
page is made from the cards by `python -m tools.model_tables models`.

There are two truths. *FER+ majority* is the expression that most of ten taggers see in a face:
what the default model answers. *FER2013's label* is the one label the data set came with, which
agrees with that majority on 63 % of the faces: kept for comparison with papers.
"""

EVALUATE = """\
`emotiond-convert evaluate --model models/{name}.tflite --data fer2013.csv` measures a model again
on FER2013's label; with `--votes fer2013new.csv --protocol ferplus`, on FER+'s majority.
[docs/models.md](../docs/models.md) has the rest.
"""


def read_cards(folder: Path) -> list[ModelCard]:
    """Return the cards of the models in `folder`, the least work for a face first.

    Raises:
        ModelError: there is no model, or one has no sound card.
    """
    cards = [load_card(path, ModelCard) for path in sorted(folder.glob("*.tflite"))]
    if not cards:
        raise ModelError(f"{folder}: expected .tflite models with their cards, found none")
    return sorted(cards, key=lambda card: (card.multiply_adds, card.size, card.name))


def model_page(cards: list[ModelCard], note: str = "") -> str:
    """Return the text of models/README.md, with a note below the table."""
    parts = [HEAD, table(_main_rows(cards)), _notes(cards)]
    if note:
        parts.append(note)
    if any(card.speed for card in cards):
        parts.append(f"![Accuracy of each model against its time for one face]({PLOT})\n")
    parts += [
        "## Recall by class\n",
        table(_recall_rows(cards)),
        EVALUATE.format(name=cards[0].name),
        "## Learned from\n",
        once(cards, lambda card: card.training_data),
        "## Terms and limits\n",
        once(cards, lambda card: f"{card.licence} {card.limits}"),
    ]
    return "\n".join(parts)


def whole_sets(card: ModelCard) -> list[Accuracy]:
    """Return the measurements on whole sets of rows, copies of Training images among them."""
    return [one for one in card.measured if not one.data.endswith(WITHOUT_COPIES)]


def _main_rows(cards: list[ModelCard]) -> Iterator[list[str]]:
    yield [
        *("model", "for", "size", "parameters", "multiply-adds", "measured on", "accuracy"),
        *("without copies", "calibration error", "ms a face"),
    ]
    for card in cards:
        for accuracy in whole_sets(card):
            yield [
                f"`{card.name}`",
                _purpose(card),
                f"{card.size / 1000:,.0f} kB" if card.size else "-",
                f"{card.parameters:,}",
                f"{card.multiply_adds / 1e6:.0f} M",
                accuracy.data,
                _share(accuracy),
                _share(_own_rows(card, accuracy)),
                f"{accuracy.calibration_error:.3f}",
                "<br>".join(f"{one.milliseconds:.3g} {one.runtime}" for one in card.speed) or "-",
            ]


def _recall_rows(cards: list[ModelCard]) -> Iterator[list[str]]:
    labels = list(dict.fromkeys(label for card in cards for label in card.labels))
    yield ["model", "measured on", *labels, "balanced accuracy", "macro F1"]
    for card in cards:
        for accuracy in whole_sets(card):
            recall = (accuracy.recall.get(label) for label in labels)
            yield [
                f"`{card.name}`",
                accuracy.data,
                *("-" if one is None else f"{100 * one:.0f} %" for one in recall),
                f"{100 * accuracy.balanced_accuracy:.1f} %",
                f"{accuracy.macro_f1:.3f}",
            ]


def _notes(cards: list[ModelCard]) -> str:
    """Say what the columns mean."""
    text = [
        "Intervals are 95 %. PublicTest served to choose by and to fit the temperature on, so the",
        "figures flatter a little. Some of its rows repeat a Training image to the pixel;",
        f'"without copies" leaves them out{_copies(cards)}.',
    ]
    if any("majority" in one.data for card in cards for one in card.measured):
        text.append(
            "Figures on FER+'s majority have other labels and fewer rows: compare them only with "
            "each other."
        )
    return "\n".join([*text, *_machines(cards)]) + "\n"


def _copies(cards: list[ModelCard]) -> str:
    """Tell how many rows are copies, by the first model's first measurement."""
    for accuracy in whole_sets(cards[0])[:1]:
        own = _own_rows(cards[0], accuracy)
        if own is not None:
            return f" ({accuracy.rows - own.rows:,} of the {accuracy.rows:,} of {accuracy.data})"
    return ""


def _machines(cards: list[ModelCard]) -> Iterator[str]:
    machines = dict.fromkeys(one.machine for card in cards for one in card.speed)
    if machines:
        yield f"Times are the median of one face on one thread of {'; '.join(machines)}."


def _own_rows(card: ModelCard, accuracy: Accuracy) -> Accuracy | None:
    """Return the measurement on the same rows less the copies."""
    name = f"{accuracy.data} {WITHOUT_COPIES}"
    return next((one for one in card.measured if one.data == name), None)


def _purpose(card: ModelCard) -> str:
    network, _, rest = card.name.partition("-")
    parts = [PURPOSES.get(network, "-")]
    if "contempt" in card.labels:
        parts.append("knows contempt")
    if rest.startswith("fer2013"):
        parts.append("FER2013's own labels")
    if rest.endswith("float32"):
        parts.append("the reference of the int8 one")
    return "; ".join(parts)


def _share(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "-"
    low, high = accuracy.interval
    return f"{100 * accuracy.accuracy:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
