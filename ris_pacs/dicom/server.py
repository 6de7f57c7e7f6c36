"""The DICOM listener: accepts on a socket that it may share with other processes, a thread each.

    server = Server(socket.create_server(("", 11112)), services, lookup)
    server.serve()            # until stop() or drain(), from another thread or a signal handler

Several processes that inherited one listening socket each run a Server on it; the kernel gives each
connection to one of them. The socket becomes non-blocking for all of them, which is why all of them wait
for it by poll().
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import Counter
from ssl import SSLContext

import structlog

from ris_pacs.dicom.association import AcceptedAssociation, Limits, Setup
from ris_pacs.dicom.handlers import Caller, Lookup, Services
from ris_pacs.dicom.metrics import Metrics, NoMetrics

__all__ = ["Limits", "Server"]

_RETRY = 0.1  # seconds, when the system has no descriptor or memory for one more connection
_ABORTING = 5.0  # seconds for aborted associations to leave
_YIELD, _MOST_YIELDED = 0.002, 0.02  # seconds for each association that runs, and at most


class Server:
    """Admission is by `lookup`, service by `services`; see `handlers`.

    tls: encrypt every connection with it. One Server for one listening socket.
    """

    def __init__(
        self,
        listener: socket.socket,
        services: Services,
        lookup: Lookup,
        *,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._listener = listener
        self._limits = limits or Limits()
        self._setup = Setup(services, lookup, self._enter, self._leave, self._limits, metrics or NoMetrics(), tls)
        self._running: set[AcceptedAssociation] = set()
        self._admitted: Counter[str] = Counter()  # by calling AE title
        self._changed = threading.Condition()
        self._stopping = False
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._log = structlog.get_logger()

    def serve(self) -> None:
        """Accept until stop() or drain(). Associations go on after it returns."""
        self._listener.setblocking(False)
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._wake_receiver, select.POLLIN)
        while not self._stopping:
            self._wait_for_room()
            poll.poll()
            self._let_idle_ones_first()
            if not self._stopping:
                self._accept()

    def stop(self) -> None:
        """Accept no more. May be called from a signal handler."""
        with self._changed:  # its lock may be taken again by the thread that a signal interrupts
            self._stopping = True
            self._changed.notify_all()
        self._wake_sender.send(b".")

    def drain(self, timeout: float) -> bool:
        """Accept no more, let associations finish for `timeout` seconds, abort the rest.

        True if none had to be aborted.
        """
        self.stop()
        if self._wait_until_empty(timeout):
            return True
        with self._changed:
            remaining = list(self._running)
        self._log.warning("associations aborted", count=len(remaining))
        for association in remaining:
            association.interrupt()
        self._wait_until_empty(_ABORTING)
        return False

    @property
    def associations(self) -> int:
        """Those that are admitted now."""
        with self._changed:
            return self._admitted.total()

    def _let_idle_ones_first(self) -> None:
        """All processes on the socket wake up for a connection: the one with the least to do shall have it."""
        with self._changed:
            running = len(self._running)
        time.sleep(min(running * _YIELD, _MOST_YIELDED))

    def _accept(self) -> None:
        """Take one connection, unless another process was faster."""
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            self._log.error("cannot accept", error=str(error))
            time.sleep(_RETRY)
            return
        sock.setblocking(True)
        association = AcceptedAssociation(sock, str(address[0]) if address else "", self._setup)
        with self._changed:
            self._running.add(association)
        thread = threading.Thread(target=self._run, args=(association,), name=f"dicom-{association.id}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no thread
            self._log.error("cannot serve", error=str(error))
            sock.close()
            self._forget(association)

    def _run(self, association: AcceptedAssociation) -> None:
        try:
            association.run()
        finally:
            self._forget(association)

    def _forget(self, association: AcceptedAssociation) -> None:
        with self._changed:
            self._running.discard(association)
            self._changed.notify_all()

    def _wait_for_room(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or len(self._running) < self._limits.connections)

    def _enter(self, caller: Caller) -> bool:
        """Count an association in, if the limits leave room for it."""
        with self._changed:
            if self._admitted.total() >= self._limits.associations:
                return False
            if self._admitted[caller.calling] >= self._limits.associations_per_title:
                return False
            self._admitted[caller.calling] += 1
            return True

    def _leave(self, caller: Caller) -> None:
        with self._changed:
            self._admitted[caller.calling] -= 1
            if not self._admitted[caller.calling]:
                del self._admitted[caller.calling]

    def _wait_until_empty(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)
