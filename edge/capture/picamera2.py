"""Picamera2 source: the Raspberry Pi's camera through its Python binding.

Written from Picamera2's source and its own tests (0.3.20 and later, which end a wait for a camera
that hangs); it was tested with a stand-in and on no hardware.
"""

import importlib
import time
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np

from edge.capture.source import as_readonly
from edge.errors import SourceError
from edge.types import Frame

FRAME_TIMEOUT = 2.0
"""Seconds without a frame after which the camera is assumed to hang."""


class Picamera2Source:
    """Live source whose frames are not compressed on their way here.

    Args:
        library: the module `picamera2`.
        camera: its index.
        size: width and height asked for, in pixels; it may give the nearest it has.
        fps: frames a second asked for.
        upside_down: whether the image is rotated by 180 degrees.

    Raises:
        SourceError: it is absent or in use.
    """

    online = True

    def __init__(
        self, library: ModuleType, camera: int, size: tuple[int, int], fps: int, upside_down: bool
    ) -> None:
        self._index = 0
        self._camera: Any = None
        try:
            self._camera = library.Picamera2(camera)
            self._camera.configure(_configuration(self._camera, size, fps, upside_down))
            self._camera.start()
        except Exception as error:  # libcamera's errors are of many kinds
            self.close()
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            SourceError: the camera fell silent or failed.
        """
        try:
            image = self._camera.capture_array("main", wait=FRAME_TIMEOUT)
        except TimeoutError:
            raise SourceError(f"picamera2 gave no picture for {FRAME_TIMEOUT:.0f} s") from None
        except Exception as error:
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error
        now = time.monotonic()
        self._index += 1
        image = as_readonly(np.ascontiguousarray(image))
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Drop the next frame; it costs as much as to read it.

        Raises:
            SourceError: the camera fell silent or failed.
        """
        self.read()

    def close(self) -> None:
        """Release the camera, even one that hangs."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.cancel_all_and_flush, camera.close):
            with suppress(Exception):  # one that was unplugged cannot be closed in order
                step()


def _configuration(camera: Any, size: tuple[int, int], fps: int, upside_down: bool) -> Any:
    """Return Picamera2's configuration; its RGB888 lies in memory as blue, green, red."""
    duration = round(1_000_000 / fps)
    configuration = camera.create_video_configuration(
        main={"format": "RGB888", "size": size},
        controls={"FrameDurationLimits": (duration, duration)},
    )
    if upside_down:
        transform = importlib.import_module("libcamera").Transform
        configuration["transform"] = transform(hflip=1, vflip=1)
    return configuration
