"""Loss and accuracy of a training, as a picture."""

import csv
from pathlib import Path

from matplotlib.figure import Figure


def draw_curves(log: Path, picture: Path) -> None:
    """Draw the columns of a training's log.csv over its epochs, as a PNG.

    Training figures are of augmented and blended faces, so they lie below PublicTest's at first.
    """
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, column, title in zip(
        figure.subplots(1, 2),
        ("logits_loss", "logits_accuracy"),
        ("cross-entropy", "accuracy"),
        strict=True,
    ):
        for prefix, name in (("", "Training"), ("val_", "PublicTest")):
            axes.plot(epochs, [float(row[prefix + column]) for row in rows], label=name)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(picture, dpi=110)
