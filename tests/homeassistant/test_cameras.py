"""A daemon with several cameras, and a real Home Assistant, with a broker between them."""

import signal
from pathlib import Path
from typing import Any

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from tests.brokers import Mosquitto, wait_until
from tests.e2e.daemon import Daemon
from tests.homeassistant.core import HomeAssistant

KEY = "emotiond_house"
NOWHERE = {"kind": "stream", "url": "http://127.0.0.1:9/none"}


def test_each_camera_is_a_device_of_the_daemons_and_goes_when_a_reload_removes_it(
    home: HomeAssistant, home_broker: Mosquitto, tmp_path: Path
) -> None:
    sink = {"kind": "mqtt", "host": "127.0.0.1", "port": home_broker.port, "device": "house"}
    with LiveStream(CLIP, fps=10) as stream:
        front: dict[str, Any] = {"source": {"kind": "stream", "url": stream.url}}
        front["zones"] = {"left": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
        config = {"cameras": {"front": front, "back": {"source": NOWHERE}}, "sinks": [sink]}

        def state(camera: str, key: str) -> str | None:
            entry = home.entities(f"{KEY}_{camera}").get(key)
            return home.state(entry["entity_id"]) if entry else None

        def present() -> set[str]:
            return {name for name in home.devices() if name.startswith(KEY)}

        with Daemon(tmp_path, config) as daemon:
            wait_until(lambda: present() == {KEY, f"{KEY}_front", f"{KEY}_back"}, 60)
            devices = home.devices()
            for camera in ("front", "back"):
                shown = devices[f"{KEY}_{camera}"]
                assert shown["via_device_id"] == devices[KEY]["id"]
                assert shown["name"] == f"house {camera}"
            wait_until(lambda: state("front", "faces") == "1", 60)
            wait_until(lambda: state("front", "faces_in_left") is not None)
            wait_until(lambda: state("back", "camera_problem") == "on", 60)
            assert state("back", "faces") == "unavailable"
            assert state("back", "faces_in_left") is None
            assert "connection" in home.entities(KEY)

            home.call("switch", "turn_on", home.entities(f"{KEY}_front")["pause"]["entity_id"])
            wait_until(lambda: state("front", "pause") == "on", 60)
            assert state("back", "pause") == "off"

            daemon.write(config | {"cameras": {"back": {"source": NOWHERE}}})
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: present() == {KEY, f"{KEY}_back"}, 60)
            assert not [one for one in home.registry() if f"{KEY}_front" in one["unique_id"]]
            assert state("back", "camera_problem") == "on"
            assert daemon.stop() == 0
            wait_until(lambda: state("back", "camera_problem") == "unavailable")
            connection = home.entities(KEY)["connection"]["entity_id"]
            wait_until(lambda: home.state(connection) == "off")
