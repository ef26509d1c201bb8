"""The annotated copy of a film."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Protocol, Self

import cv2

from edge.errors import EmotiondError
from edge.offline.video_info import VideoInfo
from edge.pipeline.worker import BoundedQueue, QueueClosed
from edge.types import AnalyzedFrame, Image
from edge.view.annotate import annotate
from edge.view.settings import PrivacyBlur

WAITING = 8
"""Scenes that may wait to be drawn and encoded; beyond them the pipeline waits."""


class Encoder(Protocol):
    """Makes a file of pictures."""

    def write(self, picture: Image) -> None:
        """Take the next picture.

        Raises:
            EmotiondError: it cannot be written.
        """

    def close(self) -> None:
        """Finish the file.

        Raises:
            EmotiondError: it cannot be written.
        """


class AnnotatedVideoWriter:
    """Draws and encodes scenes in a thread of its own, for as long as the `with` block lasts.

    The file appears once it is whole; where the block ends by an error there is none. It is
    H.264, with the film's own sound, where the program ffmpeg is installed; elsewhere it is MPEG-4
    Part 2 without sound, which players play and browsers do not.

    Args:
        film: what it is a copy of.
        path: of the copy.
        measure: of the film.
        blur: what is hidden in it.
    """

    def __init__(self, film: Path, path: Path, measure: VideoInfo, blur: PrivacyBlur) -> None:
        self._film = film
        self._path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._measure = measure
        self._blur = blur
        self._error: Exception | None = None
        self._scenes: BoundedQueue[AnalyzedFrame] = BoundedQueue(WAITING, lossless=True)
        self._thread = Thread(target=self._run, name="write", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._scenes.close()
        self._thread.join()
        if error is None and self._error is None:
            self._part.replace(self._path)
            return
        self._part.unlink(missing_ok=True)
        if error is None and self._error is not None:
            raise self._error

    def write(self, scene: AnalyzedFrame) -> None:
        """Have a scene written; wait while too many are.

        Raises:
            EmotiondError: the file cannot be written.
        """
        if self._error is not None:
            raise self._error
        self._scenes.put(scene)

    def _run(self) -> None:
        try:
            self._encode()
        except Exception as error:
            self._error = error
            self._scenes.close()

    def _encode(self) -> None:
        encoder = open_encoder(self._film, self._part, self._measure)
        try:
            while True:
                scene = self._scenes.get(timeout=1.0)
                if scene is not None:
                    encoder.write(annotate(scene, self._blur))
        except QueueClosed:
            pass
        finally:
            encoder.close()


def open_encoder(film: Path, path: Path, measure: VideoInfo) -> Encoder:
    """Return the best encoder at hand.

    Raises:
        EmotiondError: the file cannot be written.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        return OpenCVEncoder(path, measure)
    return FFmpegEncoder(program, film, path, measure)


class FFmpegEncoder:
    """H.264 with the film's own sound, through the program ffmpeg."""

    def __init__(self, program: str, film: Path, path: Path, measure: VideoInfo) -> None:
        size = f"{measure.width}x{measure.height}"
        pictures = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-video_size", size]
        pictures += ["-framerate", f"{measure.fps:.6f}", "-i", "pipe:"]
        # Odd sizes are cut by a line or column: H.264 as browsers play it halves its colours.
        coded = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264"]
        coded += ["-preset", "veryfast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        # Sound that is damaged throughout is no reason to have no copy.
        sound = ["-map", "0:v", "-map", "1:a?", "-c:a", "aac", "-max_error_rate", "1"]
        command = [program, "-v", "error", "-y", *pictures, "-i", str(film), *sound, *coded]
        self._path = path
        # Not a pipe: of a film with damaged sound there is more to say than one holds.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        # Of a session of its own: Ctrl-C in the terminal is for this program.
        self._process = subprocess.Popen(
            [*command, str(path)],
            stdin=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )

    def write(self, picture: Image) -> None:
        """Take the next picture.

        Raises:
            EmotiondError: it cannot be written; the text is ffmpeg's.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(picture.tobytes())
        except BrokenPipeError as error:
            raise self._failure() from error

    def close(self) -> None:
        """Finish the file.

        Raises:
            EmotiondError: it cannot be written; the text is ffmpeg's.
        """
        assert self._process.stdin is not None
        with self._said:
            try:
                self._process.stdin.close()
            except BrokenPipeError as error:
                raise self._failure() from error
            if self._process.wait() != 0:
                raise self._failure()

    def _failure(self) -> EmotiondError:
        self._process.wait()
        self._said.seek(0)
        said = self._said.readline().decode(errors="replace").strip()
        return EmotiondError(f"{self._path}: cannot be written: ffmpeg: {said}")


class OpenCVEncoder:
    """MPEG-4 Part 2 without sound."""

    def __init__(self, path: Path, measure: VideoInfo) -> None:
        size = measure.width, measure.height
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, measure.fps, size)
        if not self._writer.isOpened():
            raise EmotiondError(f"{path}: cannot be written as a film")

    def write(self, picture: Image) -> None:
        """Take the next picture."""
        self._writer.write(picture)

    def close(self) -> None:
        """Finish the file."""
        self._writer.release()
