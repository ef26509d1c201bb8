"""Commands on a real pipeline that watches the built-in clip in a loop of a live stream."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.config import Config, PrivacySettings, load_config, parse_config
from edge.service.commands import (
    ChangeSettings,
    Command,
    CommandError,
    CommandRequest,
    CommandResult,
    GetInfo,
    GetSnapshot,
    Pause,
    Reload,
    SetDetector,
    SetModel,
    SetThresholds,
    Shutdown,
)
from edge.service.controller import Controller
from edge.types import CameraState
from edge.view import PrivacyBlur
from tests.brokers import wait_until
from tests.e2e.daemon import read_events
from tests.edge.cameras import day_from_now
from tests.edge.infer.models import copy_brightness


class House:
    """A controller with its config file and its recorded events.

    Args:
        folder: for both.
        source: where frames come from.
        fields: of the config.
    """

    def __init__(self, folder: Path, source: dict[str, Any], **fields: Any) -> None:
        self.path = folder / "house.yaml"
        self.record = folder / "events.jsonl"
        self._state = folder / "state"
        self._source = source
        self.write(**fields)
        self.controller = Controller(self.path)

    def write(self, **fields: Any) -> None:
        sinks = [{"kind": "jsonl", "path": str(self.record)}]
        config = {"source": self._source, "sinks": sinks, "state_dir": str(self._state), **fields}
        self.path.write_bytes(msgspec.json.encode(config))

    def ask(self, command: Command) -> CommandResult | CommandError:
        """Return what comes of a command."""
        answers: list[CommandResult | CommandError] = []
        self.controller.answer(CommandRequest(command, answers.append))
        (answer,) = answers
        return answer

    def refusal(self, command: Command) -> str:
        """Return why a command is not carried out; nothing may have changed by it."""
        before = self.controller.config, self.controller.cameras[""].pipeline.components
        answer = self.ask(command)
        assert isinstance(answer, CommandError)
        assert (self.controller.config, self.controller.cameras[""].pipeline.components) == before
        return f"{answer.code}: {answer}"

    @property
    def camera(self) -> CameraState:
        return self.controller.cameras[""].pipeline.status().camera

    @property
    def events(self) -> list[dict[str, Any]]:
        return read_events(self.record)


@pytest.fixture(scope="module")
def stream() -> Iterator[LiveStream]:
    with LiveStream(CLIP, fps=25) as running:
        yield running


@pytest.fixture
def house(tmp_path: Path, stream: LiveStream) -> Iterator[House]:
    """A house whose camera gives frames."""
    house = House(tmp_path, {"kind": "stream", "url": stream.url})
    house.controller.cameras.start()
    wait_until(lambda: house.camera is CameraState.ONLINE)
    yield house
    assert house.controller.cameras.stop()
    assert house.controller.cameras[""].pipeline.error is None


def test_a_pause_lets_the_camera_go_ends_every_face_and_a_resumption_finds_them_again(
    house: House,
) -> None:
    wait_until(lambda: house.events)
    assert house.ask(Pause(paused=True)) == CommandResult({"paused": True, "until": None})
    assert house.camera is CameraState.PAUSED
    wait_until(lambda: house.events[-1]["type"] == "end")
    source = house.controller.cameras[""].pipeline.source._source
    wait_until(lambda: not source.online)
    told = len(house.events)
    assert house.controller._builder.views[""].latest.newest is None
    house.ask(Pause(paused=False))
    wait_until(lambda: house.camera is CameraState.ONLINE)
    wait_until(lambda: len(house.events) > told)


def test_a_pause_that_runs_out_ends_by_itself(house: House) -> None:
    answer = house.ask(Pause(paused=True, seconds=0.2))
    assert isinstance(answer, CommandResult)
    assert answer.data["until"] is not None

    def ticked() -> bool:
        house.controller.cameras.tick()
        return house.camera is CameraState.ONLINE

    wait_until(ticked)


def test_a_pause_survives_a_restart_and_the_camera_is_not_even_opened(
    tmp_path: Path, stream: LiveStream
) -> None:
    source = {"kind": "stream", "url": stream.url}
    first = House(tmp_path, source)
    first.controller.cameras.start()
    first.ask(Pause(paused=True))
    assert first.controller.cameras.stop()
    second = House(tmp_path, source)
    second.controller.cameras.start()
    wait_until(lambda: second.controller.cameras[""].pipeline._workers[0].heartbeat)
    assert second.camera is CameraState.PAUSED
    assert second.controller.cameras.stop()
    assert second.controller.cameras[""].pipeline.stats().frames == 0


def test_another_model_goes_on_with_the_faces_under_its_own_name(house: House) -> None:
    wait_until(lambda: house.events)
    answer = house.ask(SetModel("tiny-int8"))
    assert answer == CommandResult({"model": "tiny-int8", "detector": "builtin"})
    wait_until(lambda: house.controller.cameras[""].pipeline.applied)
    house.ask(Pause(paused=True))
    wait_until(lambda: house.events[-1]["type"] == "end")
    assert house.events[-1]["model"] == "tiny-int8"
    kinds = [event["type"] for event in house.events]
    assert (kinds.count("start"), kinds.count("end")) == (1, 1)
    assert {event["track_id"] for event in house.events} == {1}


def test_no_id_begins_anew_after_it_ended_however_short_the_pause(house: House) -> None:
    for _ in range(3):
        before = len(house.events)
        wait_until(lambda: len(house.events) > before)  # noqa: B023
        wait_until(lambda: house.events[-1]["type"] != "end")
        house.ask(Pause(paused=True))
        wait_until(lambda: house.events[-1]["type"] == "end")
        house.ask(Pause(paused=False))
    starts = [event["track_id"] for event in house.events if event["type"] == "start"]
    assert len(starts) == len(set(starts)) >= 3


def test_another_detector_gives_new_ids_and_never_an_old_one(house: House) -> None:
    wait_until(lambda: house.events)
    house.ask(SetDetector("haar"))
    wait_until(lambda: house.events[-1]["detector"] == "haar")
    starts = [event["track_id"] for event in house.events if event["type"] == "start"]
    assert starts == [1, 2]


def test_thresholds_take_effect_at_once(house: House) -> None:
    wait_until(lambda: house.events)
    house.ask(SetThresholds(min_size=2000.0))
    wait_until(lambda: house.events[-1]["reasons"] == ["too_small"])


def test_a_threshold_of_the_detector_needs_one_that_has_it(house: House) -> None:
    assert "refused: the detector auto has no min_confidence" in house.refusal(
        SetThresholds(min_confidence=0.5, min_size=30.0)
    )
    house.ask(SetDetector("builtin"))
    assert isinstance(house.ask(SetThresholds(min_confidence=0.5)), CommandResult)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (SetModel("gone"), "refused: expected one of deep-fer2013-int8, "),
        (SetModel("../../etc/passwd"), "found '../../etc/passwd'"),
        (SetModel(""), "refused: expected one of"),
        (SetDetector("harr"), "refused: expected one of auto, builtin, yunet"),
        (GetSnapshot(), "refused: expected privacy.allow_snapshots: true"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    house: House, command: Command, text: str
) -> None:
    assert text in house.refusal(command)


def test_a_detector_that_is_not_installed_is_a_failure_that_changes_nothing(house: House) -> None:
    assert "failed: " in house.refusal(SetDetector("mediapipe"))
    assert house.controller.cameras[""].pipeline.status().detector == "builtin"


def test_a_config_that_is_read_again_undoes_what_commands_changed(house: House) -> None:
    house.ask(SetModel("tiny-int8"))
    house.write(smoothing={"hold_s": 0.3})
    assert house.ask(Reload()) == CommandResult({"model": "shallow-int8", "detector": "builtin"})
    assert house.controller.config.smoothing.hold_s == 0.3


def test_a_config_that_is_read_again_and_says_the_same_disturbs_nobody(house: House) -> None:
    wait_until(lambda: house.events)
    processing = house.controller.cameras[""].pipeline.components.processing
    assert isinstance(house.ask(Reload()), CommandResult)
    assert house.controller.cameras[""].pipeline.components.processing is processing
    assert [event["type"] for event in house.events].count("start") == 1


def test_a_model_of_ones_own_can_be_chosen_once_the_config_names_it(
    house: House, tmp_path: Path
) -> None:
    house.write(classifier={"model": str(copy_brightness(tmp_path))})
    assert isinstance(house.ask(Reload()), CommandResult)
    house.ask(SetModel("tiny-int8"))
    answer = house.ask(SetModel("brightness"))
    assert answer == CommandResult({"model": "brightness", "detector": "builtin"})
    assert "brightness" in house.controller._builder.setup.catalog.models


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smoothing: {hold_s: long}", "house.yaml: smoothing.hold_s: expected a number"),
        ("classifier: {model: gone}", "gone.tflite: no such model"),
        ("{", "house.yaml: is not YAML"),
    ],
)
def test_a_bad_config_is_refused_with_its_error_and_the_old_one_stays(
    house: House, text: str, message: str
) -> None:
    house.path.write_text(text)
    assert message in house.refusal(Reload())


def test_a_config_whose_port_is_taken_is_refused_and_its_other_changes_with_it(
    house: House,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house.write(web={"enabled": True, "port": port}, smoothing={"hold_s": 0.3})
        assert f":{port}: Address already in use" in house.refusal(Reload())
        house.controller.reload()
    assert house.controller.cameras[""].pipeline.error is None
    assert isinstance(house.ask(Reload()), CommandResult)
    assert house.controller.config.smoothing.hold_s == 0.3


def test_a_video_that_is_not_there_is_refused_and_the_camera_stays(house: House) -> None:
    text = house.path.read_text()
    config = msgspec.json.decode(text)
    config["source"] = {"kind": "video", "path": "gone.mp4"}
    house.path.write_bytes(msgspec.json.encode(config))
    assert "gone.mp4: cannot be read as a video" in house.refusal(Reload())
    assert house.camera is CameraState.ONLINE


def test_a_fault_of_the_program_is_answered_and_ends_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(house.controller._builder, "prepare", lambda *_: 1 / 0)
    assert "failed: a fault of emotiond: ZeroDivisionError" in house.refusal(SetModel("tiny-int8"))
    house.controller.reload()
    assert caplog.text.count("ZeroDivisionError: division by zero") == 2
    assert house.camera is CameraState.ONLINE


def test_the_answer_is_given_before_the_sink_that_carries_it_may_be_replaced(
    house: House,
) -> None:
    present = house.controller.cameras[""].pipeline.components
    house.write(sinks=[])
    seen: list[bool] = []

    def answer(_: CommandResult | CommandError) -> None:
        seen.append(house.controller.cameras[""].pipeline.components is present)

    house.controller.answer(CommandRequest(Reload(), answer))
    assert seen == [True]
    assert house.controller.cameras[""].pipeline.components.sinks == ()


def test_a_config_with_another_sink_opens_that_and_the_faces_stay(
    house: House, tmp_path: Path
) -> None:
    wait_until(lambda: house.events)
    before = house.controller.cameras[""].pipeline.components
    other = {"kind": "jsonl", "path": str(tmp_path / "other.jsonl")}
    present = {"kind": "jsonl", "path": str(house.record)}
    house.write(sinks=[present, other])
    assert isinstance(house.ask(Reload()), CommandResult)
    after = house.controller.cameras[""].pipeline.components
    assert (after.source, after.processing, after.sinks[0]) == (
        before.source,
        before.processing,
        before.sinks[0],
    )
    house.ask(SetModel("tiny-int8"))
    wait_until(lambda: read_events(tmp_path / "other.jsonl"))
    assert [event["type"] for event in house.events][:2] == ["start", "end"]


def test_a_config_with_another_source_replaces_that_alone_and_no_id_comes_back(
    house: House,
) -> None:
    wait_until(lambda: house.events)
    before = house.controller.cameras[""].pipeline.components
    with LiveStream(CLIP, fps=25) as other:
        house.write(source={"kind": "stream", "url": other.url})
        assert isinstance(house.ask(Reload()), CommandResult)
        after = house.controller.cameras[""].pipeline.components
        assert after.source is not before.source
        assert after.sinks == before.sinks
        wait_until(lambda: {event["track_id"] for event in house.events} == {1, 2})
    types = [event["type"] for event in house.events if event["type"] != "change"]
    assert types[:3] == ["start", "end", "start"]


def test_what_may_be_asked_follows_the_config_that_is_read_again(house: House) -> None:
    assert "refused" in house.refusal(GetSnapshot())
    house.write(privacy={"allow_snapshots": True})
    assert isinstance(house.ask(Reload()), CommandResult)
    wait_until(lambda: isinstance(house.ask(GetSnapshot()), CommandResult))


def test_a_signal_to_read_the_config_again_is_logged_with_what_changed_or_why_not(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    house.write(smoothing={"hold_s": 0.4}, quality={"min_size": 30})
    house.controller.reload()
    assert "house.yaml: read again; changed: quality, smoothing" in caplog.text
    before = house.controller.cameras[""].pipeline.components
    house.write(smoothing={"hold_s": -1})
    house.controller.reload()
    assert "house.yaml: smoothing.hold_s: expected" in caplog.text
    assert "the settings of before stay" in caplog.text
    assert house.controller.cameras[""].pipeline.components is before


def test_a_snapshot_is_the_picture_of_this_moment_where_the_config_allows_it(
    tmp_path: Path, stream: LiveStream
) -> None:
    house = House(
        tmp_path, {"kind": "stream", "url": stream.url}, privacy={"allow_snapshots": True}
    )
    house.controller.cameras.start()
    wait_until(lambda: house.camera is CameraState.ONLINE)
    wait_until(lambda: isinstance(house.ask(GetSnapshot()), CommandResult))
    answer = house.ask(GetSnapshot())
    assert isinstance(answer, CommandResult)
    assert answer.jpeg is not None
    picture = cv2.imdecode(np.frombuffer(answer.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    assert answer.data == {"width": 640, "height": 480, "bytes": len(answer.jpeg)}
    house.ask(Pause(paused=True))
    assert "failed: there is no image while the camera is paused" in house.refusal(GetSnapshot())
    assert house.controller.cameras.stop()


def test_before_the_first_frame_there_is_no_snapshot(tmp_path: Path, stream: LiveStream) -> None:
    house = House(
        tmp_path, {"kind": "stream", "url": stream.url}, privacy={"allow_snapshots": True}
    )
    assert "failed: there is no image while the camera is offline" in house.refusal(GetSnapshot())


def test_a_snapshot_hides_what_the_config_says(tmp_path: Path, stream: LiveStream) -> None:
    privacy = {"allow_snapshots": True, "blur": "frame"}
    house = House(tmp_path, {"kind": "stream", "url": stream.url}, privacy=privacy)
    house.controller.cameras.start()
    wait_until(lambda: isinstance(house.ask(GetSnapshot()), CommandResult))
    answer = house.ask(GetSnapshot())
    assert isinstance(answer, CommandResult)
    assert answer.jpeg is not None
    picture = cv2.imdecode(np.frombuffer(answer.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert np.ptp(picture) == 0
    assert house.controller.cameras.stop()


def test_what_the_command_line_adjusts_outlives_a_reload(
    tmp_path: Path, stream: LiveStream
) -> None:
    house = House(tmp_path, {"kind": "stream", "url": stream.url})

    def blurred(config: Config) -> Config:
        return msgspec.structs.replace(config, privacy=PrivacySettings(blur=PrivacyBlur.FACES))

    controller = Controller(house.path, adjust=blurred)
    assert controller.config.privacy.blur is PrivacyBlur.FACES
    house.write(smoothing={"hold_s": 0.3})
    controller.reload()
    assert controller.config.smoothing.hold_s == 0.3
    assert controller.config.privacy.blur is PrivacyBlur.FACES


def test_a_daemon_that_is_told_to_quit_says_so(house: House) -> None:
    assert not house.controller.shutdown
    assert house.ask(Shutdown()) == CommandResult()
    assert house.controller.shutdown


def test_info_tells_version_models_and_the_config_without_secrets(
    tmp_path: Path, stream: LiveStream
) -> None:
    url = stream.url.replace("http://", "http://me:hunter2@")
    secret = tmp_path / "password"
    secret.write_text("hunter3")
    mqtt = {"kind": "mqtt", "user": "hunter1", "password": {"file": str(secret)}}
    house = House(tmp_path, {"kind": "stream", "url": url}, sinks=[mqtt])
    answer = house.ask(GetInfo())
    assert isinstance(answer, CommandResult)
    text = msgspec.json.encode(answer.data).decode()
    assert "hunter" not in text
    assert answer.data["models"]["shallow-int8"][0] == "angry"
    assert answer.data["config"]["sinks"][0]["password"] == {"file": str(secret)}
    assert answer.data["detectors"][0] == "auto"


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house whose pipeline is not started: commands change its config all the same."""
    film = {"kind": "video", "path": str(CLIP)}
    return House(tmp_path_factory.mktemp("still"), film, detector={"kind": "haar"})


NAMES = st.sampled_from(["shallow-int8", "tiny-int8", "haar", "builtin", "yunet"]) | st.text()
SHARES = st.none() | st.floats(0.01, 0.99)


@given(
    st.builds(SetModel, NAMES)
    | st.builds(SetDetector, NAMES)
    | st.builds(SetThresholds, SHARES, SHARES, SHARES, SHARES, st.floats(0.01, 0.99))
    | st.sampled_from([Reload(), GetInfo(), GetSnapshot(), Pause(paused=True), Pause(paused=False)])
)
def test_whatever_is_asked_is_answered_and_leaves_a_config_that_can_be_read(
    still: House, command: Command
) -> None:
    before = still.controller.config
    answer = still.ask(command)
    after = still.controller.config
    if isinstance(answer, CommandError):
        assert after == before
    plain = msgspec.to_builtins(after, enc_hook=str)
    assert parse_config(plain, still.path) == after


def test_settings_of_the_page_are_written_and_used_and_the_former_file_is_kept(
    house: House,
) -> None:
    before = house.path.read_text()
    answer = house.ask(ChangeSettings({"smoothing.hold_s": 0.7}))
    assert answer == CommandResult({"changed": ["smoothing"]})
    assert house.controller.config.smoothing.hold_s == 0.7
    assert load_config(house.path).smoothing.hold_s == 0.7
    assert house.path.with_name("house.yaml.bak").read_text() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"smoothing.hold_s": -1},
        {"classifier.model": "absent"},
        {"source.kind": "teapot"},
        {"web.enabled": True},
    ],
)
def test_settings_that_cannot_be_used_leave_file_and_pipeline_alone(
    house: House, changes: dict[str, Any]
) -> None:
    before = house.path.read_text()
    house.refusal(ChangeSettings(changes))
    assert house.path.read_text() == before


def test_settings_that_weaken_privacy_are_used_once_they_are_confirmed(house: House) -> None:
    house.write(sinks=["mqtt://127.0.0.1:1"])
    assert not house.controller.reload()
    before = house.path.read_text()
    answer = house.ask(ChangeSettings({"privacy.allow_snapshots": True}))
    assert isinstance(answer, CommandResult)
    assert "images go to" in answer.data["unconfirmed"][0]
    assert house.path.read_text() == before
    house.ask(ChangeSettings({"privacy.allow_snapshots": True}, confirmed=True))
    assert house.controller.config.privacy.allow_snapshots


def test_outside_the_schedule_a_reload_lets_the_camera_go_and_resume_says_so(house: House) -> None:
    house.write(schedule={"active": [f"{day_from_now(3)} 00:00-24:00"]})
    assert house.controller.reload() == ""
    assert house.camera is CameraState.PAUSED
    answer = house.ask(Pause(paused=False))
    assert isinstance(answer, CommandResult)
    assert answer.data["paused"] is True
    assert answer.data["until"] is not None
    house.write()
    assert house.controller.reload() == ""
    assert house.camera is not CameraState.PAUSED
