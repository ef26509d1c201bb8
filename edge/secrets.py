"""References to secrets, which the config never holds itself, and their redaction in addresses."""

import os
import re
from pathlib import Path

import msgspec

from edge.errors import ConfigError

SECRET_WORDS = ("pass", "pwd", "token", "user", "secret", "key", "auth", "login", "credential")
"""Parts of the names of what is never shown."""


class SecretRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The one place that holds a secret.

    Attributes:
        file: the path of a file; white space at both its ends is not part of the secret.
        env: the name of an environment variable.
        credential: the name of a file in systemd's credentials directory (`LoadCredential=`).
    """

    file: Path | None = None
    env: str | None = None
    credential: str | None = None

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.file, self.env, self.credential)) != 1:
            raise ValueError("Expected exactly one of `file`, `env` and `credential`")
        if self.credential is not None and Path(self.credential).name != self.credential:
            raise ValueError("Expected `credential` to be a name without `/`")

    def resolve(self) -> str:
        """Return the secret, or raise a ConfigError, whose text never holds it."""
        if self.env is not None:
            if self.env not in os.environ:
                text = f"environment variable {self.env}, which holds a secret; it is not set"
                raise ConfigError(f"expected the {text}")
            return os.environ[self.env].strip()
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if self.credential is not None and directory is None:
            found = "expected systemd's CREDENTIALS_DIRECTORY, found none"
            remedy = f"{found}; set LoadCredential= in the unit"
            raise ConfigError(f"the credential {self.credential} cannot be read: {remedy}")
        path = self.file or Path(directory or "", self.credential or "")
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: the secret cannot be read: {error}") from error


def is_secret(name: str) -> bool:
    """Tell whether what goes by a name may be a secret."""
    return any(word in name.lower() for word in SECRET_WORDS)


def redact_url(text: str) -> str:
    """Return `text` without what may be secret in its addresses.

    That is what stands between `//` and the last `@`, queries, and values such as `password=x` in
    a path. Greedy on purpose: a password may itself hold `/`, `#` or `@`.
    """
    text = re.sub(r"//.*@", "//", text)
    text = re.sub(r"(://[^\s'\"?#]*)[?#][^\s'\"]*", r"\1?...", text)
    names = "|".join(SECRET_WORDS)
    return re.sub(rf"(?i)(://\S*?(?:{names})\w*=)[^\s/&'\"]*", r"\1...", text)
