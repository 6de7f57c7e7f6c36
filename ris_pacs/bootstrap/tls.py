"""Encryption of the listeners, from the certificates that the settings name."""

from __future__ import annotations

import ssl

from ris_pacs.config import SettingError, Settings


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """None without certificates. With RIS_PACS_TLS_CA a peer that shows a certificate must show one of that authority.

    TLS 1.2 and 1.3 with forward secrecy: the Modified BCP 195 profile of PS3.15 B.12. Raises SettingError.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        if settings.tls_ca is not None:
            context.load_verify_locations(settings.tls_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (ssl.SSLError, OSError) as problem:
        raise SettingError("TLS_CERT", f"certificate, key or authority cannot be used: {problem}") from None
    return context
