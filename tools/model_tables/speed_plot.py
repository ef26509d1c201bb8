"""Plot of accuracy against latency."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from edge.model_card import Accuracy, ModelCard
from tools.model_tables.models_page import whole_sets

MARKERS = "osD^v"
COLORS = ("#1f5f99", "#c2571a", "#3d7a3d", "#7a4a99", "#444444")


def draw_speed(cards: Sequence[ModelCard], path: Path) -> None:
    """Draw each model's accuracy, with its interval, against its time for one face.

    Figures on different labels do not compare, so each set of rows has a panel of its own; each
    runtime has its mark, and a line joins those of one model.

    Args:
        cards: at least one with a speed and an accuracy; those without are left out.
        path: the .png.
    """
    timed = [card for card in cards if card.speed]
    sets = list(dict.fromkeys(one.data for card in timed for one in whole_sets(card)))
    runtimes = list(dict.fromkeys(one.runtime for card in timed for one in card.speed))
    figure = Figure(figsize=(7.2, 2.5 + 2 * len(sets)), dpi=150, layout="constrained")
    ratios = [_span(timed, name) for name in sets]  # a point is as high in each panel
    panels = figure.subplots(len(sets), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for axes, name in zip(panels, sets, strict=True):
        for card in timed:
            for accuracy in whole_sets(card):
                if accuracy.data == name:
                    _draw_model(axes, card, accuracy, runtimes)
        _finish(axes, name)
    panels[-1].set_xlabel("milliseconds a face, one thread")
    _legend(panels[0], runtimes)
    figure.savefig(path, metadata={"Software": None})  # its version would make files differ


def _draw_model(axes: Axes, card: ModelCard, accuracy: Accuracy, runtimes: Sequence[str]) -> None:
    low, high = (100 * share for share in accuracy.interval)
    height = 100 * accuracy.accuracy
    times = [one.milliseconds for one in card.speed]
    axes.plot(times, [height] * len(times), color="#bbbbbb", linewidth=1, zorder=1)
    for one in card.speed:
        number = runtimes.index(one.runtime) % len(MARKERS)
        axes.errorbar(
            one.milliseconds,
            height,
            yerr=[[height - low], [high - height]],
            fmt=MARKERS[number],
            color=COLORS[number],
            elinewidth=1,
            alpha=0.9,
        )
    axes.annotate(
        card.name,
        (min(times), high),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=9,
    )


def _span(cards: Sequence[ModelCard], name: str) -> float:
    """Return how far the intervals on one set of rows reach, as a share."""
    measured = [one for card in cards for one in whole_sets(card) if one.data == name]
    return max(one.interval[1] for one in measured) - min(one.interval[0] for one in measured)


def _finish(axes: Axes, name: str) -> None:
    axes.set_xscale("log")
    axes.margins(x=0.2, y=0.2)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("accuracy, %")
    axes.set_title(name, fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes, runtimes: Sequence[str]) -> None:
    for number, runtime in enumerate(runtimes):
        place = number % len(MARKERS)
        axes.plot([], [], MARKERS[place], color=COLORS[place], label=runtime)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
