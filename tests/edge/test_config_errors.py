"""The keys of version 0.1, each refused with its present name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import inspect

from edge.config import Config, load_config, parse_config
from edge.config_errors import RENAMED, find_renamed_keys
from edge.errors import ConfigError
from edge.view import PrivacyBlur

OLD = Path(__file__).parent / "configs" / "version-0.1.yaml"
"""The config file that version 0.1 shipped, with every key."""

HERE = Path("/etc/emotiond/emotiond.yaml")


def refusal(data: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, HERE)
    return str(caught.value)


def mqtt(**fields: Any) -> dict[str, Any]:
    return {"sinks": [{"kind": "jsonl", "path": "events"}, {"kind": "mqtt", **fields}]}


def test_the_config_of_version_0_1_is_refused_with_all_its_renamed_keys_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(OLD)
    for change in (
        "detect.every: is now scheduler.interval_frames",
        "sinks[0].outbox.age: is now sinks[].outbox.max_age_s",
        "view.web: is now web.enabled",
        "state: is now state_dir",
    ):
        assert change in str(caught.value)


def test_with_its_keys_renamed_it_means_what_the_present_one_means() -> None:
    old = yaml.safe_load(OLD.read_text())
    assert {place.replace("[0]", "[]") for place in find_renamed_keys(old)} == {
        key for key in RENAMED if ":" not in key and not key.startswith("source.")
    }


def test_every_present_name_is_a_key_of_the_config() -> None:
    for name in RENAMED.values():
        for key in name.split(" and "):
            _find(key.partition(".kind:")[0].partition(":")[0].replace("[]", ""))


def _find(key: str) -> None:
    """Fail where no settings have such a key."""
    kinds: list[inspect.Type] = [inspect.type_info(Config)]
    for part in key.split("."):
        fields = [one for kind in kinds for one in _fields(kind) if one.name == part]
        assert fields, key
        kinds = [field.type for field in fields]


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    match kind:
        case inspect.StructType():
            return kind.fields
        case inspect.UnionType():
            return tuple(field for one in kind.types for field in _fields(one))
        case inspect.VarTupleType():
            return _fields(kind.item_type)
    return ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (mqtt(keepalive=5), "sinks[1].keepalive: is now sinks[].keepalive_s"),
        ({"source": {"kind": "video", "path": "a", "pace": True}}, "source.pace: is now source.realtime"),
        ({"detector": "emotiond"}, "detector.kind: emotiond: is now detector.kind: builtin"),
        ({"privacy": {"blur": "picture"}}, "privacy.blur: picture: is now privacy.blur: frame"),
    ],
)  # fmt: skip
def test_a_renamed_key_or_value_is_refused_with_its_present_name(data: Any, message: str) -> None:
    assert refusal(data) == f"{HERE}: {message}"


def test_a_key_that_never_was_is_unknown_though_another_was_renamed() -> None:
    assert "sinks[1].hots: unknown key; did you mean host?" in refusal(mqtt(hots=1, keepalive=5))


def test_no_present_key_is_taken_for_an_old_one() -> None:
    present = yaml.safe_load((OLD.parents[3] / "config" / "emotiond.yaml").read_text())
    assert find_renamed_keys(present) == {}
    assert parse_config({"privacy": {"blur": "frame"}}, HERE).privacy.blur is PrivacyBlur.FRAME


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tracker": {"max_age_s": 0.0}}, "tracker.max_age_s: expected a number >= 0.2, found 0.0"),
        ({"detector": {"kind": "haar", "scale_factor": 1.005}}, "scale_factor: expected a number >= 1.01, found 1.005"),
        ({"source": {"kind": "camera", "device": 300}}, "source.device: expected a whole number <= 255, found 300"),
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_told_the_bound(data: Any, message: str) -> None:
    assert message in refusal(data)
