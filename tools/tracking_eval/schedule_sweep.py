"""Schedule sweep: what it saves, and costs, to run the detector in some frames alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from edge.config import Config
from tools.tracking_eval.clips import LabeledClip
from tools.tracking_eval.metrics import ClipMetrics, measure
from tools.tracking_eval.runner import ClipRunner
from tools.tracking_eval.tables import (
    all_faces,
    large,
    mean_ms,
    mean_tracked,
    number,
    percent,
    table,
)

INTERVALS = (1, 2, 3, 5)
"""Numbers of frames of which the detector runs in one."""

COLUMNS = (
    *("variant", "detector ran", "ms a frame", "of the first", "faces of 32 pixels tracked"),
    *("all faces tracked", "id switches", "false tracks"),
)


def sweep(config: Config, clips: Sequence[LabeledClip]) -> str:
    """Return two tables of each variant: on the videos, and on images held before a camera."""
    videos = [clip for clip in clips if not clip.is_image]
    held = [replace(clip, held=True) for clip in clips if clip.is_image]
    titled = (("videos", videos), ("images held before a camera", held))
    return "\n\n".join(f"### {title}\n\n{_table(config, some)}" for title, some in titled if some)


def _variants(config: Config) -> Iterator[tuple[str, Config]]:
    for suffix, settings in (
        ("static scenes too", {"motion_threshold": 0.0}),
        ("static scenes skipped", {}),
    ):
        for interval in INTERVALS:
            detect = msgspec.structs.replace(config.scheduler, interval_frames=interval, **settings)
            name = f"every {interval}, {suffix}"
            yield name, msgspec.structs.replace(config, scheduler=detect)


def _table(config: Config, clips: Sequence[LabeledClip]) -> str:
    rows: list[list[str]] = []
    first = 0.0
    for name, variant in _variants(config):
        runner = ClipRunner(variant, alone=False)
        measured = [measure(runner.run(clip)) for clip in clips]
        first = first or mean_ms(measured)
        rows.append(_row(name, measured, first))
    return table(COLUMNS, rows)


def _row(name: str, clips: Sequence[ClipMetrics], first: float) -> list[str]:
    faces = all_faces(clips)
    ran = sum(one.detector_share * one.frames for one in clips)
    return [
        name,
        percent(ran / sum(one.frames for one in clips)),
        number(mean_ms(clips)),
        percent(mean_ms(clips) / first),
        percent(mean_tracked(large(faces))),
        percent(mean_tracked(faces)),
        str(sum(face.id_switches for face in faces)),
        str(sum(len(one.false_tracks) for one in clips)),
    ]
