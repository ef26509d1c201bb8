"""Where the config has its frames come from."""

from collections.abc import Callable, Iterator

from edge.capture import EndOfStream, Source, SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.picamera import PicameraSettings
from edge.doctor.camera import examine_camera
from edge.doctor.picamera import examine_picamera
from edge.doctor.result import CheckResult, Level
from edge.errors import SourceError
from edge.types import Frame

STREAM_REMEDY = (
    "check the address, its user and password, and whether others play it; the daemon tries again "
    "until it answers"
)

FILE_REMEDY = "let `path` name a file that can be read; a service cannot read into a home"


def examine_source(settings: SourceSettings) -> Iterator[CheckResult]:
    """Look at the source; a picture is read, but of a camera, which the daemon may be using."""
    match settings:
        case CameraSettings():
            yield from examine_camera(settings)
        case PicameraSettings():
            yield from examine_picamera(settings)
        case _:
            remedy = STREAM_REMEDY if settings.is_live else FILE_REMEDY
            yield _read_one(f"source {settings.location}", settings.open, remedy)


def _read_one(subject: str, opener: Callable[[], Source], remedy: str) -> CheckResult:
    """Read a picture; a source that fails says so within its own limits of time."""
    try:
        frame = _first(opener())
    except SourceError as error:
        return CheckResult(Level.FAILURE, subject, str(error), remedy)
    except EndOfStream:
        return CheckResult(Level.FAILURE, subject, "holds no picture", remedy)
    height, width = frame.image.shape[:2]
    return CheckResult(Level.OK, subject, f"gives pictures of {width}x{height}")


def _first(source: Source) -> Frame:
    try:
        while True:
            if (frame := source.read()) is not None:
                return frame
    finally:
        source.close()
