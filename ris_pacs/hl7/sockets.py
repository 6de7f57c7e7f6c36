"""What both ends of an MLLP connection do with a socket."""

from __future__ import annotations

import select
import socket
import ssl

# After a minute of silence the peer is probed every 15 s; four probes without an answer end the connection.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def prepare(sock: socket.socket) -> None:
    """Answers leave at once, and a peer that vanished without a word is noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def wait_readable(sock: socket.socket, seconds: float, also: int | None = None) -> set[int]:
    """File numbers among the socket's and `also` that have something to read; none after `seconds`."""
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return {sock.fileno()}
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if also is not None:
        poller.register(also, select.POLLIN)
    return {number for number, _ in poller.poll(max(0.0, seconds) * 1000)}
