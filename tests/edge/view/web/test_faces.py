"""Labeled faces that are collected on the page."""

from pathlib import Path

import cv2
import pytest

from edge.commands.demo import CLIP
from edge.types import Image
from edge.view import PrivacyBlur, WebSettings
from tests.edge.view.scenes import scene
from tests.edge.view.web.servers import serve
from tests.films import frames_of

HAPPY = b'{"label": "happy"}'


@pytest.fixture(scope="module")
def face() -> Image:
    return frames_of(CLIP, 3)[2]


def test_the_largest_face_in_view_is_written_for_its_owner_alone_and_counted(
    tmp_path: Path, face: Image
) -> None:
    with serve(WebSettings(port=0, faces=tmp_path / "faces"), folder=tmp_path) as server:
        server.load_page()
        server.latest.show(scene(image=face))
        for count in (1, 2):
            told = server.request("POST", "/api/faces", HAPPY).json
            assert (told["counts"]["happy"], told["written"]) == (count, 1)
        assert told["folder"] == str(tmp_path / "faces")
        server.latest.show(scene())
        assert server.request("POST", "/api/faces", HAPPY).json["written"] == 0
        path = tmp_path / "faces/happy/000001.png"
        written = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert written is not None
        assert written.shape == (48, 48)
        assert path.stat().st_mode & 0o077 == 0
        refused = server.request("POST", "/api/faces", b'{"label": "../angry"}')
        assert (refused.status, refused.code) == (400, "malformed")


def test_without_a_folder_in_the_config_none_is_written(tmp_path: Path, face: Image) -> None:
    with serve(folder=tmp_path) as server:
        server.load_page()
        server.latest.show(scene(image=face))
        assert server.request("POST", "/api/faces", HAPPY).status == 404


@pytest.mark.parametrize("blur", [PrivacyBlur.FACES, PrivacyBlur.FRAME])
def test_where_faces_are_hidden_none_is_written(
    tmp_path: Path, face: Image, blur: PrivacyBlur
) -> None:
    settings = WebSettings(port=0, faces=tmp_path / "faces")
    with serve(settings, blur, folder=tmp_path) as server:
        server.load_page()
        server.latest.show(scene(image=face))
        reply = server.request("POST", "/api/faces", HAPPY)
        assert (reply.status, reply.code) == (403, "refused")
        assert not (tmp_path / "faces").exists()


def test_the_checks_of_the_doctor_are_told_in_its_words(tmp_path: Path) -> None:
    with serve(folder=tmp_path) as server:
        server.load_page()
        checks = server.request("POST", "/api/doctor").json["checks"]
        config = next(one for one in checks if one["subject"] == "config")
        assert config == {
            "level": "ok",
            "subject": "config",
            "text": f"{tmp_path / 'emotiond.yaml'}: can be read",
            "remedy": None,
        }
