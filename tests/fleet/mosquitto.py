"""A central Mosquitto and those of sites, run from the files of config/fleet/mosquitto."""

import getpass
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.settings import MqttSettings, TlsSettings
from edge.secrets import SecretRef
from tests.brokers import MOSQUITTO, listens, wait_until
from tests.certificates import Authority
from tests.fleet import collector
from tests.fleet.secrets import secret

CONFIG = Path(__file__).parents[2] / "config" / "fleet" / "mosquitto"
HOST = "127.0.0.1"


class Server:
    """One Mosquitto process, which can be stopped or killed, and started again.

    Args:
        directory: stands for /etc/mosquitto and /var/lib/mosquitto.
        files: what is copied there from config/fleet/mosquitto, by its name there.
        edits: what is written in them, in the place of what.
        passwords: of its users, by their names.
        authority: of the fleet.

    Attributes:
        port: where it listens, on the loopback interface.
        log: the file of what it says.
    """

    def __init__(
        self,
        directory: Path,
        files: Mapping[str, str],
        edits: Mapping[str, str],
        passwords: Mapping[str, str],
        authority: Authority,
    ) -> None:
        self.port = free_port()
        self.log = directory / "log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        for folder in ("conf.d", "data"):
            (directory / folder).mkdir(parents=True)
        shutil.copytree(authority.certificate.parent, directory / "certs")
        moved = {
            "/etc/mosquitto/": f"{directory}/",
            "/var/lib/mosquitto/": f"{directory}/data/",
            "listener 8883": f"listener {self.port} {HOST}",
            "listener 1883": f"listener {self.port} {HOST}",
        }
        for target, source in files.items():
            _install(CONFIG / source, directory / target, {**moved, **edits})
        # Started by root it would become a user who may not read the test's files.
        with (directory / "mosquitto.conf").open("a") as file:
            file.write(f"\nuser {getpass.getuser()}\n")
        passwords_file = directory / "passwords"
        passwords_file.write_text("".join(f"{user}:{word}\n" for user, word in passwords.items()))
        subprocess.run(["mosquitto_passwd", "-U", str(passwords_file)], check=True)

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert MOSQUITTO is not None
        command = [MOSQUITTO, "-c", str(self._directory / "mosquitto.conf")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log)
        wait_until(lambda: listens(self.port))

    def stop(self) -> None:
        """End it as its service is ended: it writes down what it holds."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None


class Fleet:
    """A centre, and sites whose brokers are bridged to it; without sites, devices go to the centre.

    Every password is the user's name and `-secret`. Used as a context, all brokers run in it.

    Args:
        directory: for everything.
        devices: how many, named cam-000 and so on; dealt to the sites in turn.
        sites: how many, named site-0 and so on.

    Attributes:
        centre, sites: the brokers.
        devices: what each device is told.
        authority: of the fleet.
    """

    def __init__(self, directory: Path, devices: int, sites: int) -> None:
        self.authority = Authority(directory / "certs")
        self.authority.sign("central")
        self._directory = directory
        names = [f"cam-{number:03}" for number in range(devices)]
        site_names = [f"site-{number}" for number in range(sites)]
        self.centre = self._central_server([*site_names, *names])
        self.sites = [self.site(name, names, {}) for name in site_names]
        self._running = ExitStack()
        places = self.sites or [self.centre]
        self.devices = [
            self._settings(name, places[number % len(places)].port)
            for number, name in enumerate(names)
        ]

    def __enter__(self) -> "Fleet":
        with ExitStack() as starting:
            for server in (self.centre, *self.sites):
                starting.callback(server.kill)
                server.start()
            wait_until(lambda: self._bridges() >= len(self.sites))
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def collector(self) -> collector.Collector:
        """Return who reads at the centre."""
        return collector.Collector(
            [self.centre.port],
            secret(collector.USER),
            self.authority.certificate,
            depth=2 if self.sites else 1,
        )

    def site(self, name: str, users: Sequence[str], edits: Mapping[str, str]) -> Server:
        """Return a broker that will be bridged to the centre as the user `name`.

        Args:
            name: of the site.
            users: of this broker.
            edits: what else is written in its files, in the place of what.
        """
        return Server(
            self._directory / name,
            {
                "mosquitto.conf": "site/mosquitto.conf",
                "acl": "site/acl",
                "conf.d/bridge.conf": "site/bridge.conf",
            },
            {
                "central.example:8883": f"{HOST}:{self.centre.port}",
                "remote_password SECRET": f"remote_password {secret(name)}",
                **edits,
                "site-01": name,
            },
            {user: secret(user) for user in users},
            self.authority,
        )

    def _bridges(self) -> int:
        return self.centre.log.read_text().count("New bridge connected")

    def _central_server(self, users: Sequence[str]) -> Server:
        return Server(
            self._directory / "centre",
            {"mosquitto.conf": "central/mosquitto.conf", "acl": "central/acl"},
            {},
            {user: secret(user) for user in (*users, collector.USER, "operator")},
            self.authority,
        )

    def _settings(self, name: str, port: int) -> MqttSettings:
        password = self._directory / f"{name}.password"
        password.write_text(secret(name))
        return MqttSettings(
            host=HOST,
            port=port,
            user=name,
            password=SecretRef(file=password),
            tls=None if self.sites else TlsSettings(ca_file=self.authority.certificate),
            device=name,
            homeassistant=None,
        )


def _install(source: Path, target: Path, edits: Mapping[str, str]) -> None:
    text = source.read_text()
    for old, new in edits.items():
        text = text.replace(old, new)
    target.write_text(text)
