"""`emotiond image` as it is typed."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.images import read_image
from edge.cli import main
from edge.types import Image
from tests.edge.commands.terminal import lines, on_terminal


def image(*arguments: object) -> int:
    return main(["image", *map(str, arguments)])


@pytest.fixture
def face(clip: list[Image], tmp_path: Path) -> Path:
    """A picture with one face."""
    return write(tmp_path / "face.png", clip[2])


def write(path: Path, picture: Image, options: list[int] | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), picture, options or [])
    return path


def test_it_says_where_each_face_is_and_every_probability(
    face: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image(face) == 0
    head, told = capsys.readouterr().out.splitlines()
    assert head == f"{face}: 1 face"
    assert told.startswith("  1  at ")
    assert told.count("%") == 8
    percents = [int(word.strip("%,")) for word in told.split() if "%" in word]
    assert percents == sorted(percents, reverse=True)


def test_pictures_with_no_one_and_several_faces(
    face: Path, clip: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = write(tmp_path / "empty.png", np.full((480, 640, 3), 90, dtype=np.uint8))
    pair = write(tmp_path / "pair.png", np.hstack([clip[2], clip[2]]))
    assert image(empty, face, pair, "--json") == 0
    told = lines(capsys)
    assert [len(one["faces"]) for one in told] == [0, 1, 2]
    assert [one["path"] for one in told] == [str(empty), str(face), str(pair)]
    assert [one["width"] for one in told] == [640, 640, 1280]
    assert told[2]["faces"][0]["box"][0] < told[2]["faces"][1]["box"][0]


def test_annotated_copies_are_written_and_the_pictures_stay_as_they_were(
    face: Path, tmp_path: Path
) -> None:
    before = face.read_bytes()
    out = tmp_path / "new" / "out"
    assert image(face, "--out", out) == 0
    copy = cv2.imread(str(out / "face.png"))
    original = cv2.imread(str(face))
    assert copy is not None
    assert original is not None
    assert copy.shape == original.shape
    assert (copy != original).any()
    assert face.read_bytes() == before


def test_a_copy_hides_faces_where_that_is_asked_for(
    face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = cv2.imread(str(face))
    assert original is not None
    image(face, "--out", tmp_path / "out", "--blur", "faces", "--json")
    left, top, right, bottom = (int(edge) for edge in lines(capsys)[0]["faces"][0]["box"])
    copy = cv2.imread(str(tmp_path / "out" / "face.png"))
    assert copy is not None
    inside = slice(top + 20, bottom - 20), slice(left + 20, right - 20)
    assert len(np.unique(copy[inside].reshape(-1, 3), axis=0)) <= 36
    assert len(np.unique(original[inside].reshape(-1, 3), axis=0)) > 500


TURNS: dict[int, Callable[[Image], Image]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}
"""How a camera that notes each orientation of EXIF stores an upright picture."""


def noted(path: Path, orientation: int, picture: Image) -> Path:
    """Write a JPEG with its orientation noted, in the least EXIF that can (CIPA DC-008, 4.5)."""
    coded = cv2.imencode(".jpg", np.ascontiguousarray(picture))[1].tobytes()
    note = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + note + struct.pack("<I", 0)
    segment = b"Exif\0\0" + tiff
    path.write_bytes(
        coded[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + coded[2:]
    )
    return path


def test_a_picture_is_turned_as_the_camera_noted(
    clip: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [
        noted(tmp_path / f"{number}.jpg", number, turn(clip[2])) for number, turn in TURNS.items()
    ]
    assert image(*paths, "--json") == 0
    told = lines(capsys)
    assert {(one["width"], one["height"]) for one in told} == {(640, 480)}
    boxes = np.array([one["faces"][0]["box"] for one in told])
    assert np.abs(boxes - boxes[0]).max() < 12


@pytest.mark.parametrize(
    "kind",
    [
        lambda picture: cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),
        lambda picture: cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA),
        lambda picture: picture.astype(np.uint16) * 257,
    ],
    ids=["grey", "transparent", "16 bit"],
)
def test_every_kind_of_picture_is_read(
    clip: list[Image],
    tmp_path: Path,
    kind: Callable[[Image], Image],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / "face.png", kind(clip[2]))
    assert image(path, "--json") == 0
    assert len(lines(capsys)[0]["faces"]) == 1


def test_a_file_that_is_no_picture_is_told_of_and_the_others_are_read(
    face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter, empty = tmp_path / "letter.jpg", tmp_path / "empty.jpg"
    letter.write_text("Dear Sir or Madam")
    empty.touch()
    assert image(letter, empty, tmp_path / "gone.jpg", face) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == f"{face}: 1 face"
    assert [line.split(": ")[1:] for line in printed.err.splitlines() if "jpg" in line] == [
        [str(letter), "is not an image that can be read"],
        [str(empty), "is not an image that can be read"],
        [str(tmp_path / "gone.jpg"), "cannot be read", "No such file or directory"],
    ]


def test_every_picture_of_a_folder_is_read_in_the_order_of_names(
    clip: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    for name in ("b.png", "a.jpg"):
        write(folder / name, clip[2])
    (folder / "notes.txt").touch()
    assert image(folder, "--json") == 0
    assert [Path(one["path"]).name for one in lines(capsys)] == ["a.jpg", "b.png"]


def test_pictures_of_the_same_name_have_copies_of_different_names(
    clip: list[Image], tmp_path: Path
) -> None:
    paths = [write(tmp_path / folder / "face.png", clip[2]) for folder in ("a", "b")]
    assert image(*paths, "--out", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["face-2.png", "face.png"]


def test_copies_never_take_the_place_of_pictures(
    face: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = face.read_bytes()
    assert image(face, "--out", face.parent) == 1
    assert "holds images that are read; name another --out" in capsys.readouterr().err
    assert face.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_line(
    face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image(face, "--out", face / "out") == 1
    assert "cannot be made: Not a directory" in capsys.readouterr().err


def test_the_model_that_is_named_reads_them(face: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for model in ("shallow-int8", "deep-int8"):
        assert image(face, "--model", model, "--json") == 0
        told.append(lines(capsys)[0]["faces"][0]["probabilities"])
    assert told[0] != told[1]
    assert image(face, "--model", "enormous-int8") == 78


def test_many_pictures_have_a_bar_on_a_terminal_and_none_elsewhere(
    face: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image(face, face) == 0
    assert "images" not in capsys.readouterr().err
    printed, shown = on_terminal("image", face, face, "--json")
    assert "images" in shown
    assert len(printed.splitlines()) == 2


@pytest.mark.parametrize("turn", [["--rotation", 180], ["--flip", "both"]])
def test_an_image_can_be_oriented_and_its_copy_is_as_it_was_searched(
    face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], turn: list[object]
) -> None:
    picture = cv2.rotate(read_image(face), cv2.ROTATE_180)
    upside_down = write(tmp_path / "turned" / "face.png", np.asarray(picture, np.uint8))
    assert (
        image(face, "--json") == image(upside_down, *turn, "--json", "--out", tmp_path / "x") == 0
    )
    upright, oriented = lines(capsys)
    assert oriented["faces"] == upright["faces"]
    copy = read_image(tmp_path / "x" / "face.png")
    assert np.mean(cv2.absdiff(copy, read_image(face))) < 20


def test_a_part_of_an_image_can_be_searched(face: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image(face, "--rotation", 90, "--crop", 0, 0, 1, 0.5, "--json") == 0
    (told,) = lines(capsys)
    height, width = read_image(face).shape[:2]
    assert (told["width"], told["height"]) == (height, width // 2)
    assert image(face, "--crop", 0.5, 0, 0.2, 1) == 78
    assert "crop" in capsys.readouterr().err


def test_a_copy_can_be_printed(face: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert image(face, "--out", "-") == 0
    printed = capfdbinary.readouterr().out
    copy = cv2.imdecode(np.frombuffer(printed, np.uint8), cv2.IMREAD_COLOR)
    assert copy is not None
    assert copy.shape == read_image(face).shape
    assert image(face, face, "--out", "-") == 2
    assert image(face, "--json", "--out", "-") == 2
    assert capfdbinary.readouterr().out == b""
