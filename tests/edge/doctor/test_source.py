from pathlib import Path

import pytest

from edge.capture import SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.images import ImagesSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings
from edge.commands.embedded_broker import free_port
from edge.doctor.result import CheckResult, Level
from edge.doctor.source import examine_source
from tests.conftest import ROOT
from tests.edge.doctor.findings import listed, only

FILM = ROOT / "edge" / "demo" / "faces.mp4"


def found(settings: SourceSettings) -> CheckResult:
    return only(examine_source(settings))


def test_a_film_that_can_be_read_is_ok_with_the_size_of_its_pictures() -> None:
    finding = found(VideoSettings(FILM))
    assert (finding.level, finding.subject) == (Level.OK, f"source {FILM}")
    assert finding.text == "gives pictures of 640x480"


def test_a_film_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    finding = found(VideoSettings(tmp_path / "none.mp4"))
    assert finding.level is Level.FAILURE
    assert "a service cannot read into a home" in str(finding.remedy)


def test_a_folder_without_pictures_is_a_failure(tmp_path: Path) -> None:
    finding = found(ImagesSettings(tmp_path))
    assert finding.level is Level.FAILURE
    assert "found none" in finding.text


def test_a_stream_that_does_not_answer_is_a_failure_and_its_password_never_shown() -> None:
    url = f"http://user:secret@127.0.0.1:{free_port()}/live?token=secret"
    finding = found(StreamSettings(url))
    assert finding.level is Level.FAILURE
    assert finding.subject.startswith("source http://127.0.0.1:")
    assert "secret" not in str(finding)


@pytest.mark.parametrize(
    ("settings", "subject"), [(CameraSettings(250), "source /dev/video250"), (PicameraSettings(9), "source picamera 9")]
)  # fmt: skip
def test_each_kind_of_camera_is_looked_at_by_its_own_means(
    settings: SourceSettings, subject: str
) -> None:
    first, *_ = listed(examine_source(settings))
    assert (first.level, first.subject) == (Level.FAILURE, subject)
