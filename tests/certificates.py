"""A certificate authority of a test's own, and what it signs, made by openssl."""

import subprocess
from pathlib import Path

KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


class Authority:
    """Signs certificates for names of this machine.

    Args:
        folder: for `ca.crt`, and key and certificate of each name; made if it is not there.

    Attributes:
        certificate: its own.
    """

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "ca.crt"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._openssl("-subj /CN=authority -keyout ca.key -out ca.crt")

    def sign(self, name: str) -> tuple[Path, Path]:
        """Return the certificate of `name` and its key, for localhost."""
        self._openssl(
            f"-subj /CN={name} -addext subjectAltName=IP:127.0.0.1,DNS:localhost -CA ca.crt "
            f"-CAkey ca.key -keyout {name}.key -out {name}.crt"
        )
        return self._folder / f"{name}.crt", self._folder / f"{name}.key"

    def _openssl(self, arguments: str) -> None:
        command = f"openssl req -x509 {KEY} -days 2 {arguments}"
        subprocess.run(command.split(), cwd=self._folder, check=True, capture_output=True)
