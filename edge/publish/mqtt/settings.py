"""How to reach an MQTT broker."""

import random
import re
import socket
import ssl
from pathlib import Path
from typing import Annotated

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import ConfigError

LONGEST_RETRY = 4.0
"""Seconds; a broker that returns is found within them."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Encryption; without a CA file the system's authorities are trusted.

    Attributes:
        ca_file: the authorities trusted instead.
        cert_file, key_file: what this client shows of itself, where the broker asks.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("Expected `cert_file` beside `key_file`")


class MqttSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="mqtt"
):
    """Where the broker is and what this device is called there.

    Attributes:
        password_file: a file that holds the password; never the config itself.
        prefix, device: topics are prefix/device/...; the default device is the host's name. Two
            daemons must not share both: the broker takes them for one and ends the other's
            connection.
        queue: events kept while the broker is away; beyond it the oldest is dropped.
    """

    host: Annotated[str, msgspec.Meta(min_length=1)] = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    user: str | None = None
    password_file: Path | None = None
    tls: TlsSettings | None = None
    prefix: Name = "emotiond"
    device: Name | None = None
    keepalive: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    queue: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000

    def __post_init__(self) -> None:
        if self.user is not None and not self.user.isprintable():
            raise ValueError("Expected `user` to be printable")
        if self.password_file is not None and self.user is None:
            raise ValueError("Expected `user` beside `password_file`")
        try:
            self.host.encode("idna")
        except UnicodeError as error:
            raise ValueError(f"Expected `host` to be a host name or an address: {error}") from error

    @property
    def root(self) -> str:
        """What every topic of this device begins with."""
        return f"{self.prefix}/{self.device or _safe_name(socket.gethostname())}"


def new_client(settings: MqttSettings, will: tuple[str, str]) -> paho.Client:
    """Return a client of that broker, not yet connecting.

    Args:
        settings: where the broker is and how it is spoken to.
        will: topic and payload that the broker retains when this client vanishes.

    Raises:
        ConfigError: the password file or a TLS file cannot be used.
    """
    # A name of its own lets the broker see that a client returned, and not announce the last will
    # of the connection that it lost.
    name = settings.root.replace("/", "-")
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv311)
    # Jitter keeps a fleet from coming back to its broker all at once.
    client.reconnect_delay_set(random.uniform(0.5, 1), random.uniform(2, LONGEST_RETRY))  # type: ignore[arg-type]  # floats wait as well
    client.will_set(*will, qos=1, retain=True)
    if settings.user is not None:
        client.username_pw_set(settings.user, _read_password(settings.password_file))
    if settings.tls is not None:
        _encrypt(client, settings.tls)
    return client


def _safe_name(name: str) -> str:
    """Make a host name safe for a topic."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "device"


def _read_password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the password cannot be read: {error}") from error


def _encrypt(client: paho.Client, tls: TlsSettings) -> None:
    files = [str(path) if path else None for path in (tls.ca_file, tls.cert_file, tls.key_file)]
    try:
        client.tls_set(*files)  # type: ignore[arg-type]  # its first three
    except (OSError, ssl.SSLError, ValueError) as error:
        named = ", ".join(name for name in files if name)
        raise ConfigError(f"tls of the MQTT sink: cannot use {named}: {error}") from error
