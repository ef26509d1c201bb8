"""A certificate authority of a test's own, and what it signs."""

import subprocess
from pathlib import Path


class Authority:
    """Signs certificates by openssl.

    Args:
        folder: for keys and certificates.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._openssl(
            f"req -x509 -newkey rsa:2048 -nodes -keyout {self._key} -out {self.certificate} "
            "-days 2 -subj /CN=test-authority"
        )

    def sign(self, name: str) -> tuple[Path, Path]:
        """Return a certificate and its key for `name`, valid at 127.0.0.1."""
        key, request = self._folder / f"{name}.key", self._folder / f"{name}.csr"
        certificate, extension = self._folder / f"{name}.pem", self._folder / f"{name}.ext"
        extension.write_text("subjectAltName=IP:127.0.0.1")
        self._openssl(f"req -newkey rsa:2048 -nodes -keyout {key} -out {request} -subj /CN={name}")
        self._openssl(
            f"x509 -req -in {request} -CA {self.certificate} -CAkey {self._key} -CAcreateserial "
            f"-days 2 -out {certificate} -extfile {extension}"
        )
        return certificate, key

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True)
