"""Web API: errors, faces as JSON, metrics for Prometheus, commands, and uploaded images."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from edge.capture.images import UnknownFormatError, decode_image
from edge.capture.source import OversizedError, as_readonly
from edge.errors import InputError
from edge.pipeline.worker import LatestFrame
from edge.publish.events import utc
from edge.service.commands import (
    ChangeSettings,
    Command,
    CommandError,
    CommandName,
    CommandRequest,
    CommandResult,
    ErrorCode,
    NamedCommand,
    read_command,
)
from edge.types import AnalyzedFrame, CameraState, DaemonStatus, Image, Stats
from edge.view import ViewContext

MAX_COMMAND_BYTES = 4096

MAX_SETTINGS_BYTES = 65_536
"""Bytes of the settings that one request changes."""

COMMAND_TIMEOUT_S = 10.0
"""Seconds within which the main thread must answer; a model on a slow SD card takes some."""

MAX_UPLOAD_BYTES = 10_000_000
"""Bytes of an uploaded file: what a good camera makes of one image."""

MAX_UPLOAD_PIXELS = 25_000_000
"""Pixels of an uploaded image; decoded, each takes three bytes."""

UPLOAD_TIMEOUT_S = 20.0
"""Seconds within which the body of a request must have come."""

MAX_QUEUED_UPLOADS = 4
"""Images that may wait while one is analyzed."""


class ApiError(Exception):
    """A request that is not carried out; the code is for programs, the message for people."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @property
    def response(self) -> Response:
        """The response to the request."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {}
        body = {"error": {"code": self.code, "message": str(self)}}
        return JSONResponse(body, self.status, headers)


def faces_json(context: ViewContext) -> dict[str, Any]:
    """Return the faces of the latest frame as plain values; none where there is no frame."""
    frame = context.latest.newest
    if frame is None:
        return {"time": None, "fps": 0.0, "frame": None, "faces": []}
    width, height = frame.frame.size
    return {
        "time": utc(frame.time),
        "fps": round(context.latest.fps, 1),
        "frame": {"width": width, "height": height},
        "faces": [face.to_dict() for face in frame.expressions],
    }


@dataclass(frozen=True, slots=True)
class MetricsCollector(Collector):
    """Metrics of this moment, for `prometheus_client.generate_latest`.

    Attributes:
        latest: the faces of this moment.
        status, stats: the latest; None before the first.
        viewers: number of viewers of the live video.
    """

    latest: LatestFrame
    status: DaemonStatus | None
    stats: Stats | None
    viewers: int

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its samples."""
        frame, status = self.latest.newest, self.status
        counts = Counter(face.emotion for face in frame.expressions) if frame else Counter[str]()
        emotions = sorted({*(status.labels if status else ()), *counts})
        faces = [([emotion], counts[emotion]) for emotion in emotions]
        yield _gauge("faces_in_view", "Faces in view, by emotion.", faces, "emotion")
        states = [([one.value], status is not None and status.camera is one) for one in CameraState]
        yield _gauge("camera", "1 for the present state.", states, "state")
        yield _gauge("frames_per_second", "Analyzed frames a second.", [([], self.latest.fps)])
        yield _gauge("viewers", "Viewers of the live video.", [([], self.viewers)])
        if self.stats is not None:
            yield from _stats_metrics(self.stats)


PROCESS_METRICS = frozenset({"cpu_share", "memory_bytes", "uptime_seconds", "temperature_celsius"})
"""Metrics of the daemon as a whole, whatever cameras it has."""


@dataclass(frozen=True, slots=True)
class CamerasCollector(Collector):
    """Metrics of several cameras, each with the label `camera`; those of the daemon come once."""

    cameras: Mapping[str, Collector]

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its samples of every camera."""
        metrics: dict[str, Metric] = {}
        for camera, collector in self.cameras.items():
            for metric in collector.collect():
                kept = metrics.setdefault(metric.name, metric)
                if metric.name.removeprefix("emotiond_") in PROCESS_METRICS:
                    continue
                samples = [
                    one._replace(labels={**one.labels, "camera": camera}) for one in metric.samples
                ]
                kept.samples = samples if kept is metric else kept.samples + samples
        yield from metrics.values()


def _stats_metrics(stats: Stats) -> Iterator[Metric]:
    for name, text, value in (
        ("frames", "Frames read.", stats.frames),
        ("detections", "Frames in which the detector ran.", stats.detections),
        ("faces", "Faces classified.", stats.faces),
        ("refused_faces", "Faces that the model took for none.", stats.rejected_faces),
        ("events", "Events published.", stats.events),
    ):
        yield CounterMetricFamily(f"emotiond_{name}", text, value=value)
    dropped = CounterMetricFamily("emotiond_dropped", "Items dropped, by kind.", labels=["what"])
    for item, count in stats.dropped.items():
        dropped.add_metric([item], count)
    yield dropped
    latencies = [
        ([to, quantile], value)
        for to, values in (("expression", stats.frame_latency), ("event", stats.event_latency))
        for quantile, value in zip(("0.5", "0.95"), values or (), strict=False)
    ]
    text = "Latency since capture, over the latest."
    yield _gauge("latency_seconds", text, latencies, "to", "quantile")
    yield _gauge("cpu_share", "CPU time, as a share of one core.", [([], stats.load.cpu)])
    if stats.load.memory is not None:
        yield _gauge("memory_bytes", "Resident memory.", [([], stats.load.memory)])
    yield _gauge("uptime_seconds", "Time since the start.", [([], stats.uptime)])
    if stats.load.temperature is not None:
        yield _gauge("temperature_celsius", "CPU temperature.", [([], stats.load.temperature)])


def _gauge(
    name: str, text: str, samples: Iterable[tuple[Sequence[str], float]], *labels: str
) -> Metric:
    """Return a gauge with samples, each the values of its labels and its own."""
    metric = GaugeMetricFamily(f"emotiond_{name}", text, labels=labels)
    for values, value in samples:
        metric.add_metric(values, value)
    return metric


def parse_command(body: bytes) -> NamedCommand:
    """Return the command in a body such as `{"command": "pause", "paused": true}`.

    Raises:
        CommandError: the body holds none, or one that is not carried out here.
    """
    known = [one.value for one in CommandName if one is not CommandName.SNAPSHOT]
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(ErrorCode.MALFORMED, f"is not JSON: {error}") from error
    name = fields.pop("command", None)
    if name == CommandName.SNAPSHOT:
        raise CommandError(ErrorCode.REFUSED, "the image of this moment is at /snapshot.jpg")
    if name not in known:
        text = f"expected `command` to be one of {', '.join(known)}"
        raise CommandError(ErrorCode.UNKNOWN, text)
    return read_command(CommandName(name), fields)


def parse_settings(body: bytes) -> ChangeSettings:
    """Return the change in a body such as `{"changes": {"smoothing.hold_s": 0.5}}`.

    Raises:
        CommandError: it holds none.
    """
    try:
        return msgspec.json.decode(body, type=ChangeSettings)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(ErrorCode.MALFORMED, f"expected changes of settings: {error}") from error


async def execute_command(command: Command, context: ViewContext) -> dict[str, Any]:
    """Submit a command, and return its result as plain values.

    Raises:
        CommandError: it was not carried out.
        ApiError: no answer came in time.
    """
    answer: Future[CommandResult | CommandError] = Future()
    context.commands.submit(CommandRequest(command, answer.set_result, context.camera))
    try:
        # Shielded: a late answer may still be set, and goes unheard.
        waiting = asyncio.shield(asyncio.wrap_future(answer))
        result = await asyncio.wait_for(waiting, COMMAND_TIMEOUT_S)
    except TimeoutError as error:
        text = f"no answer came within {COMMAND_TIMEOUT_S:.0f} s; it may still be carried out"
        raise ApiError(HTTPStatus.GATEWAY_TIMEOUT, "slow", text) from error
    if isinstance(result, CommandError):
        raise result
    return result.data


class UploadAnalyzer:
    """Analyzes uploaded images one after another; a few may wait."""

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        self._uploads = 0
        self._lock = asyncio.Lock()

    async def analyze(self, request: Request) -> AnalyzedFrame:
        """Return the uploaded image of a request with its faces.

        Raises:
            ApiError: it is no image, too large, or too slow; or too many wait.
        """
        if self._uploads > MAX_QUEUED_UPLOADS:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many images wait")
        self._uploads += 1
        try:
            data = await read_body(request, MAX_UPLOAD_BYTES)
            async with self._lock:
                return await asyncio.to_thread(lambda: self._context.analyze(_decode(data)))
        finally:
            self._uploads -= 1


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request.

    Raises:
        ApiError: it is too large, too slow, or breaks off.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(f"expected at most {max_bytes} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > max_bytes:
                    raise _too_large(f"expected at most {max_bytes} bytes")
    except TimeoutError as error:
        text = f"expected the whole of it within {UPLOAD_TIMEOUT_S:.0f} s"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow", text) from error
    except ClientDisconnect as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "it broke off") from error
    return bytes(body)


def _too_large(text: str) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text)


def _decode(data: bytes) -> Image:
    """Return the image in `data`; its size is checked before anything is decoded."""
    if not data:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "expected an image, found nothing")
    try:
        return as_readonly(decode_image(data, MAX_UPLOAD_PIXELS))
    except OversizedError as error:
        raise _too_large(str(error)) from error
    except UnknownFormatError as error:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise ApiError(status, "malformed", f"the upload {error}") from error
    except InputError as error:
        text = f"the image {error}"
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", text) from error
