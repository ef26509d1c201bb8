"""Parts of the web API: errors, bodies of requests, commands, faces as JSON, and metrics.

A request that is not carried out raises an ApiError; a command, a CommandError.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

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
    Command,
    CommandError,
    CommandName,
    CommandRequest,
    CommandResult,
    ErrorCode,
    NamedCommand,
    read_command,
)
from edge.types import CameraState, DaemonStatus, Image, Stats
from edge.view import ViewContext

T = TypeVar("T")

COMMAND_TIMEOUT_S = 10.0
"""Seconds within which the main thread must answer; a model on a slow SD card takes some."""

MAX_UPLOAD_PIXELS = 25_000_000  # pixels of an uploaded image; decoded, each takes three bytes
UPLOAD_TIMEOUT_S = 20.0  # seconds within which the body of a request must have come


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


def faces_json(latest: LatestFrame) -> dict[str, Any]:
    """Return the faces of the latest frame as plain values; none where there is no frame."""
    frame = latest.newest
    if frame is None:
        return {"time": None, "fps": 0.0, "frame": None, "faces": []}
    width, height = frame.frame.size
    return {
        "time": utc(frame.time),
        "fps": round(latest.fps, 1),
        "frame": {"width": width, "height": height},
        "faces": [face.to_dict() for face in frame.expressions],
    }


@dataclass(frozen=True, slots=True)
class MetricsCollector(Collector):
    """Metrics of this moment, for `prometheus_client.generate_latest`."""

    latest: LatestFrame
    status: DaemonStatus
    stats: Stats | None
    viewers: int

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its samples; what cannot be measured has none."""
        frame, stats = self.latest.newest, self.stats
        counts = Counter(face.emotion for face in frame.expressions) if frame else Counter[str]()
        emotions = sorted({*self.status.labels, *counts})
        faces = [([emotion], counts[emotion]) for emotion in emotions]
        yield _labeled("faces_in_view", "Faces in view, by emotion.", ["emotion"], faces)
        states = [([one.value], self.status.camera is one) for one in CameraState]
        yield _labeled("camera", "1 for the present state.", ["state"], states)
        yield _gauge("frames_per_second", "Analyzed frames a second.", self.latest.fps)
        yield _gauge("viewers", "Viewers of the live video.", self.viewers)
        if stats is None:
            return
        for name, text, value in (
            ("frames", "Frames read.", stats.frames),
            ("detections", "Frames in which the detector ran.", stats.detections),
            ("faces", "Faces classified.", stats.faces),
            ("refused_faces", "Faces that the model took for none.", stats.rejected_faces),
            ("events", "Events published.", stats.events),
        ):
            yield CounterMetricFamily(f"emotiond_{name}", text, value)
        dropped = CounterMetricFamily("emotiond_dropped", "Items dropped, by kind.", None, ["what"])
        for item, count in stats.dropped.items():
            dropped.add_metric([item], count)
        yield dropped
        latencies = [
            ([to, quantile], value)
            for to, values in (("expression", stats.frame_latency), ("event", stats.event_latency))
            for quantile, value in zip(("0.5", "0.95"), values or (), strict=False)
        ]
        text = "Latency since capture, over the latest."
        yield _labeled("latency_seconds", text, ["to", "quantile"], latencies)
        yield _gauge("cpu_share", "CPU time, as a share of one core.", stats.load.cpu)
        yield _gauge("memory_bytes", "Resident memory.", stats.load.memory)
        yield _gauge("uptime_seconds", "Time since the start.", stats.uptime)
        yield _gauge("temperature_celsius", "CPU temperature.", stats.load.temperature)


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


def _gauge(name: str, text: str, value: float | None) -> Metric:
    return GaugeMetricFamily(f"emotiond_{name}", text, value)


def _labeled(
    name: str, text: str, labels: list[str], samples: Iterable[tuple[list[str], float]]
) -> Metric:
    metric = GaugeMetricFamily(f"emotiond_{name}", text, labels=labels)
    for values, value in samples:
        metric.add_metric(values, value)
    return metric


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request; errors are as of `receive_body`."""
    parts: list[bytes] = []
    await receive_body(request, max_bytes, parts.append, UPLOAD_TIMEOUT_S)
    return b"".join(parts)


async def receive_body(
    request: Request, max_bytes: int, write: Callable[[bytes], object], timeout_s: float
) -> None:
    """Write the body of a request, unless it is too large, too slow, or breaks off."""
    announced = request.headers.get("content-length", "0")
    oversized, received = announced.isdecimal() and int(announced) > max_bytes, 0
    try:
        async with asyncio.timeout(timeout_s):
            stream = request.stream()
            while not oversized and (part := await anext(stream, None)) is not None:
                received += len(part)
                oversized = received > max_bytes
                write(part)
    except TimeoutError as error:
        text = f"expected the whole of it within {timeout_s:.0f} s"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow", text) from error
    except ClientDisconnect as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "it broke off") from error
    if oversized:
        raise _too_large(f"expected at most {max_bytes} bytes")


async def read_json(request: Request, kind: type[T], max_bytes: int) -> T:
    """Return the JSON body of a request, if it is of that kind."""
    try:
        return msgspec.json.decode(await read_body(request, max_bytes), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(ErrorCode.MALFORMED, f"is not as the API says: {error}") from error


def parse_command(fields: dict[str, Any]) -> NamedCommand:
    """Return the command of fields such as `{"command": "pause", "paused": true}`."""
    name = fields.pop("command", None)
    if name == CommandName.SNAPSHOT:
        raise CommandError(ErrorCode.REFUSED, "the image of this moment is at /snapshot.jpg")
    try:
        return read_command(CommandName(name), fields)
    except ValueError as error:
        text = f"expected `command` to be one of {', '.join(CommandName)}"
        raise CommandError(ErrorCode.UNKNOWN, text) from error


async def execute_command(command: Command, context: ViewContext) -> dict[str, Any]:
    """Submit a command, and return its result as plain values."""
    answer: Future[CommandResult | CommandError] = Future()
    context.commands.submit(CommandRequest(command, answer.set_result, context.camera))
    # Unlike `wait_for` it cancels nothing: a late answer may still be set, and goes unheard.
    if not (await asyncio.wait([asyncio.wrap_future(answer)], timeout=COMMAND_TIMEOUT_S))[0]:
        text = f"no answer came within {COMMAND_TIMEOUT_S:.0f} s; it may still be carried out"
        raise ApiError(HTTPStatus.GATEWAY_TIMEOUT, "slow", text)
    result = answer.result()
    if isinstance(result, CommandError):
        raise result
    return result.data


def decode_upload(data: bytes) -> Image:
    """Return the uploaded image; its size is checked before anything is decoded."""
    try:
        return as_readonly(decode_image(data, MAX_UPLOAD_PIXELS))
    except OversizedError as error:
        raise _too_large(str(error)) from error
    except InputError as error:
        unknown = isinstance(error, UnknownFormatError)
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if unknown else HTTPStatus.UNPROCESSABLE_ENTITY
        raise ApiError(status, "malformed", f"the upload {error}") from error


def _too_large(text: str) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text)
