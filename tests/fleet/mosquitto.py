"""A central Mosquitto, run from the files of config/fleet/mosquitto, and its devices."""

import getpass
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.settings import MqttSettings, TlsSettings
from edge.secrets import SecretRef
from tests.brokers import MOSQUITTO, listens, wait_until
from tests.certificates import Authority
from tests.fleet import collector

CONFIG = Path(__file__).parents[2] / "config" / "fleet" / "mosquitto"
HOST = "127.0.0.1"


class Server:
    """One Mosquitto process, which can be stopped and started again.

    Args:
        directory: stands for /etc/mosquitto and /var/lib/mosquitto.
        files: what is copied there from config/fleet/mosquitto, by its name there.
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
        }
        for target, source in files.items():
            _install(CONFIG / source, directory / target, moved)
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
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


class Fleet:
    """A central broker and the devices that connect to it.

    Every password is the user's name and `-secret`. Used as a context, the broker runs in it.

    Args:
        directory: of everything.
        devices: how many, named cam-000 and so on.

    Attributes:
        broker: the central one.
        devices: settings of each device.
        authority: of the fleet.
    """

    def __init__(self, directory: Path, devices: int) -> None:
        self.authority = Authority(directory / "certs")
        self.authority.sign("central")
        self._directory = directory
        names = [f"cam-{number:03}" for number in range(devices)]
        self.broker = Server(
            directory / "central",
            {"mosquitto.conf": "central/mosquitto.conf", "acl": "central/acl"},
            {user: secret(user) for user in (*names, collector.USER, "operator")},
            self.authority,
        )
        self.devices = [self._settings(name) for name in names]

    def __enter__(self) -> "Fleet":
        self.broker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.stop()

    def collector(self) -> collector.Collector:
        """Return a reader of all events."""
        return collector.Collector(
            self.broker.port, secret(collector.USER), self.authority.certificate
        )

    def _settings(self, name: str) -> MqttSettings:
        password = self._directory / f"{name}.password"
        password.write_text(secret(name))
        return MqttSettings(
            host=HOST,
            port=self.broker.port,
            user=name,
            password=SecretRef(file=password),
            tls=TlsSettings(ca_file=self.authority.certificate),
            device=name,
            homeassistant=None,
        )


def secret(user: str) -> str:
    """Return the password of a user."""
    return f"{user}-secret"


def _install(source: Path, target: Path, edits: Mapping[str, str]) -> None:
    text = source.read_text()
    for old, new in edits.items():
        text = text.replace(old, new)
    target.write_text(text)
