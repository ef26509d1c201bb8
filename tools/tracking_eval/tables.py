"""Tables of the metrics, in Markdown."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, median

from tools.tracking_eval.metrics import ClipMetrics, FaceMetrics

LARGE = 32.0
"""Height, in a frame of 640 pixels, from which every face is to be found."""

MAX_MS, MAX_CHANGES, MAX_LATENCY = 2.5, 3.0, 0.5
"""Goals: milliseconds a frame, label changes a minute of a steady face, seconds until the label
follows an expression change."""

CLIP_COLUMNS = (
    *("clip", "frames", "detected of visible", "false positives a frame", "ms (median)"),
    *("ms (mean)", "tracked", "first track, s", "ids", "id switches", "false tracks (events)"),
    *("excess label changes", "uncertain", "ms tracking", "detector ran"),
)

SUMMARY_COLUMNS = (
    *("detector", "faces of 32 pixels tracked", "all faces tracked"),
    *("first track in videos, s: median, max", "detected of visible", "false tracks (events)"),
    *("ids a face, at most", "id switches", "label changes a minute"),
    *("switch latency, s: median, max", "missed", "ms alone", "ms tracking", "goals missed"),
)

NOTES = """\
- detected: by the detector alone, on every frame; the sum over people of the share of their frames.
- false positives: its detections that are of nobody.
- tracked: share of a face's frames with a track of it, from the first in which there could be one.
- first track: seconds from the first frame in which a face is visible.
- ids: tracks of each person; a track of nobody for most of its life is false.
- label changes: beyond one for each change of the face, where its expression is known; uncertain
  labels are passed over.
- uncertain: share of the labeled frames of a face in which the label is uncertain.
- ms: CPU time a frame, on one thread; the summary's are over the frames of all videos.
- switch latency: from the middle of an expression change until the label follows; missed: where it
  does not."""


def clip_table(clips: Sequence[ClipMetrics]) -> str:
    """Return one row a clip, of one detector."""
    return table(CLIP_COLUMNS, [_clip_row(one) for one in clips])


def remarks(clips: Sequence[ClipMetrics]) -> str:
    """Return a line for each false track and for the expression changes of each clip."""
    lines: list[str] = []
    for one in clips:
        for false in one.false_tracks:
            box = ", ".join(f"{edge:.0f}" for edge in false.box.edges)
            frames = f"frames {false.first} to {false.last}"
            lines.append(f"- {one.name}: false track, {frames}, at first {box}")
        for face in one.faces:
            changes = [f"{late.to} after {late.seconds:.2f} s" for late in face.latencies]
            changes += [f"missed {missed}" for missed in face.missed]
            lines += [f"- {one.name}: {', '.join(changes)}"] * bool(changes)
    return "\n".join(lines)


def summary_table(results: dict[str, list[ClipMetrics]]) -> str:
    """Return one row a detector."""
    return table(SUMMARY_COLUMNS, [_summary_row(name, clips) for name, clips in results.items()])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def missed_goals(clips: Sequence[ClipMetrics]) -> list[str]:
    """Return the goals that a detector misses on `clips`."""
    faces = all_faces(clips)
    reached = {
        "every large face": all(face.ids for face in large(faces)),
        "no false track": not any(one.false_tracks for one in clips),
        "one id each": all(face.ids <= 1 and not face.id_switches for face in faces),
        "label changes": not changes_a_minute(faces) > MAX_CHANGES,
        "switch latency": max(_latencies(faces), default=0.0) <= MAX_LATENCY,
        "ms": mean_ms(clips) <= MAX_MS,
    }
    return [name for name, met in reached.items() if not met]


def all_faces(clips: Iterable[ClipMetrics]) -> list[FaceMetrics]:
    """Return the faces of all clips."""
    return [face for one in clips for face in one.faces]


def large(faces: Iterable[FaceMetrics]) -> list[FaceMetrics]:
    """Return the faces that are to be found whatever happens."""
    return [face for face in faces if face.size >= LARGE]


def mean_ms(clips: Sequence[ClipMetrics], alone: bool = False) -> float:
    """Return the mean cost of a video's frame: of the scheduler, or of the detector alone."""
    videos = [one for one in clips if not one.is_image]
    spent = sum(one.frames * (one.detect_ms if alone else one.track_ms) for one in videos)
    return spent / sum(one.frames for one in videos) if videos else math.nan


def changes_a_minute(faces: Iterable[FaceMetrics]) -> float:
    """Return the excess label changes a minute of all steady faces together; NaN of none."""
    steady = [face for face in faces if face.seconds]
    seconds = sum(face.seconds for face in steady)
    return 60 * sum(face.excess for face in steady) / seconds if seconds else math.nan


def mean_tracked(faces: Iterable[FaceMetrics]) -> float:
    """Return the mean share of their frames in which faces are tracked; NaN of none."""
    return _mean(face.tracked for face in faces)


def percent(share: float) -> str:
    """Return a share in percent; a dash for NaN."""
    return "-" if math.isnan(share) else f"{share:.0%}"


def number(value: float) -> str:
    """Return a number with two places; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def _clip_row(one: ClipMetrics) -> list[str]:
    faces = one.faces
    seconds = sum(face.seconds for face in faces)
    excess = sum(face.excess for face in faces)
    return [
        one.name,
        str(one.frames),
        _detected(faces),
        f"{one.false_positives:.2f}",
        f"{one.detect_median:.2f}",
        f"{one.detect_ms:.2f}",
        percent(mean_tracked(faces)),
        _delays(faces),
        ", ".join(str(face.ids) for face in faces) or "-",
        str(sum(face.id_switches for face in faces)),
        f"{len(one.false_tracks)} ({one.false_events})",
        f"{excess} in {seconds:.1f} s" if seconds else "-",
        percent(_mean(face.uncertain for face in faces)),
        f"{one.track_ms:.2f}",
        percent(one.detector_share),
    ]


def _summary_row(name: str, clips: Sequence[ClipMetrics]) -> list[str]:
    faces, latencies = all_faces(clips), _latencies(all_faces(clips))
    false_events = sum(one.false_events for one in clips)
    return [
        name,
        _tracked(large(faces)),
        _tracked(faces),
        _delays(all_faces([one for one in clips if not one.is_image])),
        _detected(faces),
        f"{sum(len(one.false_tracks) for one in clips)} ({false_events})",
        str(max((face.ids for face in faces), default=0)),
        str(sum(face.id_switches for face in faces)),
        number(changes_a_minute(faces)),
        f"{median(latencies):.2f}, {max(latencies):.2f}" if latencies else "-",
        "; ".join(missed for face in faces for missed in face.missed) or "none",
        number(mean_ms(clips, alone=True)),
        number(mean_ms(clips)),
        ", ".join(missed_goals(clips)) or "none",
    ]


def _latencies(faces: Iterable[FaceMetrics]) -> list[float]:
    return [one.seconds for face in faces for one in face.latencies]


def _detected(faces: Sequence[FaceMetrics]) -> str:
    return f"{sum(face.detected for face in faces):.2f} of {len(faces)}"


def _tracked(faces: Sequence[FaceMetrics]) -> str:
    tracked = sum(face.ids > 0 for face in faces)
    return f"{tracked} of {len(faces)} ({percent(mean_tracked(faces))})"


def _delays(faces: Sequence[FaceMetrics]) -> str:
    seconds = [face.delay for face in faces if not math.isnan(face.delay)]
    return f"{median(seconds):.2f}, {max(seconds):.2f}" if seconds else "-"


def _mean(shares: Iterable[float]) -> float:
    known = [share for share in shares if not math.isnan(share)]
    return fmean(known) if known else math.nan
