"""A client of a broker: how it is made, and what may keep it from being let in."""

import ssl
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import ConfigError, EmotiondError
from edge.publish.mqtt.settings import Address, MqttSettings, TlsSettings, Transport
from edge.secrets import SecretRef

DIAL_SECONDS = 3.0
"""How long a broker may take to let a connection in, and again to answer to it."""

LARGEST_MESSAGE = 65_536
"""Bytes that the broker is asked (MQTT 5) not to exceed; no command is nearly as long."""


class ConnectionRefusedByBroker(EmotiondError):
    """The broker is there and does not want this client."""


class NotAnMqttBroker(OSError):
    """Somebody is there and does not answer as a broker would."""


class ConnectionLost(OSError):
    """The broker ended the connection, or says nothing any more."""


def describe(error: ConnectionRefusedByBroker | OSError) -> str:
    """Say what came of a try to reach a broker."""
    if isinstance(error, ConnectionRefusedByBroker):
        return f"refuses this client: {error}"
    if isinstance(error, NotAnMqttBroker | ConnectionLost):
        return str(error)
    return f"cannot be reached: {error}"


def new_client(settings: MqttSettings, client_id: str) -> paho.Client:
    """Return a client that can speak to the brokers of `settings` and does not yet.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5 if settings.protocol == 5 else paho.MQTTv311,
        transport=settings.transport.value,
        reconnect_on_failure=False,  # several addresses are tried in turn, which it cannot
    )
    client.connect_timeout = DIAL_SECONDS
    if settings.transport is Transport.WEBSOCKETS:
        client.ws_set_options(path=settings.path)
    if settings.user is not None:
        client.username_pw_set(_reveal(settings.user), _reveal(settings.password))
    if settings.tls is not None:
        _encrypt(client, settings.tls)
    return client


def publish_properties(settings: MqttSettings, **values: Any) -> Properties | None:
    """Return the properties of a message, by their names in MQTT 5; none where that is not spoken.

    None stands for a value that is not given.
    """
    return _properties(PacketTypes.PUBLISH, **values) if settings.protocol == 5 else None


def _properties(packet: int, **values: Any) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        if value is not None:
            setattr(properties, name, value)
    return properties


def dial(client: paho.Client, settings: MqttSettings, address: Address) -> None:
    """Reach a broker and ask to be let in; the answer comes to `on_connect` once the loop runs.

    Raises:
        OSError: it cannot be reached, or is not to be trusted.
        NotAnMqttBroker: it does not speak websockets, where these are wanted.
    """
    properties = None
    if settings.protocol == 5:
        properties = _properties(PacketTypes.CONNECT, MaximumPacketSize=LARGEST_MESSAGE)
    try:
        client.connect(address.host, address.port, settings.keepalive, properties=properties)
    except paho.WebsocketConnectionError as error:
        raise NotAnMqttBroker(f"{error}; are websockets spoken there?") from error
    except OSError:
        raise
    except ValueError as error:  # what the ssl module makes of some host names
        raise OSError(str(error)) from error


def why(reason: ReasonCode) -> str:
    """Return a broker's refusal in words, with what may be done about it."""
    if str(reason) in {"Not authorized", "Bad user name or password"}:
        return f"{reason}; check user, password and what the broker allows them"
    return str(reason)


def _reveal(secret: str | SecretRef | None) -> str | None:
    return secret.resolve() if isinstance(secret, SecretRef) else secret


def _encrypt(client: paho.Client, tls: TlsSettings) -> None:
    files = [str(path) if path else None for path in (tls.ca_file, tls.cert_file, tls.key_file)]
    try:
        client.tls_set(*files)  # type: ignore[arg-type]  # its first three
    except (OSError, ssl.SSLError, ValueError) as error:
        named = ", ".join(name for name in files if name)
        raise ConfigError(f"tls of the MQTT sink: cannot use {named}: {error}") from error
