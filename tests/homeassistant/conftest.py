"""One Home Assistant for all tests, and a device of its own for each."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.brokers import MOSQUITTO, Mosquitto
from tests.homeassistant.core import HASS, HomeAssistant
from tests.homeassistant.device import PublishedDevice

_numbers = count(1)


@pytest.fixture(scope="session")
def home_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """The broker of the house."""
    if HASS is None:
        pytest.skip("there is no Home Assistant here; `make test-homeassistant` installs it")
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
def running_home(
    home_broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HomeAssistant]:
    with HomeAssistant(tmp_path_factory.mktemp("home"), home_broker.port) as running:
        yield running


@pytest.fixture
def home(running_home: HomeAssistant) -> Iterator[HomeAssistant]:
    """A running Home Assistant, which must have nothing to complain of in the end."""
    before = len(running_home.complaints)
    yield running_home
    assert running_home.complaints[before:] == []


@pytest.fixture
def device(
    home: HomeAssistant, home_broker: Mosquitto, tmp_path: Path
) -> Iterator[PublishedDevice]:
    """A device that Home Assistant shows, and that no other test knows."""
    with PublishedDevice(home, home_broker.port, f"pi-{next(_numbers)}", tmp_path) as shown:
        yield shown
