"""The blueprints that run actions: an expression that lasts, a look, a stay in a zone."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from edge.types import EventType
from tests.brokers import Mosquitto, wait_until
from tests.homeassistant.core import HomeAssistant
from tests.homeassistant.device import AWAY, LOOKS, PublishedDevice, seen
from tests.homeassistant.test_blueprint import Lamp

Automate = Callable[..., Lamp]

RED = "255,0,0"


@pytest.fixture
def automate(
    device: PublishedDevice, home: HomeAssistant, home_broker: Mosquitto
) -> Iterator[Automate]:
    """Have a lamp of its own be turned on and off by a blueprint, with these inputs."""
    with ExitStack() as stack:

        def follow(blueprint: str, inputs: Callable[[Lamp], dict[str, Any]]) -> Lamp:
            name = device.key.replace("-", "_")
            lamp = stack.enter_context(Lamp(home_broker.port, f"lamp_{name}"))
            wait_until(lambda: lamp.id in home.states())
            use = {"path": f"emotiond/{blueprint}.yaml", "input": inputs(lamp)}
            home.automate(name, {"use_blueprint": use})
            stack.callback(home.end_automation, name)
            wait_until(lambda: home.states().get(f"automation.{name}", {}).get("state") == "on")
            return lamp

        yield follow


def on(lamp: Lamp) -> list[dict[str, Any]]:
    target, data = {"entity_id": lamp.id}, {"rgb_color": [255, 0, 0]}
    return [{"action": "light.turn_on", "target": target, "data": data}]


def off(lamp: Lamp) -> list[dict[str, Any]]:
    return [{"action": "light.turn_off", "target": {"entity_id": lamp.id}}]


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("expression_actions", {"emotion", "actions"}),
        ("attention_switch", {"looking", "target"}),
        ("zone_actions", {"zone", "entered"}),
    ],
)
def test_home_assistant_reads_it_and_asks_for_what_it_needs(
    home: HomeAssistant, name: str, required: set[str]
) -> None:
    read = home.ask("blueprint/list", domain="automation")[f"emotiond/{name}.yaml"]
    assert "error" not in read
    inputs = read["metadata"]["input"].items()
    assert {name for name, field in inputs if "default" not in field} == required


def test_an_expression_that_lasts_runs_the_actions_once_until_the_pause_is_over(
    device: PublishedDevice, automate: Automate
) -> None:
    wanted = {"emotion": device.id_of("emotion"), "expressions": ["happy"], "pause": 600}
    lamp = automate(
        "expression_actions", lambda lamp: {**wanted, "lasting": 1, "actions": on(lamp)}
    )
    device.tell(seen("happy"), seen("sad", EventType.CHANGE))  # too short
    device.wait_for(emotion="sad")
    device.tell(seen("happy", EventType.CHANGE))
    lamp.wait_for(RED)
    for emotion in ("sad", "happy"):
        device.tell(seen(emotion, EventType.CHANGE))
        device.wait_for(emotion=emotion)
    assert lamp.shown == [RED]


def test_a_lamp_is_on_while_somebody_looks(device: PublishedDevice, automate: Automate) -> None:
    looking = {"looking": device.id_of("somebody_is_looking"), "glance": 0, "patience": 0.5}
    lamp = automate("attention_switch", lambda lamp: {**looking, "target": {"entity_id": lamp.id}})
    device.tell(seen("happy", quality=AWAY))
    device.wait_for(somebody_is_looking="off")
    device.tell(seen("happy", EventType.CHANGE, quality=LOOKS))
    wait_until(lambda: lamp.powers == ["ON"])
    device.tell(seen("happy", EventType.END))
    device.wait_for(somebody_is_looking="off")
    wait_until(lambda: lamp.powers == ["ON", "OFF"])


def test_a_stay_in_a_zone_runs_actions_and_its_end_runs_others(
    device: PublishedDevice, automate: Automate
) -> None:
    device.set(zones=("desk",))
    wait_until(lambda: device.id_of("faces_in_desk"))
    zone = {"zone": device.id_of("faces_in_desk"), "stay": 0.5}
    lamp = automate("zone_actions", lambda lamp: {**zone, "entered": on(lamp), "left": off(lamp)})
    device.wait_for(faces_in_desk="0")
    device.tell(seen("happy", zones=("desk",)))
    lamp.wait_for(RED)
    device.tell(seen("sad", EventType.CHANGE, zones=()))
    lamp.wait_for(RED, "OFF")
