"""Configs of earlier versions, as they were shipped: each loads, or says what to change."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.config import Config, load_config, parse_config
from edge.config_errors import find_renamed_keys
from edge.errors import ConfigError
from edge.publish import MqttSettings
from edge.publish.outbox import OutboxSettings
from edge.secrets import SecretRef

CONFIGS = Path(__file__).parent / "configs"
"""One for each time that keys came or went, named by what came."""

HERE = Path("/etc/emotiond/emotiond.yaml")

BEFORE_THE_OUTBOX = ("first", "face-threshold", "detectors", "own-detector")


def mqtt(**fields: Any) -> dict[str, Any]:
    return {"sinks": [{"kind": "jsonl", "path": "events"}, {"kind": "mqtt", **fields}]}


def refusal(data: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, HERE)
    return str(caught.value)


def sink(config: Config) -> MqttSettings:
    (one,) = (settings for settings in config.sinks if isinstance(settings, MqttSettings))
    return one


@pytest.mark.parametrize("name", BEFORE_THE_OUTBOX)
def test_a_config_from_before_the_outbox_says_what_to_write_in_place_of_its_keys(name: str) -> None:
    path = CONFIGS / f"{name}.yaml"
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == (
        f"{path}: sinks[0].password_file: is gone; delete it, as it is null; "
        "sinks[0].queue: is now `outbox: {events: 10000}`"
    )


@pytest.mark.parametrize("name", BEFORE_THE_OUTBOX)
def test_once_that_is_done_it_loads_and_means_the_same(name: str, tmp_path: Path) -> None:
    text = (CONFIGS / f"{name}.yaml").read_text()
    text = re.sub(r" *password_file: null.*\n", "", text)
    path = tmp_path / "emotiond.yaml"
    path.write_text(text.replace("queue: 10000 ", "outbox: {events: 10000} "))
    assert sink(load_config(path)) == MqttSettings()


def test_every_other_config_that_was_shipped_loads_as_it_is() -> None:
    others = {path.stem for path in CONFIGS.glob("*.yaml")} - set(BEFORE_THE_OUTBOX)
    assert others
    for name in others:
        load_config(CONFIGS / f"{name}.yaml")


def test_the_values_that_stood_there_stand_in_what_is_to_be_written() -> None:
    data = mqtt(password_file="mqtt.pw", queue=500)
    assert refusal(data) == (
        f"{HERE}: sinks[1].password_file: is now `password: {{file: mqtt.pw}}`; "
        "sinks[1].queue: is now `outbox: {events: 500}`"
    )
    found = [yaml.safe_load(str(one.instead)) for one in find_renamed_keys(data)]
    settings = sink(parse_config(mqtt(user="edge", **found[0], **found[1]), HERE))
    assert settings.password == SecretRef(file=HERE.parent / "mqtt.pw")
    assert settings.outbox == OutboxSettings(events=500)


def test_a_value_of_many_lines_is_still_one_line() -> None:
    assert "\n" not in refusal(mqtt(queue="5\n0" * 100))


def test_a_key_that_never_was_is_unknown_though_another_has_moved() -> None:
    assert "sinks[1].hots: unknown key; did you mean host?" in refusal(mqtt(hots=1, queue=5))


def test_no_key_of_today_is_taken_for_one_of_earlier() -> None:
    today = yaml.safe_load((CONFIGS.parents[2] / "config" / "emotiond.yaml").read_text())
    assert find_renamed_keys(today) == []
    for key in ("password_file", "queue"):
        assert "unknown key" in refusal(mqtt(**{f"{key}_": 1}))
        assert key not in MqttSettings.__struct_fields__


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tracker": {"max_missed": 0.0}}, "tracker.max_missed: expected a number >= 0.2, found 0.0"),
        ({"detector": {"kind": "haar", "scale_factor": 1.005}}, "scale_factor: expected a number >= 1.01, found 1.005"),
        ({"source": {"kind": "camera", "device": 300}}, "source.device: expected a whole number <= 255, found 300"),
    ],
)  # fmt: skip
def test_a_value_that_was_allowed_and_is_not_any_more_is_told_its_bound(
    data: Any, message: str
) -> None:
    assert message in refusal(data)
