"""Settings as the page changes them: in the file, with its comments, and never against its will."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.config import Config, load_config, parse_config_file
from edge.errors import ConfigError
from edge.paths import asset
from edge.service.commands import CommandError
from edge.service.settings import SettingsFile, describe_settings, privacy_losses

TEXT = """\
# The kitchen.
source: 0          # the webcam
smoothing:
  hold_s: 0.4      # calm
  hysteresis: 0.3
sinks: mqtt://cook@broker.local
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "kitchen.yaml"
    path.write_text(TEXT)
    return path


def edit(path: Path, **changes: Any) -> str:
    """Return the text of a file with changes, whose keys have __ for a dot."""
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return SettingsFile(path).edit(load_config(path), named, path.parent / "state").decode()


def edited(path: Path, **changes: Any) -> Config:
    return parse_config_file(edit(path, **changes).encode(), path)


def test_a_changed_value_leaves_every_other_line_and_comment_as_it_was(path: Path) -> None:
    changed = TEXT.replace("hold_s: 0.4 ", "hold_s: 0.25")
    assert edit(path, smoothing__hold_s=0.25).split() == changed.split()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source__rotation": 180}, {"source": {"kind": "camera", "device": 0, "rotation": 180}}),
        ({"source": "rtsp://camera/live"}, {"source": "rtsp://camera/live"}),
        ({"detector": "haar"}, {"detector": "haar"}),
        ({"quality__min_size": 30}, {"quality": {"min_size": 30}}),
        ({"smoothing__hold_s": None}, {"smoothing": {"hysteresis": 0.3}}),
        (
            {"privacy__allow_snapshots": True, "snapshots__on": "[start]", "snapshots__keep": "1h"},
            {
                "privacy": {"allow_snapshots": True},
                "snapshots": {"on": ["start"], "keep": "1h"},
            },
        ),
        (
            {"source__crop": "[0, 0, 1, 0.5]"},
            {"source": {"kind": "camera", "crop": [0, 0, 1, 0.5]}},
        ),
        (
            {"zones": "{door: [[0, 0], [1, 0], [1, 1]]}"},
            {"zones": {"door": [[0, 0], [1, 0], [1, 1]]}},
        ),
        ({"classifier__model": "yes.tflite"}, {"classifier": {"model": "yes.tflite"}}),
    ],
)
def test_what_is_written_is_read_as_it_was_meant(
    path: Path, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    former = {"source": 0, "smoothing": {"hold_s": 0.4, "hysteresis": 0.3}}
    wanted = former | {"sinks": "mqtt://cook@broker.local"} | expected
    assert edited(path, **changes) == parse_config_file(msgspec.yaml.encode(wanted), path)


def test_the_default_broker_can_be_changed_where_the_file_names_none(path: Path) -> None:
    path.write_text("")
    (sink,) = edited(path, sinks__0__host="broker.local").sinks
    assert sink == parse_config_file(b"sinks: mqtt://broker.local", path).sinks[0]


@pytest.mark.parametrize("text", ["sinks: []", "sinks: [{kind: jsonl, path: a.jsonl}]"])
def test_a_first_broker_can_be_named_beside_what_there_is(path: Path, text: str) -> None:
    path.write_text(text)
    number = len(load_config(path).sinks)
    sinks = edited(path, **{f"sinks__{number}__host": "localhost"}).sinks
    assert sinks[:number] == load_config(path).sinks
    assert sinks[number:] == parse_config_file(b"sinks: mqtt", path).sinks


def test_a_password_goes_into_a_private_file_and_never_into_the_config(path: Path) -> None:
    text = edit(path, sinks__0__password="hush")
    (file,) = (path.parent / "state").iterdir()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("hush", 0o600)
    assert "hush" not in text
    assert str(file) in text


def test_a_password_of_a_change_that_is_not_made_is_deleted(path: Path) -> None:
    file = SettingsFile(path)
    file.edit(load_config(path), {"sinks.0.password": "hush"}, path.parent / "state")
    file.discard()
    assert list((path.parent / "state").iterdir()) == []


def test_no_secret_is_among_the_settings_that_are_shown(path: Path) -> None:
    assert "cook" not in str(describe_settings(load_config(path), path))


@pytest.mark.parametrize(
    "key", ["web.host", "web", "sinks", "state_dir", "preview.enabled", "sinks.1.host", "x.y", ""]
)
def test_what_the_page_may_not_change_is_refused(path: Path, key: str) -> None:
    with pytest.raises(CommandError, match="a setting that the page can change"):
        SettingsFile(path).edit(load_config(path), {key: 1}, path.parent)


def test_a_sink_that_writes_files_is_none_of_the_pages_business(path: Path) -> None:
    path.write_text("sinks: [{kind: jsonl, path: events.jsonl}]")
    with pytest.raises(CommandError):
        SettingsFile(path).edit(load_config(path), {"sinks.0.path": "/etc/passwd"}, path.parent)


def test_the_config_of_the_program_itself_is_not_changed() -> None:
    shipped = asset("config") / "emotiond.yaml"
    with pytest.raises(ConfigError, match="a file of your own"):
        edit(shipped, smoothing__hold_s=1)


@pytest.mark.parametrize(
    ("old", "new", "loss"),
    [
        ("{}", "privacy: {allow_snapshots: true}", "images go to"),
        ("privacy: {blur: faces}", "privacy: {blur: none}", "blurred less"),
        ("{}", "sinks: mqtt://elsewhere", "events go to subscribers"),
        ("retention: {max_event_age_s: 60}", "retention: {max_event_age_s: 120}", "for longer"),
        ("retention: {max_image_age_s: 60}", "{}", "for longer"),
        ("ignore: [[[0, 0], [1, 0], [1, 1]]]", "{}", "is shown and searched"),
    ],
)
def test_what_lets_out_or_keeps_more_than_before_is_told(old: str, new: str, loss: str) -> None:
    before, after = (parse_config_file(text.encode(), Path("a.yaml")) for text in (old, new))
    assert any(loss in one for one in privacy_losses(before, after))
    assert privacy_losses(after, before) == [] or "elsewhere" in new
