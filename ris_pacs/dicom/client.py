"""Associations that this side requests (PS3.7 9 and 10 as SCU, and N-EVENT-REPORT as SCP).

    with connect("10.0.0.5", 104, "RISPACS", "CT1", (Proposal(VERIFICATION),)) as association:
        association.echo()

Leaving the block releases the association; leaving it by an exception aborts it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ssl import SSLCertVerificationError, SSLContext, SSLEOFError, SSLError
from types import TracebackType

from pydicom.dataset import Dataset

from ris_pacs.dicom.connection import AssociationEnded, Connection, Ending, Timeouts
from ris_pacs.dicom.decode import MAX_SIZE, UndecodableDataSet, decode_data_set
from ris_pacs.dicom.encode import encode_data_set
from ris_pacs.dicom.exchange import Context, Exchange, Message, TooLarge
from ris_pacs.dicom.handlers import DimseFailure, Elements, Status, StoredFile
from ris_pacs.dicom.messages import DATA_SET, NO_DATA_SET, CommandField, CommandSet
from ris_pacs.dicom.negotiation import MESSAGE_SYNTAXES
from ris_pacs.dicom.pdu import (
    MAX_CONTEXTS,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    ProposedContext,
    Role,
    UserInformation,
)
from ris_pacs.dicom.sop_classes import VERIFICATION
from ris_pacs.dicom.sub_operations import Originator, await_answer, store_file
from ris_pacs.dicom.transfer_syntaxes import Transcode
from ris_pacs.dicom.upper_layer import UpperLayer
from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

MAX_PDU = 128 * 1024  # bytes, what this side takes

_GOODBYE = 2.0  # seconds that a peer has to close the connection after an abort


class AssociationFailed(Exception):
    """There is no association, or no longer: why, in words for a person."""


class NothingAccepted(AssociationFailed):
    """The peer is there, but takes none of the presentation contexts."""


@dataclass(frozen=True)
class Proposal:
    """A presentation context to propose. as_scp: this side asks to be SCP of it as well as SCU."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...] = tuple(map(str, MESSAGE_SYNTAXES[:2]))
    as_scp: bool = False


@dataclass(frozen=True)
class NormalizedResult:
    """The answer to an N- request. A Status other than success is the caller's to judge."""

    status: Status
    instance_uid: str
    dataset: Dataset | None


def connect(
    host: str,
    port: int,
    calling: str,
    called: str,
    contexts: Sequence[Proposal],
    *,
    timeout: float = 30.0,
    tls: SSLContext | None = None,
    transcode: Transcode | None = None,
) -> ClientAssociation:
    """An association with at least one accepted context. Raises AssociationFailed.

    timeout: seconds to connect, and for each answer of the peer.
    """
    peer = f"{called} at {host}:{port}"
    if not 0 < len(contexts) <= MAX_CONTEXTS:
        raise ValueError(f"an association has 1 to {MAX_CONTEXTS} presentation contexts")
    request = _request(calling, called, contexts)
    layer = UpperLayer(requestor=True, max_pdu=MAX_PDU)
    layer.request(request)
    layer.take_outputs()  # Transport.CONNECT
    timeouts = Timeouts(min(timeout, _GOODBYE), timeout, timeout)
    connection = Connection(_open(host, port, peer, timeout, tls), layer, timeouts)
    accepted = _accepted(request, _answer(connection, peer, encrypted=tls is not None))
    if not accepted:
        connection.abort()
        connection.finish()
        raise NothingAccepted(f"{peer} accepted none of the proposed services")
    return ClientAssociation(Exchange(connection, accepted), peer, transcode)


def _answer(connection: Connection, peer: str, *, encrypted: bool) -> AssociateAccept:
    """Send the request and wait for A-ASSOCIATE-AC; anything else is an AssociationFailed."""
    with _in_words(peer):
        try:
            connection.layer.transport_connected()
            connection.carry_out()
            answer = connection.next_indication()
        except AssociationEnded as end:
            connection.finish()
            if encrypted and end.ending is Ending.CUT:  # TLS 1.3 tells it only after the handshake (RFC 8446 4.4.2)
                why = "ended the connection once TLS was agreed on; it may not take our certificate"
                raise AssociationFailed(f"{peer} {why}") from end
            raise
    if isinstance(answer, AssociateReject):
        connection.carry_out()
        raise AssociationFailed(f"{peer} rejected the association: {answer.words}")
    assert isinstance(answer, AssociateAccept)
    return answer


class ClientAssociation:
    """An established association. Every method raises AssociationFailed once it is over."""

    def __init__(self, exchange: Exchange, peer: str, transcode: Transcode | None) -> None:
        self.peer = peer
        self._exchange = exchange
        self._transcode = transcode
        self._message_id = 0

    def __enter__(self) -> ClientAssociation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The accepted presentation contexts."""
        return tuple(self._exchange.contexts.values())

    @property
    def is_open(self) -> bool:
        return not self._exchange.has_ended()

    def echo(self) -> Status:
        """C-ECHO (PS3.7 9.1.5)."""
        command = CommandSet(CommandField.C_ECHO_RQ, VERIFICATION, message_id=self._next_id())
        return self._call(self._context(VERIFICATION), command).status

    def store(self, file: StoredFile, *, originator: Originator | None = None) -> Status:
        """C-STORE of one file; see sub_operations.store_file for what is converted."""
        with _in_words(self.peer):
            return store_file(self._exchange, file, self._next_id(), originator=originator, transcode=self._transcode)

    def find(self, sop_class_uid: str, identifier: Elements, character_set: tuple[str, ...] = ()) -> Iterator[Dataset]:
        """C-FIND: every match as it comes; closing the iterator early cancels the rest.

        Raises DimseFailure when it ends in anything but success.
        """
        context = self._context(sop_class_uid)
        command = CommandSet(
            CommandField.C_FIND_RQ,
            sop_class_uid,
            message_id=self._next_id(),
            priority=0,
            command_data_set_type=DATA_SET,
        )
        with _in_words(self.peer):
            data = encode_data_set(identifier, context.transfer_syntax, character_set)
            self._exchange.send(context, command, data)
            message = await_answer(self._exchange, command)
            try:
                while _is_pending(message.command.status):
                    yield self._decode(message)
                    message = await_answer(self._exchange, command)
            except GeneratorExit:
                self._cancel(context, command)
                raise
        status = _status(message)
        if status.code:
            raise DimseFailure(status)

    def n_event_report(
        self,
        sop_class_uid: str,
        instance_uid: str,
        event_type: int,
        elements: Elements | None = None,
        character_set: tuple[str, ...] = (),
    ) -> NormalizedResult:
        """N-EVENT-REPORT (PS3.7 10.1.1), e.g. the result of a storage commitment (PS3.4 J.3.3)."""
        command = CommandSet(
            CommandField.N_EVENT_REPORT_RQ,
            sop_class_uid,
            affected_sop_instance_uid=instance_uid,
            event_type_id=event_type,
        )
        return self._normalized(command, elements, character_set)

    def n_create(
        self,
        sop_class_uid: str,
        instance_uid: str | None,
        elements: Elements | None = None,
        character_set: tuple[str, ...] = (),
    ) -> NormalizedResult:
        """N-CREATE (PS3.7 10.1.5); without an instance UID the peer assigns one."""
        command = CommandSet(CommandField.N_CREATE_RQ, sop_class_uid, affected_sop_instance_uid=instance_uid or None)
        return self._normalized(command, elements, character_set)

    def n_set(
        self, sop_class_uid: str, instance_uid: str, elements: Elements, character_set: tuple[str, ...] = ()
    ) -> NormalizedResult:
        """N-SET (PS3.7 10.1.3)."""
        command = CommandSet(
            CommandField.N_SET_RQ,
            requested_sop_class_uid=sop_class_uid,
            requested_sop_instance_uid=instance_uid,
        )
        return self._normalized(command, elements, character_set)

    def n_action(
        self,
        sop_class_uid: str,
        instance_uid: str,
        action_type: int,
        elements: Elements | None = None,
        character_set: tuple[str, ...] = (),
    ) -> NormalizedResult:
        """N-ACTION (PS3.7 10.1.4)."""
        command = CommandSet(
            CommandField.N_ACTION_RQ,
            requested_sop_class_uid=sop_class_uid,
            requested_sop_instance_uid=instance_uid,
            action_type_id=action_type,
        )
        return self._normalized(command, elements, character_set)

    def release(self) -> None:
        """A-RELEASE, if the association still stands."""
        with _in_words(self.peer):
            if self._exchange.has_ended():
                self._exchange.connection.finish()
            else:
                self._exchange.connection.release()

    def abort(self) -> None:
        """A-ABORT, if the association still stands. Never raises."""
        self._exchange.connection.abort()
        self._exchange.connection.close()

    def _normalized(
        self, command: CommandSet, elements: Elements | None, character_set: tuple[str, ...]
    ) -> NormalizedResult:
        context = self._context(command.sop_class_uid)
        command.message_id = self._next_id()
        data = None
        if elements:
            command.command_data_set_type = DATA_SET
            data = encode_data_set(elements, context.transfer_syntax, character_set)
        return self._call(context, command, data)

    def _call(self, context: Context, command: CommandSet, data: bytes | None = None) -> NormalizedResult:
        with _in_words(self.peer):
            self._exchange.send(context, command, data)
            message = await_answer(self._exchange, command)
            answer = message.command
            dataset = None if answer.command_data_set_type == NO_DATA_SET else self._decode(message)
        return NormalizedResult(_status(message), answer.sop_instance_uid, dataset)

    def _cancel(self, context: Context, command: CommandSet) -> None:
        """C-CANCEL (PS3.7 9.3.2.3), and what is still on its way thrown away."""
        cancel = CommandSet(CommandField.C_CANCEL_RQ, message_id_being_responded_to=command.message_id)
        with suppress(AssociationEnded):  # then there is nothing to cancel; the next call tells
            self._exchange.send(context, cancel)
            while _is_pending(await_answer(self._exchange, command).command.status):
                pass

    def _decode(self, message: Message) -> Dataset:
        try:
            return decode_data_set(self._exchange.read_data(MAX_SIZE), message.context.transfer_syntax)
        except (TooLarge, UndecodableDataSet) as error:
            raise self._exchange.violate(f"an answer cannot be read: {error}") from error

    def _context(self, sop_class_uid: str) -> Context:
        for context in self._exchange.contexts.values():
            if context.abstract_syntax == sop_class_uid:
                return context
        raise AssociationFailed(f"{self.peer} did not accept SOP class {sop_class_uid}")

    def _next_id(self) -> int:
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id


def _request(calling: str, called: str, contexts: Sequence[Proposal]) -> AssociateRequest:
    proposed = tuple(
        ProposedContext(2 * index + 1, proposal.abstract_syntax, proposal.transfer_syntaxes)
        for index, proposal in enumerate(contexts)
    )
    roles = {proposal.abstract_syntax: Role(scu=True, scp=True) for proposal in contexts if proposal.as_scp}
    user = UserInformation(MAX_PDU, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION, roles=roles)
    return AssociateRequest(calling, called, proposed, user)


def _accepted(request: AssociateRequest, answer: AssociateAccept) -> dict[int, Context]:
    """Without a role item in the answer this side is SCU only (PS3.7 D.3.3.4)."""
    syntaxes = {context.id: context.abstract_syntax for context in request.contexts}
    accepted = {}
    for context in answer.contexts:
        uid = syntaxes.get(context.id)
        if uid and context.result == ContextResult.ACCEPTED:
            role = answer.user.roles.get(uid, Role(scu=True, scp=False))
            accepted[context.id] = Context(context.id, uid, context.transfer_syntax, role.scu, role.scp)
    return accepted


def _open(host: str, port: int, peer: str, timeout: float, tls: SSLContext | None) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout)
        return _secured(sock, host, peer, tls) if tls else sock
    except ConnectionRefusedError:
        raise AssociationFailed(f"{peer} refused the connection: nothing listens there") from None
    except TimeoutError:
        raise AssociationFailed(f"{peer} did not answer within {timeout:g} s") from None
    except OSError as error:
        raise AssociationFailed(f"{peer} cannot be reached: {error.strerror or error}") from error


def _secured(sock: socket.socket, host: str, peer: str, tls: SSLContext) -> socket.socket:
    """The connection over TLS, or none: never in the clear."""
    try:
        return tls.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        if isinstance(error, SSLCertVerificationError):
            raise AssociationFailed(f"the certificate of {peer} is not accepted: {error.verify_message}") from error
        if isinstance(error, ConnectionError | SSLEOFError):
            raise AssociationFailed(f"{peer} ended the connection instead of agreeing on TLS") from error
        if isinstance(error, SSLError):
            reason = (error.reason or str(error)).replace("_", " ").lower()
            raise AssociationFailed(f"{peer} does not agree on TLS: {reason}") from error
        raise


@contextmanager
def _in_words(peer: str) -> Iterator[None]:
    try:
        yield
    except AssociationEnded as end:
        raise AssociationFailed(f"{peer}: {_ENDINGS[end.ending]}{f' ({end.detail})' if end.detail else ''}") from end


_ENDINGS = {
    Ending.RELEASED: "the peer released the association in the middle of an operation",
    Ending.ABORTED: "the peer aborted the association",
    Ending.CUT: "the connection was lost",
    Ending.TIMED_OUT: "the peer did not answer in time",
    Ending.VIOLATION: "the peer did not keep to the DICOM protocol",
    Ending.SHUT_DOWN: "the association was given up",
}


def _is_pending(status: int | None) -> bool:
    return status in (0xFF00, 0xFF01)


def _status(message: Message) -> Status:
    answer = message.command
    return Status(answer.status or 0, answer.error_comment or "", answer.offending_element or ())
