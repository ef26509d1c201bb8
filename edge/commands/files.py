"""`emotiond image` and `emotiond video`: the faces in files, and what each of them shows."""

import itertools
import os
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import msgspec
from rich.table import Table

from edge.capture.camera import CameraSettings
from edge.capture.images import SUFFIXES, read_image
from edge.capture.source import iter_frames, orient
from edge.capture.video import probe_video
from edge.commands import common
from edge.config import Config, load_config, parse_config
from edge.errors import EmotiondError, ExitCode, SourceError, os_errors_as
from edge.offline import video as offline
from edge.offline.report import events_csv
from edge.offline.timeline import timeline_svg
from edge.paths import MAX_NAME_BYTES, path_text
from edge.pipeline.processing import analyze_image, build_processing
from edge.publish.events import encode_event
from edge.publish.intervals import intervals_of, time_by_emotion, time_by_track
from edge.terminal import plural, print_error, print_json, print_line, write_bytes
from edge.types import AnalyzedFrame, Image
from edge.view import PrivacyBlur
from edge.view.annotate import annotate, apply_privacy

COPY_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Formats that an annotated copy keeps; of any other image it is a PNG."""

VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".ts", ".m4v", ".h264"})
"""Formats of which `image` says that `video` reads them."""

OUTPUT_SUFFIXES = {  # that each option of `video` writes; the first is that of files in a folder
    "out": (".mp4", ".mkv", ".mov", ".avi"),
    "events": (".jsonl", ".csv"),
    "timeline": (".svg",),
}

SETTLING_FRAMES, FRAME_TIMEOUT_S = 10, 5.0  # of a camera until its image; seconds for each
PROGRESS_INTERVAL_S = 0.5  # seconds between two lines of --progress


class UsageError(EmotiondError):
    """The options contradict each other."""

    exit_code = ExitCode.USAGE


def _add_analysis_options(parser: ArgumentParser) -> None:
    common.add_model_options(parser)
    text = "degrees clockwise by which each image is rotated"
    parser.add_argument("--rotation", type=int, choices=(0, 90, 180, 270), help=text)
    flips = "none", "horizontal", "vertical", "both"
    parser.add_argument("--flip", choices=flips, help="how it is mirrored after that")
    text = "the part that is kept, as shares of the image, such as 0 0.5 1 1 for its lower half"
    edges = "LEFT", "TOP", "RIGHT", "BOTTOM"
    parser.add_argument("--crop", type=float, nargs=4, metavar=edges, help=text)
    text = "what is hidden in annotated copies; default: the config's"
    parser.add_argument("--blur", type=PrivacyBlur, choices=list(PrivacyBlur), help=text)
    common.add_config(parser)


def _load_config(options: Namespace) -> Config:
    """Return the config with what `_add_analysis_options`' options say; its source is a video."""
    config = common.with_model_options(load_config(options.config), options)
    privacy = msgspec.structs.replace(config.privacy, blur=options.blur or config.privacy.blur)
    given = {key: getattr(options, key) for key in ("rotation", "flip", "crop")}
    source = {key: value for key, value in given.items() if value is not None}
    oriented = parse_config({"source": {"kind": "video", "path": ".", **source}}, Path("--crop"))
    return msgspec.structs.replace(config, privacy=privacy, source=oriented.source)


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Return a file name without suffix for each path: of `x/a.jpg`, `y/a.jpg` `a` and `a-2`."""
    names: list[str] = []
    for path in paths:
        stem = name = os.fsdecode(os.fsencode(path.stem)[:MAX_NAME_BYTES])
        numbers = itertools.count(2)
        while name in names:
            name = f"{stem}-{next(numbers)}"
        names.append(name)
    return names


def _output_paths(
    named: Path | None, names: Sequence[str], suffixes: Sequence[str] = ()
) -> Sequence[Path | None]:
    """Return the output path of each input: the file that was named, or one in the folder that was.

    A folder is what is one already, or has no suffix, or anything without `suffixes` of files.
    """
    if named is None:
        return [None] * len(names)
    is_folder = named != common.STDOUT and (named.is_dir() or not named.suffix or not suffixes)
    if not is_folder and len(names) > 1:
        raise UsageError(f"{named}: expected a folder, as there are several files")
    if named == common.STDOUT:
        return [common.STDOUT]
    if not is_folder and named.suffix.lower() not in suffixes:
        raise UsageError(f"{named}: expected {' or '.join(suffixes)}, or a folder")
    folder = named if is_folder else named.parent
    with os_errors_as(EmotiondError, folder, "made"):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise EmotiondError(f"{folder}: cannot be written into")
    return [named / name for name in names] if is_folder else [named]


def add_image_arguments(parser: ArgumentParser) -> None:
    """Add the options of `image`."""
    text = "image, folder of images, or camera, such as /dev/video0"
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=text)
    text = "folder for annotated copies; - prints that of one image"
    parser.add_argument("--out", type=common.output_path, metavar="DIR", help=text)
    text = "draw nothing into copies; what --blur says is hidden"
    parser.add_argument("--plain", action="store_true", help=text)
    parser.add_argument("--json", action="store_true", help="print one line of JSON an image")
    _add_analysis_options(parser)


def image(options: Namespace) -> ExitCode:
    """Analyze every image; fail where one could not be read or its copy not be written."""
    config = _load_config(options)
    if options.json and options.out == common.STDOUT:
        raise UsageError("only one of out and json can be printed at a time")
    processing, code = build_processing(config, itertools.count(1)), ExitCode.OK
    paths = list(_image_paths(options.files))
    suffixes = [path.suffix if path.suffix.lower() in COPY_SUFFIXES else ".png" for path in paths]
    copies = _output_paths(options.out, list(map(str.__add__, unique_names(paths), suffixes)))
    if any(path.parent.resolve() == options.out.resolve() for path in paths if options.out):
        raise EmotiondError(f"{options.out}: holds images that are read; name another --out")
    with common.progress_bar(hidden=len(paths) < 2) as bar:
        tracked = bar.track(paths, description="images")
        for path, copy, suffix in zip(tracked, copies, suffixes, strict=True):
            try:
                frame = analyze_image(processing, orient(_read(path), config.source))
                if copy is not None:
                    show = apply_privacy if options.plain else annotate
                    shown = cv2.imencode(suffix, show(frame, config.privacy.blur))[1]
                    common.write_output(copy, shown.tobytes())
            except EmotiondError as error:
                is_video = path.suffix.lower() in VIDEO_SUFFIXES
                print_error(f"{error}{'; `emotiond video` reads videos' if is_video else ''}")
                code = ExitCode.FAULT
            else:
                if options.out != common.STDOUT:
                    _print_faces(path, frame, options.json)
    return code


def _image_paths(files: Sequence[Path]) -> Iterator[Path]:
    """Yield every file that is named, and every image of a folder that is."""
    for file in files:
        if not file.is_dir():
            yield file
            continue
        files = sorted(path for path in file.iterdir() if path.is_file())
        found = [path for path in files if path.suffix.lower() in SUFFIXES]
        if not found:
            print_error(f"{file}: expected images in this folder, found none")
        others = Counter(path.suffix or "no suffix" for path in files if path not in found)
        if others:
            names = ", ".join(f"{number} of {name}" for name, number in sorted(others.items()))
            print_error(f"{file}: passed over {names}")
        yield from found


def _read(path: Path) -> Image:
    """Return the image of a file, or one of a camera, once it has adjusted itself to the light."""
    if not path.is_char_device():
        return read_image(path)
    try:
        with closing(CameraSettings(device=str(path)).open()) as camera:
            *_, frame = itertools.islice(iter_frames(camera, FRAME_TIMEOUT_S), SETTLING_FRAMES)
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error
    return frame.image


def _print_faces(path: Path, frame: AnalyzedFrame, as_json: bool) -> None:
    """Print each face with its place and every probability, the highest first."""
    faces = frame.expressions
    if as_json:
        width, height = frame.frame.size
        found = [face.to_dict() for face in faces]
        result = {"path": path_text(path), "width": width, "height": height, "faces": found}
        print_json(msgspec.json.encode(result))
        return
    print_line(f"{path}: {plural(len(faces), 'face') if faces else 'no face'}")
    for face in faces:
        left, top, right, bottom = (round(edge) for edge in face.box.edges)
        ranked = sorted((face.probabilities or {}).items(), key=lambda item: -item[1])
        text = ", ".join(f"{label} {share:.0%}" for label, share in ranked)
        text = text or f"{face.emotion} ({', '.join(face.reasons).replace('_', ' ')})"
        print_line(f"  {face.track_id}  at {left},{top} {right - left}x{bottom - top}: {text}")


def add_video_arguments(parser: ArgumentParser) -> None:
    """Add the options of `video`."""
    parser.add_argument("videos", type=Path, nargs="+", metavar="FILE", help="video file")
    several = "a folder for several videos, - prints that of one"
    add_output = partial(parser.add_argument, type=common.output_path, metavar="FILE")
    add_output("--out", help=f"the annotated copy, such as out.mp4; {several}")
    add_output("--events", help=f"the events, out.jsonl or out.csv (else JSONL); {several}")
    add_output("--timeline", help=f"a chart of the events, out.svg; {several}")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a video")
    text = "print the frames done of one video, and of how many, as JSON, each half second"
    parser.add_argument("--progress", action="store_true", help=text)
    text = "how many videos are processed at once; default: %(default)s"
    parser.add_argument("--jobs", type=common.count, default=os.cpu_count() or 1, help=text)
    text = "process on a Dask cluster; address of its scheduler, such as tcp://scheduler:8786"
    parser.add_argument("--dask", metavar="ADDRESS", help=text)
    _add_analysis_options(parser)


def video(options: Namespace) -> ExitCode:
    """Analyze every video, write what was asked for, and print a summary of each."""
    config = _load_config(options)
    for path in options.videos:
        if path.suffix.lower() in SUFFIXES - {".gif"}:
            raise UsageError(f"{path}: is an image; `emotiond image` reads images")
    names, outputs = unique_names(options.videos), {}
    for kind, suffixes in OUTPUT_SUFFIXES.items():
        inside = [name + suffixes[0] for name in names]
        outputs[kind] = _output_paths(getattr(options, kind), inside, suffixes)
    written = {path.resolve() for paths in outputs.values() for path in paths if path}
    for path in options.videos:
        if path.resolve() in written:
            raise UsageError(f"{path}: would be written over the video itself")
    printed = [kind for kind, paths in outputs.items() if common.STDOUT in paths]
    if len(printed) + options.json > 1:
        raise UsageError(f"only one of {', '.join(printed)} and json can be printed at a time")
    code, results = ExitCode.OK, dict[int, offline.VideoResult]()
    with tempfile.TemporaryDirectory() as folder:
        # An encoder goes back in its file, which a pipe does not allow.
        copy = Path(folder) / "copy.mp4"
        copies = [copy] if "out" in printed else outputs["out"]
        pairs = zip(options.videos, copies, strict=True)
        jobs = [offline.VideoJob(path, config, out) for path, out in pairs]
        for index, result in _analyze(jobs, options):
            failure = str(result) if isinstance(result, EmotiondError) else result.error
            if failure is not None:
                print_error(failure)
                code = ExitCode.FAULT
            if isinstance(result, offline.VideoResult):
                _write(result, outputs["events"][index], outputs["timeline"][index])
                results[index] = result
        if "out" in printed and results:
            with open(copy, "rb") as file:
                while content := file.read(1_000_000):
                    write_bytes(content)
    for _, result in sorted(results.items()) if not printed else ():
        _print_summary(result, options.json)
    return code


def _analyze(jobs: Sequence[offline.VideoJob], options: Namespace) -> Iterator[offline.Outcome]:
    """Analyze each video, with a progress bar on a terminal."""
    with common.progress_bar() as bar:
        if options.dask is None and len(jobs) == 1:
            try:
                total = probe_video(jobs[0].video)
                task, due = bar.add_task("frames", total=total or None), 0.0

                def tell(done: int) -> None:
                    nonlocal due
                    bar.update(task, completed=done)
                    if options.progress and time.monotonic() >= due:
                        due = time.monotonic() + PROGRESS_INTERVAL_S
                        print_json(msgspec.json.encode({"frames": done, "of": total}))

                yield 0, offline.analyze_video(jobs[0], tell)
            except EmotiondError as error:
                yield 0, error
            return
        if options.dask:
            outcomes = offline.analyze_on_cluster(jobs, options.dask)
        else:
            outcomes = offline.analyze_parallel(jobs, min(options.jobs, len(jobs)))
        yield from bar.track(outcomes, total=len(jobs), description="videos")


def _write(result: offline.VideoResult, events: Path | None, timeline: Path | None) -> None:
    """Write events and timeline, each whole or not at all."""
    if events is not None and events.suffix.lower() == ".csv":
        labels = dict.fromkeys(one for event in result.events for one in event.probabilities or ())
        common.write_output(events, events_csv(result.events, list(labels)).encode())
    elif events is not None:
        lines = (encode_event(event) + b"\n" for event in result.events)
        common.write_output(events, b"".join(lines))
    if timeline is not None:
        svg = timeline_svg(intervals_of(result.events), video=True, title=result.video.name)
        common.write_output(timeline, svg.encode())


def _print_summary(result: offline.VideoResult, as_json: bool) -> None:
    intervals = intervals_of(result.events)
    fps, of_all = result.frames / result.elapsed_s, time_by_emotion(intervals)
    by_track = time_by_track(intervals)
    if as_json:
        rounded = {
            str(track): {emotion: round(time, 3) for emotion, time in seconds.items()}
            for track, seconds in [("", of_all), *by_track.items()]
        }
        summary = {
            "path": path_text(result.video),
            "frames": result.frames,
            "fps": round(fps, 1),
            "events": len(result.events),
            "seconds": rounded.pop(""),
            "tracks": rounded,
            "error": result.error,
        }
        print_json(msgspec.json.encode(summary))
        return
    print_line(
        f"{result.video}: {plural(result.frames, 'frame')} in {result.elapsed_s:.1f} s, "
        f"{fps:.0f} a second; {plural(len(result.events), 'event')}"
    )
    if not intervals:
        print_line("  no face")
        return
    table = Table("face", "in view", *of_all)
    for name, seconds in [("all", of_all), *by_track.items()]:
        total = sum(seconds.values())
        cells = (f"{seconds[one] / total:.0%}" if one in seconds else "" for one in of_all)
        table.add_row(str(name), f"{total:.1f} s", *cells)
    common.print_table(table)
