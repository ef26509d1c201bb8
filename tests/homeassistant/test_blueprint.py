"""The blueprint of a lamp in the colour of an emotion."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.publish as publish
import pytest
import yaml

from edge.types import CameraState, EventType
from tests.brokers import Mosquitto, wait_until
from tests.conftest import ROOT
from tests.events import uncertain
from tests.eyes import EYES, seen_by
from tests.homeassistant.core import BLUEPRINT, HomeAssistant
from tests.homeassistant.device import PublishedDevice, seen
from tests.subscribers import Subscriber

PATH = f"emotiond/{BLUEPRINT.name}"

RED, YELLOW, BLUE = "255,48,72", "255,225,0", "72,92,255"


class Lamp:
    """A lamp on MQTT, which Home Assistant finds by itself; it tells what it was told to show.

    Args:
        port: of the broker.
        name: its id.
    """

    def __init__(self, port: int, name: str) -> None:
        self.id = f"light.{name}"
        self._port = port
        self._topic = f"lamps/{name}"
        self._power = f"{self._topic}/power"
        self._subscriber = Subscriber("127.0.0.1", port)
        self._announcement = f"homeassistant/light/{name}/config"

    def __enter__(self) -> "Lamp":
        self._subscriber.__enter__()
        self._announce(
            {
                "name": self.id.partition(".")[2],
                "unique_id": self.id,
                "command_topic": self._power,
                "rgb_command_topic": f"{self._topic}/colour",
            }
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._announce(None)
        self._subscriber.__exit__()

    @property
    def shown(self) -> list[str]:
        """Its colours so far, and OFF where it was turned off."""
        messages = [(topic, text) for topic, text, _ in list(self._subscriber.messages)]
        return [text for topic, text in messages if topic.startswith(self._topic) and text != "ON"]

    @property
    def powers(self) -> list[str]:
        """What it was told so far: ON and OFF."""
        return [text for topic, text, _ in list(self._subscriber.messages) if topic == self._power]

    def wait_for(self, *shown: str) -> None:
        wait_until(lambda: self.shown == list(shown))

    def _announce(self, payload: dict[str, str] | None) -> None:
        data = msgspec.json.encode(payload) if payload else None
        publish.single(self._announcement, data, 1, True, "127.0.0.1", self._port)


Automate = Callable[..., Lamp]


@pytest.fixture
def automate(
    device: PublishedDevice, home: HomeAssistant, home_broker: Mosquitto
) -> Iterator[Automate]:
    """Have a lamp of its own follow the device, with some inputs of the blueprint set."""
    with ExitStack() as stack:

        def follow(**inputs: Any) -> Lamp:
            name = device.key.replace("-", "_")
            lamp = stack.enter_context(Lamp(home_broker.port, f"lamp_{name}"))
            wait_until(lambda: lamp.id in home.states())
            given = {"emotion": device.id_of("emotion"), "lamp": {"entity_id": lamp.id}, **inputs}
            home.automate(name, {"use_blueprint": {"path": PATH, "input": given}})
            stack.callback(home.end_automation, name)
            wait_until(lambda: home.states().get(f"automation.{name}", {}).get("state") == "on")
            return lamp

        yield follow


def loaded() -> dict[str, Any]:
    """Return the blueprint, each input that it uses as the input's name."""

    class Loader(yaml.SafeLoader):
        """Knows the tag of Home Assistant."""

    Loader.add_constructor("!input", lambda loader, node: str(node.value))
    content: dict[str, Any] = yaml.load(BLUEPRINT.read_text(), Loader)
    return content


def default_colours() -> dict[str, tuple[int, int, int]]:
    colours = loaded()["blueprint"]["input"]["colours"]["input"]
    return {
        name: tuple(colour["default"])
        for name, colour in colours.items()
        if name not in ("others", "empty")
    }


def test_home_assistant_reads_it_and_asks_for_a_sensor_and_a_lamp(home: HomeAssistant) -> None:
    read = home.ask("blueprint/list", domain="automation")[PATH]
    assert "error" not in read
    required = {
        name
        for name, field in read["metadata"]["input"].items()
        if "input" not in field and "default" not in field
    }
    assert required == {"emotion", "lamp"}


def test_the_lamp_follows_the_emotion_and_ignores_what_cannot_be_read(
    device: PublishedDevice, automate: Automate
) -> None:
    lamp = automate()
    device.tell(seen("happy"))
    lamp.wait_for(YELLOW)
    device.tell(uncertain(EventType.CHANGE))
    device.wait_for(emotion="uncertain")
    device.tell(seen("sad", EventType.CHANGE))
    lamp.wait_for(YELLOW, BLUE)


def test_the_lamp_goes_off_when_nobody_is_there(
    device: PublishedDevice, automate: Automate
) -> None:
    lamp = automate(patience=0)
    device.tell(seen("angry"))
    lamp.wait_for(RED)
    device.tell(seen("angry", EventType.END))
    lamp.wait_for(RED, "OFF")


def test_a_paused_camera_sees_nobody(device: PublishedDevice, automate: Automate) -> None:
    lamp = automate(patience=0)
    device.tell(seen("angry"))
    lamp.wait_for(RED)
    device.set(camera=CameraState.PAUSED)
    lamp.wait_for(RED, "OFF")


def test_a_short_absence_changes_nothing(device: PublishedDevice, automate: Automate) -> None:
    lamp = automate(patience=600)
    device.tell(seen("angry"))
    lamp.wait_for(RED)
    device.set(camera=CameraState.OFFLINE)
    device.wait_for(emotion="unavailable")
    device.tell(seen("angry", EventType.END))
    device.set()
    device.wait_for(emotion="unknown")
    device.tell(seen("sad"))
    lamp.wait_for(RED, BLUE)


def test_the_lamp_may_keep_its_colour_when_nobody_is_there(
    device: PublishedDevice, home: HomeAssistant, automate: Automate
) -> None:
    lamp = automate(patience=0, nobody="keep")
    device.tell(seen("angry"))
    lamp.wait_for(RED)
    device.tell(seen("angry", EventType.END))
    device.wait_for(emotion="unknown")
    automation = f"automation.{device.key.replace('-', '_')}"
    wait_until(lambda: home.states()[automation]["attributes"]["current"] == 0)
    device.tell(seen("sad"))
    lamp.wait_for(RED, BLUE)


def test_nobody_may_have_a_colour_and_so_may_a_class_of_ones_own(
    device: PublishedDevice, automate: Automate
) -> None:
    lamp = automate(patience=0, nobody="colour", empty=[1, 2, 255], others={"happy": [255, 7, 8]})
    device.tell(seen("happy"))
    lamp.wait_for("255,7,8")
    device.tell(seen("happy", EventType.END))
    lamp.wait_for("255,7,8", "1,2,255")


def test_a_lamp_that_is_used_otherwise_stays_on_when_nobody_was_there_anyway(
    device: PublishedDevice, automate: Automate
) -> None:
    lamp = automate(patience=0)
    device.set(camera=CameraState.OFFLINE)
    device.wait_for(emotion="unavailable")
    device.set()
    device.wait_for(emotion="unknown")
    device.tell(seen("sad"))
    lamp.wait_for(BLUE)


def test_every_class_of_the_models_that_are_shipped_has_a_colour() -> None:
    cards = [msgspec.json.decode(path.read_bytes()) for path in (ROOT / "models").glob("*.json")]
    labels = {label for card in cards for label in card["labels"]}
    assert labels == default_colours().keys()


@pytest.mark.parametrize("eyes", EYES)
def test_the_colours_are_far_apart_on_a_lamp_for_all_eyes(eyes: str) -> None:
    colours = np.array(list(default_colours().values()), dtype=float)
    assert (colours.max(axis=1) == 255).all()  # a lamp shows hue and saturation at full brightness
    appearance = seen_by(eyes, colours)
    # A difference of 2.3 is just noticeable (CIE 1976); the Okabe-Ito palette, at a lamp's full
    # brightness, comes down to 11.
    assert min(np.linalg.norm(one - other) for one, other in combinations(appearance, 2)) > 20
