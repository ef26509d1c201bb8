"""Stream source: a camera behind an address, read by FFmpeg."""

import logging
import math
import ssl
import time
from collections.abc import Iterator
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self
from urllib.parse import quote, urlsplit

import msgspec

from edge.capture.source import MAX_WAIT, LiveSettings, OversizedError
from edge.capture.video import FrameConverter, decode_packet, find_video, open_container
from edge.errors import ConfigError, InputError, SourceError
from edge.pipeline.worker import BoundedQueue, QueueClosed
from edge.secrets import SecretRef, redact_url
from edge.types import DataFlow, Frame

if TYPE_CHECKING:
    import av.container

MAX_STREAM_PIXELS = 7680 * 4320  # of an image: as many as may be asked of a camera
OPEN_TIMEOUT_S, OPEN_WAIT_S = 10.0, 5.0  # seconds for the camera to answer; of them waited for
CLOSE_TIMEOUT_S = 0.2  # seconds that a close waits for the thread; else it is left to its own limit
MAX_PACKETS = 512  # that may wait; then the camera does; HLS sends those of some seconds at once
LATE_S = 0.25  # seconds that a packet may wait; of a later one no image is made
MAX_LATE_S = 1.0  # seconds after which none is decoded any more until the next key frame
SEGMENTED_FORMATS = ("hls", "dash")  # come some seconds at once: what waits of them is not late
MIN_LOGGED = 256  # frames that are passed over before the log says so

LOST_INTERVALS, MIN_LOST_S, MAX_LOST_S = 10.0, 5.0, 60.0
"""Usual intervals between two packets after which the stream is lost, and the bounds of that time
in seconds. The upper one is also that of packets that complete no frame."""

SMOOTHING = 0.5  # weight of the last interval in the usual one
IMAGE_FORMATS = ("image2", "_pipe")  # ends of FFmpeg's names of single images, as jpeg_pipe
NO_ANSWER = "does not answer; check the address in `url`, the network and the camera"
NO_VIDEO = "answers, but with no video (a web page?); `url` must be the stream's own"

REASONS = {  # and remedies, by the name of PyAV's error; {} is what FFmpeg calls it
    "HTTPUnauthorizedError": "asks for another user or password (401); check `user` and `password`",
    "HTTPForbiddenError": "asks for another user or password (403); check `user` and `password`",
    "HTTPNotFoundError": "has no such stream (404); check the path in `url`",
    "HTTPError": "answers with an error ({}); look into the camera's own log",
    "ConnectionRefusedError": "nothing listens there; check the port in `url`, and the camera",
    "TimeoutError": NO_ANSWER,
    "ProtocolNotFoundError": "cannot be read: PyAV has no such protocol; have FFmpeg relay it: "
    "`ffmpeg -i ADDRESS -c copy -f mpegts udp://127.0.0.1:5000`",
    "InvalidDataError": NO_VIDEO,
    "EOFError": "answers, but with no video; check the path in `url`",
}

DETAILS = {  # reasons of other failures, by a word of FFmpeg's last message
    "prematurely": NO_VIDEO,
    "resolve": "its host is not known; check the name in `url`, and the network",
    "certificate": "its certificate is not trusted; install its authority, or set `verify: false`",
}

log = logging.getLogger(__name__)


class Item(NamedTuple):
    """A packet, what decodes it and makes an image of its frame, and since when it waits."""

    context: "av.VideoCodecContext"
    converter: FrameConverter
    packet: "av.Packet[av.VideoStream]"
    since: float


class StreamSettings(LiveSettings, frozen=True, tag="stream"):
    """A stream over RTSP, HTTP (MJPEG, HLS), RTMP or UDP, or an address that answers single images.

    Attributes:
        url: its address. User and password in it can be read by everybody who reads the config.
        user, password: credentials, instead of those in `url`.
        fps: images a second that are asked for where each is a request of its own.
        transport: protocol below RTSP; `auto` takes TCP, and UDP where the camera refuses that.
        latency: `low` keeps nothing back to smooth what comes late.
        verify: whether the certificate of https and rtsps must be trusted.
        lost_after_s: seconds without data until it is opened anew; null: ten intervals, 5 to 60.
    """

    url: Annotated[str, msgspec.Meta(pattern="^(rtsps?|https?|rtmps?|srt|udp)://.+")]
    user: str | None = None
    password: SecretRef | None = None
    fps: Annotated[float, msgspec.Meta(gt=0.0, le=240.0)] = 5.0
    transport: Literal["auto", "tcp", "udp"] = "auto"
    latency: Literal["normal", "low"] = "normal"
    verify: bool = True
    lost_after_s: Annotated[float, msgspec.Meta(ge=1.0, le=86400.0)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        address = urlsplit(self.url)  # raises ValueError where it is no address
        if self.password is not None and self.user is None:
            raise ValueError("Expected `user` beside `password`")
        if self.user is not None and "@" in address.netloc:
            raise ValueError("Expected a user in `url` or beside it, not both")

    @property
    def location(self) -> str:
        """Address without user, password and query, as it may be logged."""
        return redact_url(self.url).partition("?")[0]

    def redacted(self) -> Self:
        """Return a copy without the user, in the address and beside it."""
        user = None if self.user is None else "(hidden)"
        return msgspec.structs.replace(self, url=redact_url(self.url), user=user)

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what the camera is told."""
        if self.user is not None or self.url != self.location:
            yield DataFlow("secrets", "user, password or query", "the camera", self.location, True)

    @property
    def full_url(self) -> str:
        """Address with user and password, or a ConfigError: that is not where it should be."""
        if self.user is None:
            return self.url
        scheme, _, rest = self.url.partition("//")
        password = f":{quote(self.password.resolve(), safe='')}" if self.password else ""
        return f"{scheme}//{quote(self.user, safe='')}{password}@{rest}"

    @property
    def max_silence_s(self) -> float:
        """Seconds for which a sound source may give no frame."""
        return max(self.min_interval_s, self.lost_after_s or MAX_LOST_S)

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's options: of its protocols, and of what is decoded before the first frame."""
        options = {"tls_verify": str(int(self.verify)), "max_pixels": str(2 * MAX_STREAM_PIXELS)}
        if authorities := ssl.get_default_verify_paths().cafile:
            options["ca_file"] = authorities
        # Not to wait for many frames, to tell their rate: it does not matter.
        options |= {"fpsprobesize": "0", "analyzeduration": "2000000"}
        is_auto = self.transport == "auto"
        options |= {"rtsp_flags": "prefer_tcp"} if is_auto else {"rtsp_transport": self.transport}
        # Longer than the reader waits: it gives up first.
        limit = 2 * MAX_WAIT + (self.lost_after_s or MAX_LOST_S)
        is_timeout = self.url.startswith(("rtsp", "udp"))
        options["timeout" if is_timeout else "rw_timeout"] = str(round(limit * 1e6))
        if self.latency == "low":
            options |= {"max_delay": "0", "reorder_queue_size": "0"}
        return options

    def open(self) -> "StreamSource":
        """Open the stream; a SourceError tells that nothing answers, or with no video."""
        try:
            return StreamSource(self, self.full_url)
        except ConfigError as error:
            raise SourceError(str(error)) from error


class StreamSource:
    """Live source that FFmpeg reads; its frames carry the time at which they were read.

    A thread takes what the camera sends, since nothing but a time limit interrupts FFmpeg; whoever
    reads decodes. A camera that answers single images is asked again and again. Of one that sends
    more than can be decoded, frames are passed over, so that those that are seen are never old.
    """

    online = True

    def __init__(self, settings: StreamSettings, url: str) -> None:
        self._settings, self._url = settings, url
        self._items = BoundedQueue[Item](MAX_PACKETS, lossless=True)
        self._failure, self._closed = SourceError("gives no more frames"), Event()
        self._index, self._interval, self._opened = 0, MAX_LOST_S / LOST_INTERVALS, False
        self._size: tuple[int, int] | None = None
        self._passed_over, self._awaits_key_frame = 0, False
        self._came_at = self._seen_at = time.monotonic()
        self._thread = Thread(target=self._receive, name="stream", daemon=True)
        self._thread.start()
        self._next = self._get(OPEN_WAIT_S)

    def read(self) -> Frame | None:
        """Return the next frame, None where none is complete yet."""
        until = time.monotonic() + MAX_WAIT
        while (item := self._take(until)) is not None:
            if self._passes_over(item):
                continue
            frames, now = decode_packet(item.context, item.packet), time.monotonic()
            if frames and (frame := frames[-1]) is not None:
                if now - item.since > LATE_S > now - self._seen_at:
                    continue
                return self._to_frame(frame, item.converter)
            is_alone = item.context.codec.intra_only  # no key frame is waited for
            if self._came_at - self._seen_at > (self._usual_limit() if is_alone else MAX_LOST_S):
                raise SourceError("sends nothing that can be decoded; choose H.264 or MJPEG there")
            if frames and is_alone:
                raise InputError("expected an image that can be decoded, found a damaged one")
        return None

    def skip(self) -> None:
        """Drop the next frame, as `read`; where images do not depend on others, undecoded."""
        item = self._take(time.monotonic() + MAX_WAIT)
        if item and not self._passes_over(item) and not item.context.codec.intra_only:
            decode_packet(item.context, item.packet)

    def close(self) -> None:
        """Let the camera go: at once, or with the next that it sends."""
        self._closed.set()
        self._items.close()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _passes_over(self, item: Item) -> bool:
        """Tell whether a packet is not decoded, as too many others wait."""
        late, context = time.monotonic() - item.since, item.context
        passed_over = len(self._items) > 0
        if not context.codec.intra_only:
            if late > MAX_LATE_S:
                self._awaits_key_frame = True
            elif late <= LATE_S and item.packet.is_keyframe:
                self._awaits_key_frame = False
            context.skip_frame = "NONREF" if late > LATE_S else "DEFAULT"
            passed_over = self._awaits_key_frame
        self._passed_over += passed_over
        if passed_over and self._passed_over >= MIN_LOGGED and self._passed_over.bit_count() == 1:
            text = "stream %s: faster than it is decoded: frames passed over so far: %d"
            log.warning(text, self._settings.location, self._passed_over)
        return passed_over

    def _to_frame(self, frame: "av.VideoFrame", converter: FrameConverter) -> Frame:
        before, self._size = self._size, (frame.width, frame.height)
        if before not in (None, self._size):
            raise SourceError(f"changed the size of its images from {before} to {self._size}")
        image, now = converter.convert(frame), time.monotonic()
        self._index, self._seen_at = self._index + 1, now
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def _take(self, until: float) -> Item | None:
        """Return what came next, None where nothing did."""
        item, self._next = self._next, None
        item = item or self._get(max(0.0, until - time.monotonic()))
        silent = time.monotonic() - self._came_at
        if item is not None:
            self._interval += SMOOTHING * (silent - self._interval)
            self._came_at += silent
            return item
        usual = self._usual_limit() if self._opened else OPEN_TIMEOUT_S
        if silent > (self._settings.lost_after_s or usual):
            raise SourceError(f"sent nothing for {silent:.0f} s" if self._opened else NO_ANSWER)
        return None

    def _usual_limit(self) -> float:
        """Seconds of silence after which a stream of this rate is lost."""
        return min(max(LOST_INTERVALS * self._interval, MIN_LOST_S), MAX_LOST_S)

    def _get(self, timeout: float) -> Item | None:
        try:
            return self._items.get(timeout)
        except QueueClosed:
            raise self._failure from None

    def _receive(self) -> None:
        """Pass on each packet, and keep why there are no more."""
        from av.error import FFmpegError

        due, is_image = time.monotonic(), True
        interval = max(1 / self._settings.fps, self._settings.min_interval_s)
        try:
            while is_image and not self._closed.wait(max(0.0, due - time.monotonic())):
                due = max(due + interval, time.monotonic())
                with open_stream(self._url, self._settings) as container:
                    is_image = container.format.name.endswith(IMAGE_FORMATS)
                    self._pass_on(container)
        except FFmpegError:  # it has ended
            pass
        except SourceError as error:  # not another InputError, which the next packet may mend
            self._failure = error if isinstance(error, OversizedError) else SourceError(str(error))
        finally:
            self._items.close()

    def _pass_on(self, container: "av.container.InputContainer") -> None:
        from av.codec.context import Flags

        stream = find_video(container, MAX_STREAM_PIXELS)
        stream.thread_type = "SLICE"  # others hold frames back
        if self._settings.latency == "low":
            stream.codec_context.flags |= Flags.low_delay
        converter = FrameConverter(stream)
        is_segmented = container.format.name in SEGMENTED_FORMATS
        for packet in container.demux(stream):
            since = math.inf if is_segmented else time.monotonic()
            if packet.size or packet.dts is not None:  # not the end
                self._items.put(Item(stream.codec_context, converter, packet, since))
            self._opened = True
            if self._closed.is_set():
                return


def open_stream(url: str, settings: StreamSettings) -> "av.container.InputContainer":
    """Open a stream, or raise a SourceError that tells why and the remedy, but no address."""
    import av

    # Without a level an error says less than FFmpeg knows; with one, addresses go to the log.
    logging.getLogger("libav").setLevel(logging.CRITICAL + 1)
    av.logging.set_level(av.logging.ERROR)
    try:
        # Without PyAV's own timeouts: they take the interpreter's lock, also of one that ends.
        return open_container(url, settings.options)
    except av.FFmpegError as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        reasons = [REASONS[name] for name in names if name in REASONS]
        reasons += [reason for word, reason in DETAILS.items() if word in str(error.log)]
        reason = (reasons or ["cannot be reached: {}"])[0]
        raise SourceError(reason.format(error.strerror)) from error
    finally:
        av.logging.set_level(None)
