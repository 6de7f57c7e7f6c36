"""One connection to the listener, from its first byte to its last, on a thread of its own."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from ris_pacs.dicom import finding, normalized, retrieving, storing
from ris_pacs.dicom.connection import AssociationEnded, Connection, Ending, Timeouts
from ris_pacs.dicom.exchange import Exchange, Message
from ris_pacs.dicom.handlers import (
    SUCCESS,
    Admission,
    Association,
    Caller,
    Device,
    DimseFailure,
    Lookup,
    Rejection,
    Services,
    Status,
    TransientRejection,
)
from ris_pacs.dicom.messages import CommandField
from ris_pacs.dicom.metrics import Metrics, NoMetrics
from ris_pacs.dicom.negotiation import negotiate
from ris_pacs.dicom.pdu import APPLICATION_CONTEXT, AssociateReject, AssociateRequest
from ris_pacs.dicom.session import PROCESSING_FAILURE, UNRECOGNIZED_OPERATION, Outcome, Session
from ris_pacs.dicom.upper_layer import UpperLayer


@dataclass(frozen=True)
class Limits:
    """What one process takes.

    max_pdu: bytes of a P-DATA-TF, as announced to peers. 128 KB took 0.5 MB images on four associations 1.25
        times as fast as 16 KB (2207 against 1761 a second), from senders with Nagle's algorithm on too (2261
        against 1929); on one association there was no difference (1379, 1323).
    associations: in the whole process, and from one calling AE title.
    connections: sockets, including those that are not yet or no longer associations.
    """

    max_pdu: int = 128 * 1024
    associations: int = 200
    associations_per_title: int = 32
    connections: int = 300
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True)
class Setup:
    """What every association of a listener shares. `enter` counts an admitted caller in, or says no."""

    services: Services
    lookup: Lookup
    enter: Callable[[Caller], bool]
    leave: Callable[[Caller], None]
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=NoMetrics)
    tls: ssl.SSLContext | None = None


def _echo(session: Session, message: Message) -> Outcome:
    return Outcome(session.respond(message, SUCCESS))


Provider = Callable[[Session, Message], Outcome]
_PROVIDERS: dict[int, Provider] = {
    CommandField.C_ECHO_RQ: _echo,
    CommandField.C_STORE_RQ: storing.store,
    CommandField.C_FIND_RQ: finding.find,
    CommandField.C_MOVE_RQ: retrieving.move,
    CommandField.C_GET_RQ: retrieving.get,
    CommandField.N_EVENT_REPORT_RQ: normalized.serve,
    CommandField.N_GET_RQ: normalized.serve,
    CommandField.N_SET_RQ: normalized.serve,
    CommandField.N_ACTION_RQ: normalized.serve,
    CommandField.N_CREATE_RQ: normalized.serve,
    CommandField.N_DELETE_RQ: normalized.serve,
}


class AcceptedAssociation:
    """Whatever happens in run() stays in it: nothing a peer or a handler does ends the process."""

    def __init__(self, sock: socket.socket, address: str, setup: Setup) -> None:
        self.id = secrets.token_hex(8)
        self._socket = sock
        self._address = address
        self._setup = setup
        self._connection: Connection | None = None
        self._caller: Caller | None = None  # once admitted
        self._operations: Counter[str] = Counter()
        self._log = structlog.get_logger().bind(association=self.id, peer=address)

    def interrupt(self) -> None:
        """From another thread: abort as soon as possible."""
        if self._connection:
            self._connection.interrupt()
        else:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        connection = self._connect()
        if connection:
            try:
                self._live(connection)
            finally:
                connection.linger()

    def _live(self, connection: Connection) -> None:
        started = time.monotonic()
        end: AssociationEnded | None = AssociationEnded(Ending.SHUT_DOWN, "internal error")
        try:
            self._attend(connection)
            end = None  # it was refused, and that was told
        except AssociationEnded as caught:
            end = caught
        except Exception:
            self._log.exception("association failed")
            connection.abort()
        finally:
            connection.answer_release()
            if end:
                self._account(connection, end, time.monotonic() - started)

    def _connect(self) -> Connection | None:
        """The connection, encrypted where it should be; None if the peer cannot."""
        timeouts = self._setup.limits.timeouts
        try:
            if self._setup.tls:
                self._socket.settimeout(timeouts.artim)
                self._socket = self._setup.tls.wrap_socket(self._socket, server_side=True)
        except OSError as error:
            self._log.info("no TLS", error=str(error))
            self._socket.close()
            return None
        layer = UpperLayer(requestor=False, max_pdu=self._setup.limits.max_pdu)
        self._connection = Connection(self._socket, layer, timeouts)
        return self._connection

    def _attend(self, connection: Connection) -> None:
        connection.layer.transport_connected()
        connection.carry_out()
        request = connection.next_indication()
        assert isinstance(request, AssociateRequest)  # by the state table, nothing else comes first
        session = self._admit(connection, request)
        while session:
            self._serve(session, session.exchange.read_message())

    def _admit(self, connection: Connection, request: AssociateRequest) -> Session | None:
        """Answer the request; None if it was refused."""
        user = request.user
        caller = Caller(
            request.calling, request.called, self._address, user.implementation_uid, user.implementation_version
        )
        self._log = self._log.bind(calling=caller.calling, called=caller.called)
        admission = self._judge(request, caller)
        if not isinstance(admission, Device):
            reject = _as_reject(admission)
            connection.layer.reject(reject)
            connection.carry_out()
            self._setup.metrics.association_rejected(reject.words)
            self._log.warning("association rejected", reason=reject.words)
            return None
        self._caller = caller
        self._setup.metrics.association_opened()
        accept, contexts = negotiate(request, self._setup.services, self._setup.limits.max_pdu)
        connection.layer.accept(accept)
        connection.carry_out()
        self._log.info("association accepted", contexts=len(contexts), proposed=len(request.contexts))
        exchange = Exchange(connection, contexts)
        own_thread = threading.get_ident()

        def ended() -> bool:
            return exchange.is_over or (threading.get_ident() == own_thread and exchange.has_ended())

        association = Association(self.id, caller, admission, ended)
        timeout = self._setup.limits.timeouts.idle
        return Session(exchange, association, self._setup.services, self._log, accept.user.extended, timeout)

    def _judge(self, request: AssociateRequest, caller: Caller) -> Admission:
        if request.application_context != APPLICATION_CONTEXT:
            return Rejection.APPLICATION_CONTEXT
        if not request.contexts:
            return Rejection.NO_REASON
        try:
            admission = self._setup.lookup(caller)
        except Exception:
            self._log.exception("the caller could not be looked up")
            return TransientRejection.CONGESTION
        if isinstance(admission, Device) and not self._setup.enter(caller):
            return TransientRejection.LOCAL_LIMIT
        return admission

    def _serve(self, session: Session, message: Message) -> None:
        field = message.command.command_field
        provider = _PROVIDERS.get(field)
        if provider is None:
            raise session.exchange.violate(f"command 0x{field:04X} answers nothing that was asked")
        name = CommandField(field).operation
        started = time.perf_counter()
        outcome = self._perform(provider, session, message)
        self._operations[name] += 1
        self._setup.metrics.operation(name, outcome.status, time.perf_counter() - started, outcome.size)

    def _perform(self, provider: Provider, session: Session, message: Message) -> Outcome:
        try:
            if message.context.as_scp:
                return provider(session, message)
            status = Status(UNRECOGNIZED_OPERATION, "not in the role agreed for this SOP class")
        except AssociationEnded:
            raise
        except DimseFailure as failure:
            status = failure.status
        except Exception:
            self._log.exception("handler failed", command=f"0x{message.command.command_field:04X}")
            status = Status(PROCESSING_FAILURE, "processing failure")
        session.exchange.skip_data()
        return Outcome(session.respond(message, status))

    def _account(self, connection: Connection, end: AssociationEnded, seconds: float) -> None:
        """Count it out; one line says how it ended."""
        if self._caller:
            self._setup.leave(self._caller)
            self._setup.metrics.association_closed(end.ending, connection.bytes_received, connection.bytes_sent)
            self._log.info(
                "association ended",
                how=end.ending.value,
                detail=end.detail,
                seconds=round(seconds, 3),
                received=connection.bytes_received,
                sent=connection.bytes_sent,
                **self._operations,
            )
        elif end.ending is Ending.VIOLATION:
            self._log.warning("no DICOM association", detail=end.detail)
        elif connection.bytes_received:
            self._log.info("no association", how=end.ending.value, detail=end.detail)


def _as_reject(admission: Rejection | TransientRejection) -> AssociateReject:
    """PS3.8 Table 9-21."""
    if isinstance(admission, TransientRejection):
        return AssociateReject(result=2, source=3, reason=admission)
    return AssociateReject(result=1, source=1, reason=admission)
