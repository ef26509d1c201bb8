"""The services that run emotiond: which config is whose, and where systemd keeps what is theirs."""

import os
from pathlib import Path

from edge.directories import SERVICE

CONFIGS = Path("/etc/emotiond")
"""Where the configs of services lie: emotiond.yaml, and one for each instance of the template."""

CONFIG = CONFIGS / "emotiond.yaml"
"""Of emotiond.service."""

CREDENTIALS = Path("/run/credentials")
"""Where systemd keeps what it gave to each running unit (systemd.exec(5), LoadCredential=)."""


def service_of(config: Path) -> str | None:
    """Return the unit that runs a config, None where the config is no service's."""
    path = config.absolute()
    if path.parent != CONFIGS or path.suffix != ".yaml":
        return None
    return "emotiond.service" if path == CONFIG else f"emotiond@{path.stem}.service"


def service_environment(config: Path) -> dict[str, str]:
    """Return the variables by which systemd tells a service where its state and secrets lie.

    With them a command looks where the service does. Empty where the config is no service's.
    """
    unit = service_of(config)
    if unit is None:
        return {}
    state = SERVICE.with_name(unit.removesuffix(".service").replace("@", "-"))
    given = CREDENTIALS / unit
    # Of a service that does not run, the files that LoadCredential= of its unit reads. They are
    # root's, and what was given is its service's: to all others neither is there.
    secrets = given if os.access(given, os.R_OK | os.X_OK) else CONFIGS
    return {"STATE_DIRECTORY": str(state), "CREDENTIALS_DIRECTORY": str(secrets)}
