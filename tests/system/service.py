"""emotiond as systemd of a guest runs it."""

import json
from typing import Any

import yaml

from tests.system.camera import Camera
from tests.system.guest import Guest, run, wait, write

SHORT_WATCHDOG, LONG_WATCHDOG = 8.0, 30.0
"""Seconds: the daemon feeds it each second, and an emulated one a little later."""


class Service:
    """A unit of emotiond.

    Args:
        guest: where it is installed.
        instance: of the template; None for the one that needs no name.
    """

    def __init__(self, guest: Guest, instance: str | None = None) -> None:
        self._guest = guest
        self.unit = "emotiond.service" if instance is None else f"emotiond@{instance}.service"
        self.config = f"/etc/emotiond/{instance or 'emotiond'}.yaml"
        self._drop_ins = f"/run/systemd/system/{self.unit}.d"

    def configure(self, camera: Camera, sink: dict[str, Any] | None = None, **keys: Any) -> None:
        """Write its config.

        Args:
            camera: what it watches.
            sink: what its MQTT sink has besides the defaults.
            keys: further keys of the config.
        """
        keys["source"] = camera.source
        keys["sinks"] = [{"kind": "mqtt", **(sink or {})}]
        if self._guest.slowness > 1:
            keys["detect"] = {"cpu_budget": 1.0}  # a slow machine sees too little in 0.15 of it
        write(self._guest, self.config, yaml.safe_dump(keys))

    def restart(self) -> None:
        """Start it afresh, and return when it says that it is ready."""
        run(self._guest, f"systemctl reset-failed {self.unit}; systemctl restart {self.unit}")

    def show(self, name: str) -> str:
        """Return a property of the unit, as systemctl knows it."""
        return run(self._guest, f"systemctl show --property={name} --value {self.unit}").strip()

    @property
    def pid(self) -> int:
        """The id of its process; 0 while there is none."""
        return int(self.show("MainPID"))

    @property
    def is_active(self) -> bool:
        """Whether it said that it is ready, and still runs."""
        return self.show("ActiveState") == "active"

    @property
    def seconds_to_ready(self) -> float:
        """Seconds from the start of its process to its READY, both as systemd saw them."""
        names = ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        started, ready = (int(self.show(name)) for name in names)
        return (ready - started) / 1e6

    @property
    def seconds_to_restart(self) -> float:
        """Seconds from the end of the process before to the start of this one."""
        names = ("InactiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic")
        ended, started = (int(self.show(name)) for name in names)
        return (started - ended) / 1e6

    def wait_for_another(self, pid: int, seconds: float) -> None:
        """Wait for another process than that to be ready.

        Raises:
            AssertionError: there is none within so many seconds.
        """
        wait(self._guest, lambda: self.pid not in (0, pid) and self.is_active, seconds)

    def shorten_watchdog(self) -> float:
        """Have it replaced sooner than a user wants to, and return after how many seconds.

        `close` undoes it.
        """
        seconds = min(SHORT_WATCHDOG * self._guest.slowness, LONG_WATCHDOG)
        run(self._guest, f"mkdir -p {self._drop_ins}")
        write(self._guest, f"{self._drop_ins}/short.conf", f"[Service]\nWatchdogSec={seconds}\n")
        run(self._guest, "systemctl daemon-reload")
        self.restart()
        return seconds

    def close(self) -> None:
        """Stop it, and undo what was changed of the unit."""
        run(self._guest, f"systemctl stop {self.unit}; rm -rf {self._drop_ins}")
        run(self._guest, "systemctl daemon-reload")

    def wait_for_warning(self, text: str) -> None:
        """Wait until it warned of something.

        Raises:
            AssertionError: it does not.
        """
        wait(
            self._guest,
            lambda: any(text in line["MESSAGE"] for line in self.journal("--priority=warning")),
            30,
        )

    def journal(self, options: str = "") -> list[dict[str, Any]]:
        """Return what it wrote since it was started last, oldest first.

        Args:
            options: of journalctl.
        """
        invocation = f"_SYSTEMD_INVOCATION_ID={self.show('InvocationID')}"
        lines = run(self._guest, f"journalctl --output=json {options} {invocation}")
        return [json.loads(line) for line in lines.splitlines()]
