"""MQTT settings: which broker, how it is reached, what it gets and on which topics."""

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import msgspec

from edge.errors import CheckResult, ConfigError
from edge.paths import sha256_of
from edge.publish.outbox import OutboxSettings
from edge.publish.sink import BaseSinkSettings, SinkContext
from edge.secrets import SecretRef
from edge.service.commands import CommandName
from edge.types import DataFlow

if TYPE_CHECKING:
    from edge.publish.mqtt.sink import MqttSink

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Host = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
DEVICE_TOPICS = frozenset(
    {"availability", "event", "state", "stats", "log", "snapshot"}
    | {"face", "summary", "response", "set", "request"}
)
"""First parts of the topics below prefix/device: no camera may be called so."""


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Encryption: authorities trusted instead of the system's, and this client's certificate."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("Expected `cert_file` beside `key_file`")

    def context(self) -> ssl.SSLContext:
        """Return what encrypts connections; a ConfigError says that a file cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.ca_file is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:
            named = ", ".join(str(path) for path in msgspec.structs.astuple(self) if path)
            raise ConfigError(f"tls: cannot use {named}: {error}") from error
        return context


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Host and port of one broker."""

    host: Host
    port: Port = 1883

    def __post_init__(self) -> None:
        try:
            self.host.encode("idna")
        except UnicodeError as error:
            raise ValueError(f"Expected `host` to be a host name or an address: {error}") from error

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class HomeAssistantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prefix of Home Assistant's discovery topics; its own default is the same."""

    prefix: Name = "homeassistant"

    @property
    def status_topic(self) -> str:
        """Topic on which Home Assistant says `online` once it has started."""
        return f"{self.prefix}/status"

    def discovery_topic(self, root: str) -> str:
        """Return the topic that announces a device; an empty retained message there removes it."""
        return f"{self.prefix}/device/{Topics(root).id}/config"


class Topics:
    """Topics of a device, below prefix/device; with `camera` those of one of several."""

    def __init__(self, device: str, camera: str = "") -> None:
        self.root = root = f"{device}/{camera}" if camera else device
        self.id = root.replace("/", "_")  # no topic: for client ids and Home Assistant
        self.availability = f"{device}/availability"  # `online` or `offline`
        self.event = f"{root}/event"
        self.state = f"{root}/state"  # the present faces and settings
        self.stats = f"{root}/stats"  # the numbers of the pipeline
        self.retained = (self.availability, self.state, self.stats)
        self.log = f"{device}/log"  # warnings and errors
        self.snapshot = f"{root}/snapshot"  # images that were asked for
        self.commands = (f"{root}/set/#", f"{root}/request/#")  # what is subscribed to
        self.summary = f"{root}/summary"  # /EVERY_S
        self.face = f"{root}/face"  # /TRACK_ID
        self.response = f"{root}/response"  # /COMMAND


class MqttSettings(BaseSinkSettings, frozen=True, tag="mqtt"):
    """The broker, the topics, and what is published there.

    Attributes:
        fallbacks: brokers tried in turn if it is away; with the same user, transport and TLS.
        protocol: version of MQTT. With 5, events expire: they carry how long they are of use.
        prefix, device: topics are prefix/device/...; the default device is the host's name. Two
            daemons must not share both: the broker takes them for one, and ends the other.
        publish_faces: whether each face is published once a second on a topic of its own.
        commands: which commands are carried out; others are answered by an error.
        homeassistant: where the device is announced to Home Assistant; None does not announce it.
    """

    takes_commands: ClassVar[bool] = True

    host: Host = "localhost"
    port: Port = 1883
    fallbacks: tuple[Address, ...] = ()
    transport: Literal["tcp", "websockets"] = "tcp"
    path: Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*\Z")] = "/mqtt"
    protocol: Literal["3.1.1", 5] = "3.1.1"
    user: str | SecretRef | None = None
    password: SecretRef | None = None
    tls: TlsSettings | None = None
    prefix: Name = "emotiond"
    device: Name | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    publish_faces: bool = False
    commands: tuple[CommandName, ...] = tuple(CommandName)
    homeassistant: HomeAssistantSettings | None = HomeAssistantSettings()
    outbox: OutboxSettings = OutboxSettings()

    def __post_init__(self) -> None:
        if isinstance(self.user, str) and not self.user.isprintable():
            raise ValueError("Expected `user` to be printable")
        if self.password is not None and self.user is None:
            raise ValueError("Expected `user` beside `password`")
        Address(self.host, self.port)

    @property
    def outbox_name(self) -> str:
        """The topics, and a digest of them and the broker: what waits goes to no other broker."""
        return f"{self.root.replace('/', '-')}@{sha256_of(self.targets[0].encode())[:8]}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The topics at each broker, where a second sink would have the same client id."""
        return tuple(f"{self.root} at {address}" for address in self.addresses)

    def open(self, context: SinkContext) -> "MqttSink":
        """Return the sink, not yet started; a secret or a TLS file must be usable."""
        from edge.publish.mqtt.sink import MqttSink

        return MqttSink(self, context)

    def check(self) -> Iterator[CheckResult]:
        """Check each broker: who is there, who lets this device in, and what it may do there."""
        from edge.publish.mqtt.session import check_brokers

        return check_brokers(self)

    def redacted(self) -> Self:
        """Return a copy without the user; the password is told by its place alone."""
        hidden = "(hidden)" if isinstance(self.user, str) else self.user
        return msgspec.structs.replace(self, user=hidden)

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what the broker gets, and through it everybody who may subscribe there."""
        where = f"{self.root} at {' or '.join(map(str, self.addresses))}"
        theirs, last = "as long as whoever subscribes keeps it", "retained until the next"
        flows = [
            ("events", "each face, its expression and place", theirs),
            ("faces", "those in view now", last),
            ("numbers", "statistics of the daemon", last),
            ("log", "warnings and errors", theirs),
        ]
        if self.homeassistant is not None:
            flows.append(("settings", "names for Home Assistant", "retained"))
        if CommandName.INFO in self.commands:
            flows.append(("settings", "the config, without secrets, if asked", theirs))
        if allow_snapshots and CommandName.SNAPSHOT in self.commands:
            flows.append(("images", "a snapshot, if asked", theirs))
        for data, what, kept in flows:
            yield DataFlow(data, what, "subscribers of the MQTT broker", where, True, kept)
        if self.user is not None:
            how = "unencrypted: set tls" if self.tls is None else "by TLS"
            yield DataFlow("secrets", f"user and password, {how}", "the MQTT broker", where, True)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every broker, in the order in which they are tried."""
        return Address(self.host, self.port), *self.fallbacks

    @property
    def name(self) -> str:
        """Name of this device; by default the host's, with the characters that a topic may have."""
        host = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()).strip("-")[:64]
        return self.device or host or "device"

    @property
    def root(self) -> str:
        """First part of every topic of this device."""
        return f"{self.prefix}/{self.name}"

    @property
    def topics(self) -> Topics:
        """The topics of this device."""
        return Topics(self.root)

    def retained_topics(self, cameras: Sequence[str] = ()) -> tuple[str, ...]:
        """Return every topic on which brokers retain what this device and its cameras say."""
        places = [Topics(self.root, camera) for camera in cameras] or [self.topics]
        topics = [topic for place in places for topic in place.retained]
        if self.homeassistant is not None:
            roots = dict.fromkeys((*(place.root for place in places), self.root))
            topics = [self.homeassistant.discovery_topic(root) for root in roots] + topics
        return tuple(dict.fromkeys(topics))
