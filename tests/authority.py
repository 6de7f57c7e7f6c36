"""Certificates of a practice's own authority, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.dicom.peers import tool


@dataclass(frozen=True)
class Certificate:
    """PEM files."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates for 127.0.0.1 and localhost."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._own = self._paths("authority")
        self._openssl("req", "-x509", "-days", "9", *self._new(self._own), "-out", self._own.cert)

    @property
    def cert(self) -> Path:
        return self._own.cert

    def sign(self, name: str, *, days: int = 9, host: str = "IP:127.0.0.1,DNS:localhost") -> Certificate:
        """days: how long it is good; negative for one that has expired."""
        made = self._paths(name)
        request, extensions = made.cert.with_suffix(".csr"), made.cert.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={host}\n")
        self._openssl("req", *self._new(made), "-out", request)
        by = ("-CA", self._own.cert, "-CAkey", self._own.key, "-CAcreateserial", "-extfile", extensions)
        self._openssl("x509", "-req", "-in", request, *by, "-days", days, "-out", made.cert)
        return made

    def _paths(self, name: str) -> Certificate:
        return Certificate(self._folder / f"{self._name}-{name}.pem", self._folder / f"{self._name}-{name}.key")

    def _new(self, made: Certificate) -> tuple[object, ...]:
        return "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={made.cert.stem}", "-keyout", made.key

    @staticmethod
    def _openssl(*arguments: object) -> None:
        subprocess.run([tool("openssl", "OpenSSL"), *map(str, arguments)], capture_output=True, check=True)
