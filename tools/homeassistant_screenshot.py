"""Screenshot of a real Home Assistant for docs: the page of the device that a daemon announces.

    HASS_VENV=FOLDER python -m tools.homeassistant_screenshot docs/home-assistant.png

A daemon runs on the built-in clip, beside Home Assistant (see `make test-homeassistant`) and a
Mosquitto; Chromium looks at the device once the first minute is summed up.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from tests.brokers import Mosquitto, wait_until
from tests.e2e.daemon import Daemon
from tests.homeassistant.core import HomeAssistant

KEY = "emotiond_kitchen"
SIZE = (1180, 900)
"""Width and height of the window, in pixels."""

ZONES = {"desk": [[0.3, 0.1], [0.75, 0.1], [0.75, 0.9], [0.3, 0.9]]}
MINUTE_S = 150.0
"""Seconds within which a whole minute is summed up."""


def main(arguments: list[str] | None = None) -> int:
    """Write the screenshot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    path: Path = parser.parse_args(arguments).path
    with TemporaryDirectory() as scratch, LiveStream(CLIP, 8) as stream:
        folders = [Path(scratch, name) for name in ("broker", "home", "daemon")]
        for folder in folders:
            folder.mkdir()
        with Mosquitto(folders[0]) as broker, HomeAssistant(folders[1], broker.port) as home:
            sink = {"kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "device": "kitchen"}
            config = {"source": {"kind": "stream", "url": stream.url}, "sinks": [sink]}
            config |= {"zones": ZONES, "privacy": {"allow_snapshots": True}}
            with Daemon(folders[2], config) as daemon:
                home.end_onboarding()
                wait_until(lambda: _is_summed_up(home), MINUTE_S)
                _photograph(home, path)
                daemon.stop()
    return 0


def _is_summed_up(home: HomeAssistant) -> bool:
    entry = home.entities(KEY).get("emotion_of_the_last_minute")
    return entry is not None and home.state(entry["entity_id"]) not in ("unknown", "unavailable")


def _photograph(home: HomeAssistant, path: Path) -> None:
    width, height = SIZE
    tokens = {
        "hassUrl": home.address,
        "clientId": f"{home.address}/",
        "access_token": home.token,
        "token_type": "Bearer",  # nosec B105  # the name of a kind of token
        "expires_in": 1800,
        "expires": int((time.time() + 1800) * 1000),
        "refresh_token": "",  # nosec B105  # none is needed
    }
    with sync_playwright() as play:
        options = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
        browser = play.chromium.launch(**options)  # type: ignore[arg-type]
        page = browser.new_page(viewport={"width": width, "height": height}, locale="en")
        store = f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})"
        page.add_init_script(store)
        page.goto(f"{home.address}/config/devices/device/{home.devices()[KEY]['id']}")
        page.get_by_text("Somebody is looking").wait_for(timeout=300_000)
        page.wait_for_timeout(5_000)
        page.screenshot(path=path, timeout=300_000)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
