"""A real Home Assistant, as a process of its own."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import connect

from edge.commands.embedded_broker import free_port
from tests.brokers import wait_until

ROOT = Path(__file__).parent.parent.parent
BLUEPRINTS = ROOT / "config" / "homeassistant"
BLUEPRINT = BLUEPRINTS / "emotion_light.yaml"

START_SECONDS = 180
"""A first start on a slow machine; it writes its registries and loads the pages of its front end."""

CONFIGURATION = """\
homeassistant:
  name: Test
http:
  server_host: 127.0.0.1
  server_port: {port}
automation: !include automations.yaml
recorder:
"""


def find_hass() -> Path | None:
    """Return the program of the environment that is named, or of one that was made here."""
    named = os.environ.get("HASS_VENV")
    environments = [Path(named)] if named else (ROOT / ".venv-homeassistant").glob("*")
    programs = (environment / "bin" / "hass" for environment in environments)
    return next((program for program in programs if program.exists()), None)


HASS = find_hass()


class HomeAssistant:
    """A Home Assistant with the MQTT integration set up, and one user, whose token it uses.

    Args:
        directory: for its configuration and storage.
        broker_port: of the broker, on 127.0.0.1.
    """

    def __init__(self, directory: Path, broker_port: int) -> None:
        self.directory = directory
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.token = ""
        self._process: subprocess.Popen[bytes] | None = None
        blueprints = directory / "blueprints" / "automation" / "emotiond"
        shutil.copytree(BLUEPRINTS, blueprints)
        (directory / "configuration.yaml").write_text(CONFIGURATION.format(port=self._port))
        (directory / "automations.yaml").write_text("[]")
        (directory / ".storage").mkdir()
        entries = directory / ".storage" / "core.config_entries"
        entries.write_text(json.dumps(_mqtt_entry(broker_port)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it runs."""
        with (self.directory / "hass.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(HASS), "-c", str(self.directory), "--skip-pip"], stdout=log, stderr=log
            )
        wait_until(self._answers, START_SECONDS)
        if not self.token:
            self.token = self._register()
        wait_until(lambda: self.ask("get_config")["state"] == "RUNNING", START_SECONDS)
        with suppress(AssertionError):  # since 2026, a port is on trial for five minutes until this
            self.ask("http/config/promote")

    def stop(self) -> None:
        """Stop it, so that it writes what it has to keep."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_SECONDS)
            self._process = None

    @property
    def log(self) -> str:
        """What it printed so far: warnings and errors."""
        return (self.directory / "hass.log").read_text()

    @property
    def complaints(self) -> list[str]:
        """Warnings and errors that have to do with what it was told."""
        records = re.split(r"\n(?=\d{4}-\d\d-\d\d )", self.log)  # with their tracebacks
        known = (
            "[homeassistant.bootstrap] Skipping pip",  # as its command line tells it to
            "[aiohttp_fast_zlib]",  # which could be faster
            # It clears a device once more for each disabled entity, and finds nothing left to do.
            "[homeassistant.components.mqtt.discovery] No device components to cleanup",
            "Error loading libturbojpeg",  # with which its cameras would be faster
            # A busy machine takes longer over all devices that the broker retains by then.
            "No ACK from MQTT server in 10 seconds",
            # When its MQTT integration is reloaded, it ends each trigger of a device twice.
            "[homeassistant.helpers.dispatcher] Unable to remove unknown dispatcher",
        )
        return [one for one in records if one and not any(part in one for part in known)]

    @property
    def version(self) -> tuple[int, int]:
        """Year and month of its release."""
        year, month, *_ = self.ask("get_config")["version"].split(".")
        return int(year), int(month)

    def ask(self, kind: str, **fields: Any) -> Any:
        """Return what it answers to one message of its websocket API.

        Raises:
            AssertionError: it refuses.
        """
        address = f"ws://127.0.0.1:{self._port}/api/websocket"
        with connect(address, max_size=None, proxy=None, open_timeout=60) as socket:
            socket.recv()
            socket.send(json.dumps({"type": "auth", "access_token": self.token}))
            assert json.loads(socket.recv())["type"] == "auth_ok"
            socket.send(json.dumps({"id": 1, "type": kind, **fields}))
            answer = json.loads(socket.recv())
        assert answer["success"], answer
        return answer["result"]

    def call(self, domain: str, service: str, entity_id: str, **data: Any) -> None:
        """Perform an action on an entity."""
        target = {"entity_id": entity_id}
        self.ask("call_service", domain=domain, service=service, target=target, service_data=data)

    def states(self) -> dict[str, dict[str, Any]]:
        """Return every entity's state and attributes, by entity id."""
        return {state["entity_id"]: state for state in self.ask("get_states")}

    def state(self, entity_id: str) -> str | None:
        """Return the state of an entity, None where there is no such entity."""
        found = self.states().get(entity_id)
        return found["state"] if found else None

    def registry(self, kind: str = "entity") -> list[dict[str, Any]]:
        """Return what it keeps of all entities or all devices."""
        entries: list[dict[str, Any]] = self.ask(f"config/{kind}_registry/list")
        return entries

    def entities(self, device: str) -> dict[str, dict[str, Any]]:
        """Return the registry's entries of a device, by what their unique ids end with."""
        mine = f"{device}_"
        entries = [entry for entry in self.registry() if entry["unique_id"].startswith(mine)]
        return {entry["unique_id"].removeprefix(mine): entry for entry in entries}

    def devices(self) -> dict[str, dict[str, Any]]:
        """Return the registry's entries of the devices of MQTT, by their identifiers."""
        return {
            name: entry
            for entry in self.registry("device")
            for integration, name in entry["identifiers"]
            if integration == "mqtt"
        }

    def reload(self, domain: str) -> None:
        """Load the integration of `domain` anew."""
        (entry,) = self.ask("config_entries/get", domain=domain)
        self.ask(
            "call_service",
            domain="homeassistant",
            service="reload_config_entry",
            service_data={"entry_id": entry["entry_id"]},
        )

    def picture(self, entity_id: str) -> bytes:
        """Return what an image or a camera entity shows."""
        kind, _ = entity_id.split(".")
        return self._fetch(f"/api/{kind}_proxy/{entity_id}")

    def add_integration(self, domain: str, **answers: Any) -> None:
        """Set up an integration as a user does, who fills its form."""
        flows = "/api/config/config_entries/flow"
        form = json.loads(self._fetch(flows, {"handler": domain}))
        done = json.loads(self._fetch(f"{flows}/{form['flow_id']}", answers))
        assert done["type"] == "create_entry", done

    def automate(self, name: str, automation: dict[str, Any]) -> None:
        """Set up an automation as its editor does."""
        self._fetch(f"/api/config/automation/config/{name}", {"alias": name, **automation})

    def end_onboarding(self) -> None:
        """Pass over what it asks a first user, so that its pages can be looked at."""
        client = {"client_id": f"{self.address}/", "redirect_uri": f"{self.address}/"}
        for step in ("core_config", "analytics", "integration"):
            self._fetch(f"/api/onboarding/{step}", client if step == "integration" else {})

    def end_automation(self, name: str) -> None:
        """Take an automation away."""
        self._fetch(f"/api/config/automation/config/{name}", method="DELETE")
        wait_until(lambda: f"automation.{name}" not in self.states())

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return bool(self._fetch("/manifest.json"))
        except OSError:
            return False

    def _register(self) -> str:
        client = f"{self.address}/"
        user = {"name": "T", "username": "t", "password": "t", "language": "en"}
        code = json.loads(self._fetch("/api/onboarding/users", {**user, "client_id": client}))
        form = f"grant_type=authorization_code&client_id={client}&code={code['auth_code']}"
        return str(json.loads(self._fetch("/auth/token", form))["access_token"])

    def _fetch(
        self, path: str, body: dict[str, Any] | str | None = None, method: str | None = None
    ) -> bytes:
        data = json.dumps(body) if isinstance(body, dict) else body
        kind = "application/json" if isinstance(body, dict) else "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            f"{self.address}{path}",
            data.encode() if data is not None else None,
            {"Authorization": f"Bearer {self.token}", "Content-Type": kind},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return bytes(response.read())


def _mqtt_entry(port: int) -> dict[str, Any]:
    entry = {
        "entry_id": "mqtt",
        "version": 1,
        "domain": "mqtt",
        "title": "broker",
        "data": {"broker": "127.0.0.1", "port": port, "discovery": True},
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "unique_id": None,
        "disabled_by": None,
    }
    return {"version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
