"""A config of version 0.1 works as it did, and its keys are renamed in the file."""

import re
from pathlib import Path

import pytest

from edge.capture.video import VideoSettings
from edge.cli import main
from edge.config import Config, load_config
from edge.config_values import RENAMED, rename_keys
from edge.errors import ConfigError
from edge.publish import MqttSettings
from edge.view import PrivacyBlur
from tests.conftest import ROOT

OLD = Path(__file__).parent / "configs" / "version-0.1.yaml"
"""The config file that version 0.1 shipped, with every key."""

CHANGED = {
    "max_interval: 1.0": "max_interval: 2.0",
    "max_missed: 1.5": "max_missed: 2.5",
    "dwell: 0.3": "dwell: 0.4",
    "keepalive: 30": "keepalive: 31",
    "age: 604800": "age: 604801",
    "web: false": "web: true",
    "viewers: 10": "viewers: 11",
    "pictures: false": "pictures: true",
    "blur: none": "blur: picture",
    "kind: auto ": "kind: emotiond ",
    "state: null": "state: waiting",
}
"""Other values than the defaults, of keys that have another name now."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A config of version 0.1 in which a user has changed much."""
    text = OLD.read_text()
    for was, now in CHANGED.items():
        assert was in text
        text = text.replace(was, now, 1)
    path = tmp_path / "hall.yaml"
    path.write_text(text)
    return path


def comments(path: Path) -> list[str]:
    """Return every comment of a file, in order, without the spaces before it."""
    return re.findall(r"#.*", path.read_text())


def assert_means_what_it_meant(config: Config) -> None:
    (sink,) = config.sinks
    assert isinstance(sink, MqttSettings)
    assert sink.outbox is not None
    assert (config.scheduler.max_interval_s, config.scheduler.cpu_budget) == (2.0, 0.15)
    assert (config.tracker.max_age_s, config.smoothing.hold_s) == (2.5, 0.4)
    assert (sink.keepalive_s, sink.outbox.max_age_s) == (31, 604801)
    assert (config.web.enabled, config.web.max_viewers) == (True, 11)
    assert (config.privacy.allow_snapshots, config.privacy.blur) == (True, PrivacyBlur.FRAME)
    assert type(config.detector).__name__ == "BuiltinSettings"
    assert config.state_dir is not None
    assert config.state_dir.name == "waiting"


def test_it_is_taken_as_it_is_with_one_line_in_the_log(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = old.read_bytes()
    assert_means_what_it_meant(load_config(old))
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith(f"{old}: ")
    assert "detect.every is now scheduler.interval_frames, " in line
    assert line.endswith("; `emotiond config migrate` renames it in the file")
    assert old.read_bytes() == before


def test_check_says_what_would_be_renamed_and_changes_nothing(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = old.read_bytes()
    main(["check", "--config", str(old)])
    assert "sinks[].outbox.age is now sinks[].outbox.max_age_s" in caplog.text
    assert [path.name for path in old.parent.iterdir()] == ["hall.yaml"]
    assert old.read_bytes() == before


def test_it_is_renamed_in_the_file_with_its_comments_and_a_backup(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, told = old.read_bytes(), comments(old)
    old.chmod(0o640)
    assert main(["config", "migrate", "--config", str(old)]) == 0
    (backup,) = set(old.parent.iterdir()) - {old}
    assert backup.name.startswith("hall.yaml.before-")
    assert backup.read_bytes() == before
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.endswith(f"the file before is {backup}")
    assert comments(old) == told
    assert old.stat().st_mode & 0o777 == 0o640
    assert rename_keys(old.read_bytes())[1] == []
    assert_means_what_it_meant(load_config(old))

    after = old.read_bytes()
    assert main(["config", "migrate", "--config", str(old)]) == 0
    assert (old.read_bytes(), backup.read_bytes()) == (after, before)


def test_the_daemon_renames_it_as_it_starts(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = ["--source", "nowhere.mp4", "--no-mqtt"]  # a start that ends at once
    main(["run", "--config", str(old), *options])
    assert "scheduler:" in old.read_text()
    assert "the file before is" in caplog.text


def test_a_file_that_cannot_be_rewritten_is_taken_as_it_is(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    main(["config", "migrate", "--config", str(old)])
    (backup,) = set(old.parent.iterdir()) - {old}
    backup.replace(old)
    backup.mkdir()
    before = old.read_bytes()
    assert main(["config", "migrate", "--config", str(old)]) != 0
    caplog.clear()
    main(["run", "--config", str(old), "--source", "nowhere.mp4", "--no-mqtt"])
    assert old.read_bytes() == before
    assert caplog.text.count("detect.every is now scheduler.interval_frames") == 1
    assert_means_what_it_meant(load_config(old))


def test_a_link_stays_one(old: Path) -> None:
    link = old.with_name("link.yaml")
    link.symlink_to(old)
    main(["config", "migrate", "--config", str(link)])
    assert link.is_symlink()
    assert "scheduler:" in old.read_text()


def renamed(text: str, folder: Path) -> str:
    """Return what `emotiond config migrate` makes of a config."""
    path = folder / "c.yaml"
    path.write_text(text)
    main(["config", "migrate", "--config", str(path)])
    return path.read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("detector: emotiond # mine\n", "detector: builtin # mine\n"),
        ("'detect':\n  every:   3\n", "scheduler:\n  interval_frames:   3\n"),
        ("sinks: {kind: mqtt, faces: yes}\n", "sinks: {kind: mqtt, publish_faces: yes}\n"),
        (
            "sinks:\n- &a {kind: mqtt, keepalive: 5, device: a}\n- {<<: *a, device: b}\n",
            "sinks:\n- &a {kind: mqtt, keepalive_s: 5, device: a}\n- {<<: *a, device: b}\n",
        ),
        ("view: {web: true}\nweb: {port: 9000}\n", "preview: {}\nweb: {enabled: true, port: 9000}\n"),
        ("view: {web: yes, window: no}\n", "preview: {enabled: no}\n\nweb: {enabled: yes}\n"),
        (
            "view:\n  web: yes # the page\nweb:\n  # where\n  port: 9000\n",
            "preview:\n  {} # the page\nweb:\n  # where\n  enabled: yes\n  port: 9000\n",
        ),
        ("source: {kind: video, path: ä.mp4, pace: no}\n", "source: {kind: video, path: ä.mp4, realtime: no}\n"),
    ],
)  # fmt: skip
def test_nothing_but_the_names_changes(old: str, new: str, tmp_path: Path) -> None:
    assert renamed(old, tmp_path) == new
    source = load_config(tmp_path / "c.yaml").source
    assert not isinstance(source, VideoSettings) or not source.realtime


@pytest.mark.parametrize(
    "text",
    [
        "detect: {every: 3, foo: 1}\n",  # a key that never was
        "detect: {every: 3}\nscheduler: {cpu_budget: 0.1}\n",  # which of them?
        "view: {web: true}\nweb:\n",
        "source: [\n",
    ],
)
def test_what_cannot_be_renamed_for_certain_stays(text: str, tmp_path: Path) -> None:
    assert renamed(text, tmp_path) == text
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


def test_both_names_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("smoothing: {dwell: 1.0, hold_s: 2.0}\n")
    with pytest.raises(ConfigError, match="the key 'hold_s' stands twice"):
        load_config(path)


def test_no_present_key_is_taken_for_an_old_one_and_every_new_name_is_there() -> None:
    present = (ROOT / "config" / "emotiond.yaml").read_bytes()
    assert rename_keys(present) == (present, [])
    for new in RENAMED.values():
        assert re.search(rf"\b{re.split(r'[.: ]+', new)[-1]}\b", present.decode()), new
