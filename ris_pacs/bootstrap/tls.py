"""Encryption of listeners and of calls to devices, from the certificates that the settings name."""

from __future__ import annotations

import ssl
from pathlib import Path

from ris_pacs.config import SettingError, Settings

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """None without certificates. With RIS_PACS_TLS_CA a peer that shows a certificate must show one of that authority,
    or ours, as `doctor` does; RIS_PACS_TLS_CLIENT_CERTIFICATE says whether it must show one at all.

    Raises SettingError.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _restrict(context)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        if settings.tls_ca is not None:
            context.load_verify_locations(settings.tls_ca)
            context.load_verify_locations(cadata=_own(settings.tls_cert))
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            required = settings.tls_client_certificate == "required"
            context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    except (ssl.SSLError, OSError) as problem:
        raise _unusable(problem) from None
    return context


def client_context(settings: Settings) -> ssl.SSLContext:
    """For calls to devices that are to be sent to over TLS.

    Their certificate must come from RIS_PACS_TLS_CA where that is set, else from an authority that this machine
    trusts, and name the host that they are registered with. Ours is shown where we have one. Raises SettingError.
    """
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
        _restrict(context)
        if settings.tls_cert is not None:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (ssl.SSLError, OSError) as problem:
        raise _unusable(problem) from None
    return context


def _restrict(context: ssl.SSLContext) -> None:
    """TLS 1.2 and 1.3 with forward secrecy: the Modified BCP 195 profile of PS3.15 B.12."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")


def _unusable(problem: Exception) -> SettingError:
    return SettingError("TLS_CERT", f"certificate, key or authority cannot be used: {problem}")


def _own(file: Path) -> str:
    """Our certificate alone: the authorities that follow it in the file are nobody's warrant here."""
    text = file.read_text(encoding="ascii", errors="replace")
    return text[text.index(_BEGIN) : text.index(_END) + len(_END)]
