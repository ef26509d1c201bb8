"""What each way of sparing the detector saves, and what it costs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from edge.config import Config
from tools.tracking_eval.clips import Reel
from tools.tracking_eval.metrics import Figures, measure
from tools.tracking_eval.runner import Watcher
from tools.tracking_eval.tables import (
    everyone,
    large,
    mean_followed,
    mean_ms,
    number,
    percent,
    table,
)

EVERY = (1, 2, 3, 5)
"""Each how many frames the detector runs."""

COLUMNS = (
    "variant",
    "detector ran",
    "ms a frame",
    "of the first",
    "faces of 32 pixels followed",
    "all faces followed",
    "id switches",
    "false tracks",
)


def study(config: Config, reels: Sequence[Reel]) -> str:
    """Return two tables: each variant on the films, and on the photos held before a camera."""
    films = [reel for reel in reels if not reel.still]
    held = [replace(reel, held=True) for reel in reels if reel.still]
    titled = (("films", films), ("photos held before a camera", held))
    return "\n\n".join(f"### {title}\n\n{_table(config, some)}" for title, some in titled if some)


def variants(config: Config) -> Iterator[tuple[str, Config]]:
    """Yield what is compared, each with its name."""
    for every in EVERY:
        yield f"every {every}, still scenes too", _with(config, every=every, min_motion=0.0)
    for every in EVERY:
        yield f"every {every}, still scenes skipped", _with(config, every=every)


def _with(config: Config, **settings: float) -> Config:
    detect = msgspec.structs.replace(config.detect, **settings)
    return msgspec.structs.replace(config, detect=detect)


def _table(config: Config, reels: Sequence[Reel]) -> str:
    rows: list[list[str]] = []
    first = 0.0
    for name, variant in variants(config):
        watcher = Watcher(variant, alone=False)
        files = [measure(watcher.watch(reel)) for reel in reels]
        first = first or mean_ms(files)
        rows.append(_row(name, files, first))
    return table(COLUMNS, rows)


def _row(name: str, files: Sequence[Figures], first: float) -> list[str]:
    people = everyone(files)
    frames = sum(one.frames for one in files)
    return [
        name,
        percent(sum(one.ran * one.frames for one in files) / frames),
        number(mean_ms(files)),
        percent(mean_ms(files) / first),
        percent(mean_followed(large(people))),
        percent(mean_followed(people)),
        str(sum(person.switches for person in people)),
        str(sum(len(one.false_tracks) for one in files)),
    ]
