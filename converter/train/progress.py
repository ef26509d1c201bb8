"""How far a training is, and how long it still takes."""

import sys
import time
from collections.abc import Callable
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """A bar with the remaining time on a terminal, and a line for every epoch anywhere.

    Args:
        epochs: of the whole training.
        steps: batches in an epoch.
        told: makes words of an epoch's figures.
    """

    def __init__(self, epochs: int, steps: int, told: Callable[[dict[str, float]], str]) -> None:
        super().__init__()
        self._told = told
        self._epochs = epochs
        self._steps = steps
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %, {task.fields[figures]}"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        total = self._epochs * self._steps
        self._task = self._bar.add_task("training", total=total, figures="")
        if self._bar.console.is_terminal:
            self._bar.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Name the epoch; a resumed training starts further on."""
        self._epoch = epoch
        self._started = time.monotonic()
        self._bar.update(self._task, description=f"epoch {epoch + 1}/{self._epochs}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=self._epoch * self._steps + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's figures."""
        figures = self._told(logs or {})
        self._bar.update(self._task, figures=figures)
        took = time.monotonic() - self._started
        self._bar.console.print(
            f"epoch {epoch + 1}/{self._epochs}: {figures}; {took:.0f} s, "
            f"about {took * (self._epochs - epoch - 1) / 60:.0f} min left",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Take the bar away."""
        self._bar.stop()
