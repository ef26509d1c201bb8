"""Published sets, drawn here in the forms in which they are published."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data import EXPRESSIONS, Dataset, open_dataset
from edge.commands.demo import CLIP
from edge.detect import open_detector
from edge.detect.builtin import BuiltinSettings
from edge.errors import DataError
from edge.infer.crop import crop_face
from edge.types import Image
from tests.converter.faces import write_images


def labels(data: Dataset) -> str:
    return " ".join(EXPRESSIONS[label] for label in data.labels)


def write_list(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_rafdb(root: Path, *lines: str) -> Path:
    """Draw a face into Image/aligned for each line of the list, and write the list."""
    write_list(root / "EmoLabel" / "list_patition_label.txt", *lines)
    stems = [line.split(".")[0] for line in lines]
    return write_images(root, *(f"Image/aligned/{stem}_aligned.jpg" for stem in stems))


def test_rafdb_takes_labels_and_splits_of_its_list(tmp_path: Path) -> None:
    lines = [f"train_0000{label}.jpg {label}" for label in range(1, 8)]
    data = open_dataset(write_rafdb(tmp_path, *lines, "test_0001.jpg 4"))
    assert labels(data) == "surprise fear disgust happy sad angry neutral happy"
    assert data.usage.tolist() == ["Training"] * 7 + ["PublicTest"]
    assert set(data.source.tolist()) == {"RAF-DB"}


def test_rafdb_takes_the_whole_images_where_none_are_aligned(tmp_path: Path) -> None:
    write_list(tmp_path / "list_patition_label.txt", "train_00001.jpg 5")
    root = write_images(tmp_path, "original/train_00001.jpg")
    assert labels(open_dataset(root)) == "sad"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_00001.jpg", r"line 2: expected a line such as train_00001.jpg 5, found 'train_0"),
        ("train_00009.jpg 5", r"line 2: expected train_00009.jpg among the images .*unpack all"),
        ("test_0001.jpg 8", r"test_0001_aligned.jpg: expected a label among 1, 2, .*, found '8'"),
    ],
)
def test_a_wrong_line_of_a_list_is_named(tmp_path: Path, line: str, message: str) -> None:
    write_rafdb(tmp_path, "train_00001.jpg 5", "test_0001.jpg 4")
    write_list(tmp_path / "EmoLabel" / "list_patition_label.txt", "train_00001.jpg 5", line)
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


def write_affectnet(root: Path, split: str, number: int, label: str) -> None:
    write_images(root, f"{split}/images/{number}.jpg")
    annotations = root / split / "annotations"
    annotations.mkdir(exist_ok=True)
    np.save(annotations / f"{number}_exp.npy", label)
    np.save(annotations / f"{number}_val.npy", "-0.5")
    np.save(annotations / f"{number}_lnd.npy", np.zeros(136))


def test_affectnet_takes_the_label_beside_each_image(tmp_path: Path) -> None:
    for number in range(8):
        write_affectnet(tmp_path, "train_set", number, str(number))
    write_affectnet(tmp_path, "val_set", 0, "1")
    data = open_dataset(tmp_path)
    assert labels(data) == "neutral happy sad surprise fear disgust angry contempt happy"
    assert data.usage.tolist() == ["Training"] * 8 + ["PublicTest"]


def test_what_affectnet_labels_as_no_expression_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, label in enumerate(("3", "8", "9", "10")):
        write_affectnet(tmp_path, "train_set", number, label)
    assert labels(open_dataset(tmp_path)) == "surprise"
    assert "AffectNet: left out 3 images labeled as no expression" in caplog.text


def test_a_set_without_any_expression_is_refused(tmp_path: Path) -> None:
    write_affectnet(tmp_path, "train_set", 1, "8")
    with pytest.raises(DataError, match="expected faces labeled as an expression, found none"):
        open_dataset(tmp_path)


def test_a_damaged_or_lonely_label_of_affectnet_is_named(tmp_path: Path) -> None:
    write_affectnet(tmp_path, "train_set", 5, "1")
    label = tmp_path / "train_set" / "annotations" / "5_exp.npy"
    label.write_bytes(b"1")
    with pytest.raises(DataError, match=r"5_exp.npy: expected one label, found .*download"):
        open_dataset(tmp_path)
    np.save(label.with_name("6_exp.npy"), "1")
    label.unlink()
    with pytest.raises(DataError, match=r"6_exp.npy: expected .*6 among the images of the set"):
        open_dataset(tmp_path)


def test_kaggles_affectnet_is_labeled_by_its_table_and_not_by_its_folders(tmp_path: Path) -> None:
    root = write_images(tmp_path, "anger/image0000006.jpg", "happy/image0000007.jpg")
    lines = (",pth,label,relFCs", "0,anger/image0000006.jpg,surprise,0.87", "1,happy/image0000007.jpg,happy,0.9")  # fmt: skip
    write_list(root / "labels.csv", *lines)
    assert labels(open_dataset(root)) == "surprise happy"
    write_list(root / "labels.csv", lines[0], "0,anger/gone.jpg,anger,0.87")
    with pytest.raises(DataError, match=r"labels.csv: row 2: expected .*anger/gone.jpg among"):
        open_dataset(root)


def test_kaggles_affectnet_as_folders_needs_no_table(tmp_path: Path) -> None:
    root = write_images(tmp_path, "Train/Anger/a.png", "Test/Contempt/b.png", "Test/neutral/c.png")
    data = open_dataset(root)
    assert labels(data) == "contempt neutral angry"
    assert data.usage.tolist() == ["PublicTest", "PublicTest", "Training"]


def test_the_images_of_ferplus_come_with_their_votes(tmp_path: Path) -> None:
    for split, number, votes in (
        ("Train", 0, "4,0,0,1,3,2,0,0,0,0"),
        ("Train", 1, "0,0,0,0,0,0,0,6,4,0"),
        ("Valid", 2, "0,10,0,0,0,0,0,0,0,0"),
        ("Test", 3, "0,0,0,0,10,0,0,0,0,0"),
        ("Train", 4, "1,0,0,0,0,0,0,0,0,9"),
    ):
        name = f"FER2013{split}/fer{number:07d}.png"
        write_images(tmp_path, name)
        table = tmp_path / f"FER2013{split}" / "label.csv"
        with table.open("a") as file:
            file.write(f'{Path(name).name},"(0, 0, 48, 48)",{votes}\n')
    data = open_dataset(tmp_path)
    assert labels(data) == "angry neutral contempt happy"
    assert data.usage.tolist() == ["PrivateTest", "Training", "Training", "PublicTest"]
    assert data.votes[1].tolist() == [4, 0, 0, 1, 3, 2, 0, 0, 0, 0]


def write_ckplus(root: Path, subject: str, sequence: str, frames: int, code: int) -> None:
    """Draw a sequence of CK+, and its label where `code` is not below 0, as published."""
    place, stem = f"{subject}/{sequence}", f"{subject}_{sequence}"
    names = [f"{stem}_{number:08d}" for number in range(1, frames + 1)]
    write_images(root, *(f"cohn-kanade-images/{place}/{name}.png" for name in names))
    (root / "Emotion" / place).mkdir(parents=True)
    if code >= 0:
        label = root / "Emotion" / place / f"{names[-1]}_emotion.txt"
        label.write_text(f"   {code:.7e}\n")


def test_sequences_of_ckplus_are_neutral_first_and_labeled_in_their_last_three_frames(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_ckplus(tmp_path, "S005", "001", 6, 3)
    write_ckplus(tmp_path, "S010", "002", 2, 2)
    write_ckplus(tmp_path, "S010", "003", 4, -1)
    data = open_dataset(tmp_path)
    assert labels(data) == "neutral disgust disgust disgust neutral contempt"
    assert data.subject.tolist() == ["S005"] * 4 + ["S010"] * 2
    assert set(data.usage.tolist()) == {"Training", "PublicTest"}
    assert "the first frame is taken as neutral, the last 3 as labeled" in caplog.text


def test_class_folders_of_ckplus_tell_how_they_are_trained_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_dataset(write_images(tmp_path, "anger/S010_004_00000017.png"))
    assert "without a folder neutral, train it alone with --label-set ck" in caplog.text


@pytest.mark.parametrize("code", range(8))
def test_each_code_of_ckplus_is_an_expression(tmp_path: Path, code: int) -> None:
    write_ckplus(tmp_path, "S005", "001", 4, code)
    order = ["neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"]
    assert labels(open_dataset(tmp_path)).split()[-1] == order[code]


def test_ckplus_without_its_labels_is_told_what_is_missing(tmp_path: Path) -> None:
    write_ckplus(tmp_path, "S005", "001", 4, 1)
    write_ckplus(tmp_path, "S010", "001", 4, 1)
    with pytest.raises(DataError, match="give the folder that holds the labels of the set too"):
        open_dataset(tmp_path / "cohn-kanade-images")


def test_a_label_of_ckplus_that_is_none_is_named(tmp_path: Path) -> None:
    write_ckplus(tmp_path, "S005", "001", 4, 1)
    next(tmp_path.rglob("*_emotion.txt")).write_text("happy")
    with pytest.raises(DataError, match=r"expected a label such as 3.0000000e.00, found 'happy'"):
        open_dataset(tmp_path)


CLASSES = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")


def test_class_folders_of_ckplus_give_class_and_subject_with_contempt_among_them(
    tmp_path: Path,
) -> None:
    names = [f"{name}/S01{n}_004_00000017.png" for n, name in enumerate(CLASSES)]
    data = open_dataset(write_images(tmp_path, *names))
    assert set(labels(data).split()) == {*EXPRESSIONS} - {"neutral"}
    assert data.subject[data.labels == EXPRESSIONS.index("contempt")].tolist() == ["S011"]


def test_a_subject_is_in_one_split_whatever_folder_its_images_lie_in(tmp_path: Path) -> None:
    names = [
        f"{split}/{name}/S{subject:03d}_{n:03d}_00000017.png"
        for subject in range(10)
        for n, name in enumerate(("happy", "anger"))
        for split in ("train", "test")
    ]
    data = open_dataset(write_images(tmp_path, *names))
    splits = set(zip(data.subject.tolist(), data.usage.tolist(), strict=True))
    assert len(splits) == 10
    assert set(data.usage.tolist()) == {"Training", "PublicTest"}


def test_an_image_of_ckplus_called_otherwise_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path, "happy/S010_004_00000017.png", "happy/holiday.png")
    with pytest.raises(DataError, match=r"holiday.png: expected a name such as S010_004_00000017"):
        open_dataset(root)


SUBJECTS = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")


def test_the_names_of_jaffe_tell_class_and_subject(tmp_path: Path) -> None:
    codes = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")
    root = write_images(tmp_path, *(f"KA.{code}1.{n}.tiff" for n, code in enumerate(codes)))
    data = open_dataset(root)
    assert set(labels(data).split()) == set(EXPRESSIONS[:7])
    assert set(data.subject.tolist()) == {"KA"}


def test_images_of_256_pixels_become_faces(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "KA.HA1.29.tiff"), np.full((256, 256), 90, dtype=np.uint8))
    data = open_dataset(tmp_path)
    assert data.pixels.shape == (1, 48, 48)


def test_two_of_the_ten_subjects_are_tested_with_all_their_images(tmp_path: Path) -> None:
    names = [f"{who}.{what}.{n}.tiff" for who in SUBJECTS for n, what in enumerate(("HA1", "SA2"))]
    data = open_dataset(write_images(tmp_path, *names))
    assert len(set(data.split("PublicTest").subject.tolist())) == 2
    assert len(data.split("PublicTest")) == 4


def test_an_image_of_jaffe_called_otherwise_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path, "KA.HA1.29.tiff", "KA.XX1.30.tiff")
    with pytest.raises(DataError, match=r"KA.XX1.30.tiff: expected a name such as KA.AN1.39"):
        open_dataset(root)


def test_kdef_is_labeled_by_its_names_and_split_by_person(tmp_path: Path) -> None:
    codes = ("AF", "AN", "DI", "HA", "NE", "SA", "SU")
    names = [f"{one}F01/{one}F01{code}S.JPG" for one in "AB" for code in codes]
    data = open_dataset(write_images(tmp_path, *names, "AM02/AM02HAHL.JPG"))
    once = "fear angry disgust happy neutral sad surprise"
    assert labels(data) == f"{once} happy {once}"
    assert set(data.subject.tolist()) == {"F01", "M02"}
    assert len(set(zip(data.subject.tolist(), data.usage.tolist(), strict=True))) == 2


def test_profiles_and_misnamed_images_of_kdef_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["AF01ANS.JPG", "AF01ANFL.JPG", "AF01ANFR.JPG", "AF31V.JPG"]
    assert labels(open_dataset(write_images(tmp_path, *names))) == "angry"
    assert "KDEF: left out 3 images" in caplog.text


def test_sets_of_whole_images_advise_to_crop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_dataset(write_images(tmp_path, "AF01ANS.JPG"))
    assert "the images of KDEF show more than a face; --crop cuts it out" in caplog.text


def clip_frame(second: float) -> Image:
    """Return a frame of the built-in clip, which shows one face."""
    clip = cv2.VideoCapture(str(CLIP))
    clip.set(cv2.CAP_PROP_POS_MSEC, 1000 * second)
    read, frame = clip.read()
    assert read
    return np.asarray(frame, dtype=np.uint8)


def test_cropped_faces_are_framed_as_the_daemons(tmp_path: Path) -> None:
    frame, detector = clip_frame(1.0), open_detector(BuiltinSettings())
    (tmp_path / "happy").mkdir()
    assert cv2.imwrite(str(tmp_path / "happy" / "a.png"), frame)
    (face,) = detector.detect(frame)
    daemons = crop_face(frame, face.box, face.points, detector.crop_fit, 48)
    assert np.array_equal(open_dataset(tmp_path, detector=detector).pixels[0], daemons)
    assert not np.array_equal(open_dataset(tmp_path).pixels[0], daemons)


def test_images_without_a_face_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root, detector = tmp_path / "mine", open_detector(BuiltinSettings())
    for name in ("happy", "sad"):
        (root / name).mkdir(parents=True)
        assert cv2.imwrite(str(root / name / "a.png"), clip_frame(1.0))
    assert cv2.imwrite(str(root / "sad" / "b.png"), np.full((240, 320), 90, np.uint8))
    assert labels(open_dataset(root, detector=detector)) == "happy sad"
    assert "mine: found no face in 1 of 3 images, such as " in caplog.text
    assert "sad/b.png; they are left out" in caplog.text


def test_a_set_in_which_no_face_is_found_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sad").mkdir()
    assert cv2.imwrite(str(tmp_path / "sad" / "b.png"), np.full((240, 320), 90, np.uint8))
    with pytest.raises(DataError, match=r"found none in all 1; .*leave out --crop"):
        open_dataset(tmp_path, detector=open_detector(BuiltinSettings()))


def test_each_face_of_an_image_of_expw_is_the_one_in_its_box(tmp_path: Path) -> None:
    one, other = clip_frame(1.0), clip_frame(12.0)
    (tmp_path / "origin").mkdir()
    assert cv2.imwrite(str(tmp_path / "origin" / "two.png"), np.hstack([one, other]))
    # name, number, top, left, right, bottom, confidence, label
    write_list(
        tmp_path / "label.lst",
        "two.png 0 130 210 430 350 22.93 6",
        "two.png 1 130 850 1070 350 31.5 3",
    )
    whole = open_dataset(tmp_path)
    assert labels(whole) == "neutral happy"
    assert len(set(whole.usage.tolist())) == 1  # faces of one image are in one split
    detector = open_detector(BuiltinSettings())
    alone = []
    for frame in (one, other):
        (face,) = detector.detect(frame)
        alone.append(crop_face(frame, face.box, face.points, detector.crop_fit, 48).astype(int))
    crops = open_dataset(tmp_path, detector=detector).pixels
    distances = [[np.abs(crop - face).mean() for face in alone] for crop in crops]
    assert np.argmin(distances, axis=1).tolist() == [0, 1]


def test_a_box_of_expw_in_which_no_face_is_found_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert cv2.imwrite(str(tmp_path / "one.png"), clip_frame(1.0))
    lines = ("one.png 0 130 210 430 350 22.93 6", "one.png 1 0 0 90 90 11.2 3")
    write_list(tmp_path / "label.lst", *lines)
    assert labels(open_dataset(tmp_path, detector=open_detector(BuiltinSettings()))) == "neutral"
    assert "ExpW: found no face in 1 of 2 images" in caplog.text
