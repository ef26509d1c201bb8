"""The Raspberry Pi's camera through Picamera2, its Python binding.

Written after Picamera2's source and its own tests (0.3.20 and later, which end a wait for a camera
that hangs); it was tried with a stand-in and on no hardware.
"""

import importlib
import time
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np

from edge.capture.source import frozen
from edge.errors import SourceError
from edge.types import Frame

SILENCE = 2.0
"""Seconds without a picture after which the camera is taken for hung."""


class Picamera2Capture:
    """A camera whose pictures are not compressed on their way here.

    Args:
        library: the module `picamera2`.
        camera: its index.
        size: width and height asked for, in pixels; it may give the nearest that it has.
        fps: pictures a second asked for.
        turned: whether the picture is turned by 180 degrees.

    Raises:
        SourceError: it is absent or in use.
    """

    online = True

    def __init__(
        self, library: ModuleType, camera: int, size: tuple[int, int], fps: int, turned: bool
    ) -> None:
        self._index = 0
        self._camera: Any = None
        try:
            self._camera = library.Picamera2(camera)
            self._camera.configure(_configuration(self._camera, size, fps, turned))
            self._camera.start()
        except Exception as error:  # libcamera's errors are of many kinds
            self.close()
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error

    def read(self) -> Frame:
        """Return the next picture.

        Raises:
            SourceError: the camera fell silent or failed.
        """
        try:
            picture = self._camera.capture_array("main", wait=SILENCE)
        except TimeoutError:
            raise SourceError(f"picamera2 gave no picture for {SILENCE:.0f} s") from None
        except Exception as error:
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error
        now = time.monotonic()
        self._index += 1
        image = frozen(np.ascontiguousarray(picture))
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Let the next picture pass; it costs as much as to read it.

        Raises:
            SourceError: the camera fell silent or failed.
        """
        self.read()

    def close(self) -> None:
        """Let go of the camera, also of one that hangs."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.cancel_all_and_flush, camera.close):
            with suppress(Exception):  # one that was torn out cannot be closed in order
                step()


def _configuration(camera: Any, size: tuple[int, int], fps: int, turned: bool) -> Any:
    """Return Picamera2's configuration; what it calls RGB888 lies in memory as blue, green, red."""
    duration = round(1_000_000 / fps)
    configuration = camera.create_video_configuration(
        main={"format": "RGB888", "size": size},
        controls={"FrameDurationLimits": (duration, duration)},
    )
    if turned:
        transform = importlib.import_module("libcamera").Transform
        configuration["transform"] = transform(hflip=1, vflip=1)
    return configuration
