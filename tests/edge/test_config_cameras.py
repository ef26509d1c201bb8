"""Several cameras in one config."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from edge.capture.camera import CameraSettings
from edge.capture.stream import StreamSettings
from edge.commands.common import chosen_source
from edge.config import (
    Config,
    load_config,
    parse_config,
)
from edge.detect.builtin import BuiltinSettings
from edge.detect.haar import HaarSettings
from edge.errors import ConfigError
from edge.view import PrivacyBlur

HERE = Path("/etc/emotiond/emotiond.yaml")
DOOR = [[0, 0], [0.5, 0], [0.5, 1]]
TWO: dict[str, Any] = {"front": 0, "back": "rtsp://back.local/live"}


def cameras(**fields: Any) -> dict[str, Config]:
    return parse_config(fields, HERE).by_camera()


def test_without_cameras_the_source_is_an_only_camera_without_a_name() -> None:
    config = parse_config({"source": 3}, HERE)
    assert config.by_camera() == {"": config}


def test_a_camera_is_written_as_short_as_a_source() -> None:
    both = cameras(cameras=TWO)
    assert both["front"].source == CameraSettings(device=0)
    assert both["back"].source == StreamSettings("rtsp://back.local/live")


def test_a_camera_has_what_the_top_level_says_unless_it_says_otherwise() -> None:
    front, back = cameras(
        detector={"kind": "builtin", "min_confidence": 0.4},
        privacy={"blur": "frame"},
        zones={"door": DOOR},
        cameras={
            "front": {"source": 0, "detector": {"size": "160x120"}, "privacy": {"blur": "none"}},
            "back": {"source": 1, "detector": "haar", "zones": {"gate": DOOR}},
        },
    ).values()
    assert front.detector == BuiltinSettings(size="160x120", min_confidence=0.4)
    assert (front.privacy.blur, back.privacy.blur) == (PrivacyBlur.NONE, PrivacyBlur.FRAME)
    assert back.detector == HaarSettings()
    assert (list(front.zones), list(back.zones)) == (["door"], ["gate"])


def test_a_source_inherits_what_another_of_its_kind_says_at_the_top() -> None:
    source = {"kind": "camera", "width": 1280}
    front, back = cameras(source=source, cameras={"front": 1, "back": "rtsp://b/"}).values()
    assert front.source == CameraSettings(device=1, width=1280)
    assert back.source == StreamSettings("rtsp://b/")


def test_what_belongs_to_no_camera_is_shared() -> None:
    both = cameras(cameras=TWO, web={"enabled": True})
    assert all(one.web.enabled and one.cameras == {} for one in both.values())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"front": {"source": 0, "detectr": "haar"}}, "cameras.front.detectr: unknown key; did you mean detector?"),
        ({"front": {"source": {"kind": "camra"}}}, "cameras.front.source.kind: expected one of camera,"),
        ({"front": {"quality": {"max_yaw": 91}}}, "cameras.front.quality.max_yaw: expected a number <= 90.0, found 91"),
        ({"front": {"sinks": []}}, "cameras.front.sinks: unknown key; valid are source,"),
        ({"front": {"zones": {"door": [[0, 0]]}}}, "cameras.front.zones.door: expected 3 to 100 points, found 1"),
        ({"front": [0]}, "cameras.front: expected a mapping, such as {source: 0}"),
        ({"front door": 0}, "cameras.front door: expected a name of at most 64 letters, digits, - and _"),
        ({"stats": 0}, "cameras.stats: expected a name that is no topic of the device, which stats is; choose another"),
        ({"a": 0, "b": 0}, "cameras.b.source: expected another device than that of cameras.a, found camera 0; two cannot read it"),
        ({f"c{number}": number for number in range(65)}, "cameras: expected a mapping of length <= 64"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_camera_and_its_key(fields: Any, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config({"cameras": fields}, HERE)
    assert str(raised.value).startswith(f"{HERE}: {message}")
    assert "\n" not in str(raised.value)


def test_the_window_which_shows_one_camera_is_refused_with_several() -> None:
    with pytest.raises(ConfigError, match="preview: expected `enabled: false` with `cameras`"):
        parse_config({"cameras": TWO, "preview": {"enabled": True}}, HERE)


def test_a_variable_sets_what_one_camera_has_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.yaml").write_text("cameras: {front: 0, back: 1}")
    monkeypatch.setenv("EMOTIOND_CAMERAS__BACK__SOURCE__DEVICE", "7")
    monkeypatch.setenv("EMOTIOND_CAMERAS__SIDE", "2")
    devices = {
        name: one.source.location
        for name, one in load_config(tmp_path / "one.yaml").by_camera().items()
    }
    assert devices == {"front": "0", "back": "7", "side": "2"}


def test_no_password_of_a_camera_is_shown() -> None:
    shown = parse_config({"cameras": {"one": "rtsp://me:secret@host/"}}, HERE).redacted()
    assert "secret" not in str(shown)


def test_what_one_camera_lets_out_is_told_of_the_whole() -> None:
    front = {"source": 0, "privacy": {"allow_snapshots": True}}
    told = parse_config({"cameras": {"back": 1, "front": front}, "sinks": "mqtt"}, HERE)
    assert any(flow.data == "images" for flow in told.outgoing_flows())


def test_a_command_that_needs_one_source_asks_which_of_several() -> None:
    config = parse_config({"cameras": TWO}, HERE)
    with pytest.raises(ConfigError, match="expected --source, as the config has front, back"):
        chosen_source(Namespace(source=None), config)
    assert chosen_source(Namespace(source="3"), config) == CameraSettings(device=3)


def test_a_camera_is_changed_and_the_others_are_not() -> None:
    config = parse_config({"cameras": TWO}, HERE)
    front = parse_config({"source": 5}, HERE)
    changed = config.with_camera("front", front).by_camera()
    assert changed["front"].source == front.source
    assert changed["back"] == config.by_camera()["back"]
