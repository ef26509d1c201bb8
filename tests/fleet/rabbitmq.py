"""A RabbitMQ cluster of three nodes on loopback, run from the files of config/fleet/rabbitmq."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.settings import Address, MqttSettings, TlsSettings
from edge.secrets import SecretRef
from tests.brokers import listens, wait_until
from tests.certificates import Authority
from tests.fleet import collector
from tests.fleet.secrets import secret

CONFIG = Path(__file__).parents[2] / "config" / "fleet" / "rabbitmq"
HOST = "127.0.0.1"
NODES = 3
BOOT_SECONDS = 60
LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"

# The command of the path becomes another user, with other files.
RABBITMQ = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin")
EPMD = shutil.which("epmd")


class Cluster:
    """Three nodes and their own port mapper; used as a context, nothing of it runs after it.

    Args:
        directory: for everything; each node has in it its own /etc/rabbitmq and /var/lib/rabbitmq.
        devices: how many may come, named cam-000 and so on, each first to another node.

    Attributes:
        ports: where each node listens, on the loopback interface.
    """

    def __init__(self, directory: Path, devices: int) -> None:
        self.ports = [free_port() for _ in range(NODES)]
        self.authority = Authority(directory / "certs")
        self.authority.sign("central")
        self._directory = directory
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        self._nodes: dict[int, subprocess.Popen[bytes]] = {}
        names = [f"cam-{number:03}" for number in range(devices)]
        self._define(names)
        for node in range(NODES):
            self._prepare(node)
        self.devices = [self._settings(name, number) for number, name in enumerate(names)]

    def __enter__(self) -> "Cluster":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in list(self._nodes):
            self.kill(node)
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()

    def collector(self) -> collector.Collector:
        """Return who reads all events, from the first node as long as it is there."""
        return collector.Collector(
            self.ports, secret(collector.USER), self.authority.certificate, depth=1
        )

    def kill(self, node: int) -> None:
        """End a node as a power cut does."""
        process = self._nodes.pop(node)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def start(self, node: int) -> None:
        """Start a node that does not run, and wait until it is part of the cluster."""
        assert RABBITMQ is not None
        output = self._home(node) / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [RABBITMQ],
                env=self._environment(node),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self._nodes[node] = process
        ready = "completed with"
        wait_until(lambda: ready in output.read_text() or process.poll() is not None, BOOT_SECONDS)
        assert ready in output.read_text(), output.read_text()[-2000:]

    def _control(self, node: int, *arguments: str) -> str:
        """Run rabbitmqctl on a node and return what it says."""
        assert RABBITMQ is not None
        command = [str(Path(RABBITMQ).with_name("rabbitmqctl")), "--quiet", *arguments]
        return subprocess.run(
            command, env=self._environment(node), check=True, capture_output=True, text=True
        ).stdout

    def _start(self) -> None:
        assert EPMD is not None
        command = [EPMD, "-port", str(self._epmd_port), "-address", HOST]
        self._epmd = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self._epmd_port))
        for node in range(NODES):  # at once they may wait for each other for 100 seconds
            self.start(node)
        self._control(0, "import_definitions", f"{self._directory}/definitions.json")

    def _define(self, devices: Sequence[str]) -> None:
        lines = [f"{name}:{secret(name)}" for name in devices]
        lines.append(f"{collector.USER}:{secret(collector.USER)}:reader")
        lines.append(f"operator:{secret('operator')}:operator")
        command = [sys.executable, str(CONFIG / "definitions.py")]
        with (self._directory / "definitions.json").open("wb") as file:
            subprocess.run(command, input="\n".join(lines).encode(), stdout=file, check=True)

    def _settings(self, name: str, number: int) -> MqttSettings:
        password = self._directory / f"{name}.password"
        password.write_text(secret(name))
        first, *others = (
            Address(HOST, self.ports[(number + step) % NODES]) for step in range(NODES)
        )
        return MqttSettings(
            host=first.host,
            port=first.port,
            fallbacks=tuple(others),
            user=name,
            password=SecretRef(file=password),
            tls=TlsSettings(ca_file=self.authority.certificate),
            device=name,
            homeassistant=None,
        )

    def _prepare(self, node: int) -> None:
        home = self._home(node)
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text("fleet")
        cookie.chmod(0o400)
        text = (CONFIG / "rabbitmq.conf").read_text()
        for number in range(NODES):
            text = text.replace(f"rabbit@fleet-{number + 1}", _name(number))
        text = text.replace("ssl.default = 8883", f"ssl.default = {HOST}:{self.ports[node]}")
        text = text.replace("/etc/rabbitmq/certs/node.", f"{self._directory}/certs/central.")
        text = text.replace("/etc/rabbitmq/", f"{self._directory}/")
        (home / "rabbitmq.conf").write_text(text)
        shutil.copy(CONFIG / "enabled_plugins", home)

    def _environment(self, node: int) -> dict[str, str]:
        home = str(self._home(node))
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": home,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": _name(node),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK,
            "RABBITMQ_CTL_ERL_ARGS": LOOPBACK,
            "RABBITMQ_CONF_ENV_FILE": f"{home}/none",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{home}/generated",
            "RABBITMQ_SCHEMA_DIR": f"{home}/schema",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "detached": "1",  # no shell is left between this process and the node
        }

    def _home(self, node: int) -> Path:
        return self._directory / f"r{node + 1}"


def _name(node: int) -> str:
    return f"r{node + 1}@localhost"
