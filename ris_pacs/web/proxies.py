"""Whom forwarded headers are believed from (RIS_PACS_TRUSTED_PROXIES)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class TrustedProxies:
    """WSGI middleware: applies forwarded headers of trusted proxies only, from the nearest on.

    X-Forwarded-For is followed from its end as long as the address that told it is trusted, so that what a client
    writes into it does not count. Scheme and host are those that the nearest proxy tells.
    """

    def __init__(self, app: WSGIApplication, trusted: Sequence[str]) -> None:
        self._app = app
        self._networks = [ip_network(one) for one in trusted]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        hops = self._hops(environ)
        if hops == 0:
            return self._app(environ, start_response)
        return ProxyFix(self._app, x_for=hops, x_proto=1, x_host=1)(environ, start_response)

    def _hops(self, environ: WSGIEnvironment) -> int:
        """How many of the last addresses were told by a trusted proxy; 0 when the peer itself is none."""
        if not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            return 0
        told = [one.strip() for one in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        hops = 1
        while hops < len(told) and self._is_trusted(told[-hops]):
            hops += 1
        return hops

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
