"""How a training went, as a picture."""

import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure


def draw_curves(log: Path, picture: Path, panels: Mapping[str, Mapping[str, str]]) -> None:
    """Draw columns of a training's log.csv over its epochs, as a PNG.

    Args:
        log: the csv.
        picture: the PNG.
        panels: by their title; each names the curves, and for each the column that it shows.
    """
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (title, curves) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for name, column in curves.items():
            axes.plot(epochs, [float(row[column]) for row in rows], label=name)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(picture, dpi=110)
