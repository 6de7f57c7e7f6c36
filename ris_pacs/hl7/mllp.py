"""MLLP listener: persistent connections, a thread each, several processes on one listening socket."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from uuid import uuid4

import structlog

from ris_pacs.hl7.handlers import Handler, Limits, Meters, Peer
from ris_pacs.hl7.session import Session
from ris_pacs.kernel.clock import system_clock

log = structlog.get_logger()

PAUSE_SECONDS = 0.5
CUT_SECONDS = 2.0


class Server:
    """Accepts on a socket that somebody else has bound and listens on; closing it is theirs, too.

    The socket becomes non-blocking, so that processes which share it do not wait for each other.
    """

    def __init__(
        self,
        listener: socket.socket,
        handler: Handler,
        limits: Limits | None = None,
        meters: Meters | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._listener = listener
        self._handler = handler
        self._limits = limits or Limits()
        self._meters = meters or Meters()
        self._tls = tls
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[Session, threading.Thread] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._stop_in, self._stop_out = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept_all, name="hl7-accept", daemon=True)

    def start(self) -> None:
        """Begin to accept, in the background."""
        self._listener.setblocking(False)
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._acceptor.start()

    @property
    def connections(self) -> int:
        with self._lock:
            return len(self._sessions)

    def drain(self, timeout: float) -> bool:
        """Stop: accept no more, end idle connections, let frames that have begun be handled and answered.

        timeout: seconds; after it what is left is cut. True if nothing had to be.
        """
        deadline = monotonic() + timeout
        self._stop_out.send(b"s")
        self._acceptor.join()
        with self._lock:
            running = dict(self._sessions)
        for thread in running.values():
            thread.join(max(0.0, deadline - monotonic()))
        late = [session for session, thread in running.items() if thread.is_alive()]
        for session in late:
            session.cut()
        for session in late:
            running[session].join(CUT_SECONDS)
        if not any(thread.is_alive() for thread in running.values()):  # the living still look at them
            for end in (self._wake_in, self._wake_out, self._stop_in, self._stop_out):
                end.close()
        log.info("hl7 listener stopped", cut=len(late))
        return not late

    def _accept_all(self) -> None:
        stop, wake, door = self._stop_in.fileno(), self._wake_in.fileno(), self._listener.fileno()
        pause = False
        while True:
            poller = select.poll()
            poller.register(stop, select.POLLIN)
            poller.register(wake, select.POLLIN)
            if not pause and self.connections < self._limits.connections:
                poller.register(door, select.POLLIN)
            ready = {number for number, _ in poller.poll(PAUSE_SECONDS * 1000 if pause else None)}
            pause = False
            if stop in ready:
                return
            if wake in ready:
                self._wake_in.recv(4096)
            if door in ready:
                pause = not self._accept()

    def _accept(self) -> bool:
        """Take one connection; False when the system has no more to give and we should wait."""
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return True  # another process was faster, or the caller has gone
        except OSError as error:
            log.error("hl7 connection not accepted", error=type(error).__name__, number=error.errno)
            return False
        sock.setblocking(True)
        peer = Peer(str(address[0]), int(address[1]), uuid4().hex[:12])
        session = Session(
            sock, peer, self._handler, self._limits, self._meters, self._clock, self._stop_in.fileno(), self._tls
        )
        thread = threading.Thread(target=self._run, args=(session,), name=f"hl7-{peer.connection}", daemon=True)
        with self._lock:
            self._sessions[session] = thread
            count = len(self._sessions)
        self._meters.connections(count)
        try:
            thread.start()
        except RuntimeError as error:
            log.error("hl7 connection not served", error=str(error))
            sock.close()
            self._forget(session)
            return False
        return True

    def _run(self, session: Session) -> None:
        try:
            session.run()
        finally:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        """There is a place again."""
        with self._lock:
            del self._sessions[session]
            count = len(self._sessions)
        self._meters.connections(count)
        try:
            self._wake_out.send(b"w")
        except OSError:
            return  # plenty of wake-ups are waiting already
