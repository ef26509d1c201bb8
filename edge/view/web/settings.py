"""What can be set about the web page."""

from typing import Annotated

import msgspec

from edge.secrets import SecretRef


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the web page is served, and to whom.

    Attributes:
        host: the address it listens on; one that others can reach needs a token.
        port: 0 takes a free one.
        token: who has it may look and give commands; None: whoever is on this machine.
        viewers: how many may watch the live picture at a time.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    token: SecretRef | None = None
    viewers: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10

    def without_service_secrets(self) -> "WebSettings":
        """Return it for this machine alone, where the token is a credential of systemd."""
        if self.token is None or self.token.credential is None:
            return self
        return msgspec.structs.replace(self, token=None, host="127.0.0.1")
