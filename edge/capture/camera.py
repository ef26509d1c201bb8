"""Camera source: a V4L2 camera."""

from typing import Annotated, ClassVar, Literal

import cv2
import msgspec

from edge.capture.opencv_capture import OpenCVSource


class CameraSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="camera"
):
    """A camera and the image asked of it; one that cannot gives the nearest it has.

    Attributes:
        device: its number, or a path such as /dev/v4l/by-id/..., which survives replugging.
    """

    is_live: ClassVar[Literal[True]] = True

    device: Annotated[int, msgspec.Meta(ge=0, le=255)] | str = 0
    width: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=64, le=4320)] = 480
    fps: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30

    @property
    def location(self) -> str:
        """Device, as it may be logged."""
        return str(self.device)

    def open(self) -> OpenCVSource:
        """Open the camera.

        Raises:
            SourceError: it is absent, in use, or not permitted.
        """
        capture = cv2.VideoCapture(self.device, cv2.CAP_V4L2)
        # MJPG first: over USB 2, raw images of 640x480 and more do not reach 30 a second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self.height)
        capture.set(cv2.CAP_PROP_FPS, self.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return OpenCVSource(capture)
