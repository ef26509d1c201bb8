"""Video files: their size and length, and annotated copies of them."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import cv2

from edge.errors import EmotiondError, InputError
from edge.pipeline.worker import BoundedQueue, QueueClosed
from edge.types import AnalyzedFrame, Image
from edge.view.annotate import annotate
from edge.view.settings import PrivacyBlur

MAX_QUEUED = 8
"""Frames that may wait to be drawn and encoded; beyond them the pipeline waits."""

DEFAULT_FPS = 25.0
"""Frames per second of a video that does not state its own."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Size and length of a video, as its header states them.

    Attributes:
        width, height: in pixels.
        fps: frames per second.
        frames: number of frames; it may be wrong, or 0 where it is not stated.
    """

    width: int
    height: int
    fps: float
    frames: int


def probe_video(path: Path) -> VideoInfo:
    """Read size and length from the header of a video.

    Raises:
        InputError: the file is missing or no video.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not path.exists() or not capture.isOpened():
            reason = "cannot be read as a video" if path.exists() else "there is no such file"
            raise InputError(f"{path}: {reason}")
        return VideoInfo(
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=capture.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS,
            frames=max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))),
        )
    finally:
        capture.release()


class AnnotatedVideoWriter:
    """Annotates and encodes frames in its own thread while its `with` block lasts.

    The file appears once it is complete; where the block ends by an error there is none. It is
    H.264 with the sound of the original where the program ffmpeg is installed. Elsewhere it is
    MPEG-4 Part 2 without sound, which players play and browsers do not.

    Args:
        video: the original.
        path: of the copy.
        info: size and length of the original.
        blur: what is hidden in the copy.
    """

    def __init__(self, video: Path, path: Path, info: VideoInfo, blur: PrivacyBlur) -> None:
        self._video = video
        self._path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._info = info
        self._blur = blur
        self._error: Exception | None = None
        self._frames: BoundedQueue[AnalyzedFrame] = BoundedQueue(MAX_QUEUED, lossless=True)
        self._thread = Thread(target=self._run, name="write", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._frames.close()
        self._thread.join()
        if error is None and self._error is None:
            self._part.replace(self._path)
            return
        self._part.unlink(missing_ok=True)
        if error is None and self._error is not None:
            raise self._error

    def write(self, frame: AnalyzedFrame) -> None:
        """Queue a frame to be written; wait while too many are queued.

        Raises:
            EmotiondError: the file cannot be written.
        """
        if self._error is not None:
            raise self._error
        self._frames.put(frame)

    def _run(self) -> None:
        try:
            self._encode()
        except Exception as error:
            self._error = error
            self._frames.close()

    def _encode(self) -> None:
        encoder = _open_encoder(self._video, self._part, self._info)
        try:
            while True:
                frame = self._frames.get(timeout=1.0)
                if frame is not None:
                    encoder.write(annotate(frame, self._blur))
        except QueueClosed:
            pass
        finally:
            encoder.close()


def _open_encoder(video: Path, path: Path, info: VideoInfo) -> "FFmpegEncoder | OpenCVEncoder":
    """Open the best encoder at hand for a copy of `video` at `path`."""
    program = shutil.which("ffmpeg")
    if program is None:
        return OpenCVEncoder(path, info)
    return FFmpegEncoder(program, video, path, info)


class FFmpegEncoder:
    """Encodes H.264 with the sound of the original, through the program ffmpeg."""

    def __init__(self, program: str, video: Path, path: Path, info: VideoInfo) -> None:
        images = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "bgr24",
            "-video_size",
            f"{info.width}x{info.height}",
        ]
        images += ["-framerate", f"{info.fps:.6f}", "-i", "pipe:"]
        # Odd sizes are cut by a row or column: H.264 as browsers play it halves its colors.
        codec = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264"]
        codec += ["-preset", "veryfast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        # Damaged sound is no reason to have no copy.
        sound = ["-map", "0:v", "-map", "1:a?", "-c:a", "aac", "-max_error_rate", "1"]
        command = [program, "-v", "error", "-y", *images, "-i", str(video), *sound, *codec]
        self._path = path
        # Not a pipe: for a video with damaged sound ffmpeg prints more than one holds.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        # In a session of its own: Ctrl-C in the terminal is for this program.
        self._process = subprocess.Popen(
            [*command, str(path)],
            stdin=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )

    def write(self, image: Image) -> None:
        """Append an image.

        Raises:
            EmotiondError: it cannot be written; the text is ffmpeg's.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(image.tobytes())
        except BrokenPipeError as error:
            raise self._failure() from error

    def close(self) -> None:
        """Finish the file.

        Raises:
            EmotiondError: it cannot be written; the text is ffmpeg's.
        """
        assert self._process.stdin is not None
        with self._stderr:
            try:
                self._process.stdin.close()
            except BrokenPipeError as error:
                raise self._failure() from error
            if self._process.wait() != 0:
                raise self._failure()

    def _failure(self) -> EmotiondError:
        self._process.wait()
        self._stderr.seek(0)
        reason = self._stderr.readline().decode(errors="replace").strip()
        return EmotiondError(f"{self._path}: cannot be written: ffmpeg: {reason}")


class OpenCVEncoder:
    """Encodes MPEG-4 Part 2 without sound.

    Raises:
        EmotiondError: the file cannot be written.
    """

    def __init__(self, path: Path, info: VideoInfo) -> None:
        size = info.width, info.height
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, info.fps, size)
        if not self._writer.isOpened():
            raise EmotiondError(f"{path}: cannot be written as a film")

    def write(self, image: Image) -> None:
        """Append an image."""
        self._writer.write(image)

    def close(self) -> None:
        """Finish the file."""
        self._writer.release()
