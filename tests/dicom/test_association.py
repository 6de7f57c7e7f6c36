"""What an accepted association gives to handlers, refuses to peers, and survives."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from ris_pacs.dicom.client import AssociationFailed, ClientAssociation, Proposal, connect
from ris_pacs.dicom.connection import Connection, Timeouts
from ris_pacs.dicom.encode import DataSetEncoder
from ris_pacs.dicom.handlers import (
    Association,
    Device,
    DimseFailure,
    Elements,
    FindRequest,
    Match,
    Services,
    Status,
    StoreRequest,
)
from ris_pacs.dicom.messages import DATA_SET, CommandField, CommandSet
from ris_pacs.dicom.sop_classes import VERIFICATION
from ris_pacs.dicom.upper_layer import UpperLayer

from .peers import (
    COMMITMENT,
    CT,
    PATIENCE,
    STUDY_MOVE,
    WORKLIST,
    Counts,
    Finder,
    MemoryStore,
    Normalizer,
    Retriever,
    Running,
    Sink,
    listening,
    wait_until,
)


def call(running: Running, *proposals: Proposal) -> ClientAssociation:
    return connect("127.0.0.1", running.port, "CT1", "RISPACS", proposals)


class Asker:
    """A FindHandler that keeps the association it was given."""

    def __init__(self) -> None:
        self.association: Association | None = None
        self.go_on = threading.Event()
        self.ended_seen = threading.Event()

    def find(self, request: FindRequest, association: Association) -> Iterator[Match]:
        self.association = association
        wait_until(lambda: association.ended() or self.go_on.is_set())
        if association.ended():
            self.ended_seen.set()
        yield Match({})


def test_a_handler_knows_whom_it_serves() -> None:
    asker = Asker()
    asker.go_on.set()
    device = Device(7, "CT1", ("ISO_IR 100",), actor="scanner")
    with listening(Services(find={WORKLIST: asker}), lambda caller: device) as running:
        with call(running, Proposal(WORKLIST)) as association:
            list(association.find(WORKLIST, {0x00100010: ""}))
        assert asker.association is not None
        assert asker.association.device is device
        assert (asker.association.caller.calling, len(asker.association.id)) == ("CT1", 16)
        wait_until(lambda: running.counts.closed)
        assert asker.association.ended()  # from another thread than its own


def test_a_handler_that_looks_sees_the_peer_leave() -> None:
    asker = Asker()
    with listening(Services(find={WORKLIST: asker})) as running:
        association = call(running, Proposal(WORKLIST))
        thread = threading.Thread(target=lambda: swallow(association))
        thread.start()
        wait_until(lambda: asker.association is not None)
        association._exchange.connection._socket.shutdown(socket.SHUT_RDWR)
        assert asker.ended_seen.wait(PATIENCE)
        thread.join(PATIENCE)


def swallow(association: ClientAssociation) -> None:
    with pytest.raises(AssociationFailed):
        list(association.find(WORKLIST, {0x00100010: ""}))


@pytest.mark.parametrize(
    ("sop_class", "command", "code"),
    [
        (VERIFICATION, CommandSet(CommandField.C_FIND_RQ, VERIFICATION, message_id=1), 0x0122),
        (VERIFICATION, CommandSet(CommandField.C_MOVE_RQ, VERIFICATION, message_id=1), 0x0122),
        (VERIFICATION, CommandSet(CommandField.C_GET_RQ, VERIFICATION, message_id=1), 0x0122),
        (VERIFICATION, CommandSet(CommandField.C_STORE_RQ, VERIFICATION, message_id=1), 0x0122),
        (VERIFICATION, CommandSet(CommandField.N_SET_RQ, requested_sop_class_uid="1.2", message_id=1), 0x0118),
        (CT, CommandSet(CommandField.C_STORE_RQ, CT, message_id=1, affected_sop_instance_uid="1.2"), 0x0211),
    ],
)
def test_requests_in_the_wrong_context_or_role_are_refused(sop_class: str, command: CommandSet, code: int) -> None:
    """CT is accepted for C-GET only: the peer is its SCP, not its SCU."""
    services = Services(storage_classes=frozenset([CT]), retrieve={"1.2": None})
    proposals = (Proposal(VERIFICATION), Proposal(CT, as_scp=True))
    with listening(services) as running, call(running, *proposals) as association:
        context = next(context for context in association.contexts if context.abstract_syntax == sop_class)
        result = association._call(context, command)
        assert result.status.code == code
        assert result.status.comment
        assert association.echo().code == 0


@pytest.mark.parametrize("field", [CommandField.C_FIND_RQ, CommandField.C_MOVE_RQ, CommandField.C_GET_RQ])
def test_a_request_without_identifier_is_refused(field: CommandField) -> None:
    finder, retriever = Finder(lambda request: iter(())), Retriever(lambda request: NotImplemented)
    with (
        listening(Services(find={WORKLIST: finder}, retrieve={WORKLIST: retriever})) as running,
        call(running, Proposal(WORKLIST)) as association,
    ):
        result = association._call(association.contexts[0], CommandSet(field, WORKLIST, message_id=1))
    assert result.status == Status(0xA900, "the request has no identifier")
    assert finder.requests == retriever.requests == []


def test_a_move_without_destination_is_refused() -> None:
    command = CommandSet(CommandField.C_MOVE_RQ, STUDY_MOVE, message_id=1, command_data_set_type=DATA_SET)
    retriever = Retriever(lambda request: NotImplemented)
    with (
        listening(Services(retrieve={STUDY_MOVE: retriever})) as running,
        call(running, Proposal(STUDY_MOVE)) as association,
    ):
        result = association._call(association.contexts[0], command, b"\x20\0\x0d\0UI\4\0" + b"1.2\0")
    assert result.status == Status(0xA801, "the request names no destination")


def test_a_refused_request_has_its_data_set_read_all_the_same() -> None:
    command = CommandSet(CommandField.C_FIND_RQ, VERIFICATION, message_id=1, command_data_set_type=DATA_SET)
    with listening(Services()) as running, call(running, Proposal(VERIFICATION)) as association:
        (context,) = association.contexts
        assert association._call(context, command, bytes(500_000)).status.code == 0x0122
        assert association.echo().code == 0


class BrokenMetrics(Counts):
    def association_opened(self) -> None:
        raise RuntimeError("no metrics today")


def test_our_own_mistake_aborts_the_association_and_not_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as logs, listening(Services()) as running:
        with monkeypatch.context() as patch:
            patch.setattr(Counts, "association_opened", BrokenMetrics.association_opened)
            with pytest.raises(AssociationFailed, match="aborted"):
                call(running, Proposal(VERIFICATION)).echo()
        with call(running, Proposal(VERIFICATION)) as association:
            assert association.echo().code == 0
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["association failed"]


def test_a_sink_that_cannot_discard_is_logged(tmp_path: object) -> None:
    class Clinging(Sink):
        def discard(self) -> None:
            raise OSError("cannot unlink")

    class Store(MemoryStore):
        def receive(self, request: StoreRequest, association: Association) -> Sink:
            return Clinging(self, request)

    command = CommandSet(
        CommandField.C_STORE_RQ, CT, message_id=1, command_data_set_type=DATA_SET, affected_sop_instance_uid="1.2"
    )
    services = Services(store=Store(write_error=OSError("disk")), storage_classes=frozenset([CT]))
    with capture_logs() as logs, listening(services) as running, call(running, Proposal(CT)) as association:
        assert association._call(association.contexts[0], command, b"data").status.code == 0x0110
        assert association._call(association.contexts[0], command, b"data").status.code == 0x0110
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "storing failed",
        "discarding failed",
    ] * 2


def test_an_answer_that_is_no_data_set_is_told_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(DataSetEncoder):
        def encode(self, elements: Elements) -> bytes:
            return b"\x10\0\x10\0PN\xff\0A"

    monkeypatch.setattr("ris_pacs.dicom.finding.DataSetEncoder", Broken)
    finder = Finder(lambda request: iter([Match({})]))
    with listening(Services(find={WORKLIST: finder})) as running:
        association = call(running, Proposal(WORKLIST))
        with pytest.raises(AssociationFailed, match="an answer cannot be read: data set is cut off"):
            list(association.find(WORKLIST, {0x00100010: ""}))


def test_the_failure_of_a_request_without_handler_is_no_exception() -> None:
    with (
        listening(Services(normalized={COMMITMENT: Normalizer()})) as running,
        call(running, Proposal(COMMITMENT)) as association,
        pytest.raises(DimseFailure),
    ):
        list(association.find(COMMITMENT, {0x00100010: ""}))


class Recording(socket.socket):
    """A socket that remembers what was set on it, in order with its receives."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(fileno=sock.detach())
        self.calls: list[object] = []

    def setsockopt(self, *arguments: object) -> None:
        self.calls.append(arguments[:2])
        super().setsockopt(*arguments)

    def recv_into(self, *arguments: object) -> int:
        self.calls.append("receive")
        return super().recv_into(*arguments)


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="the system has no TCP_QUICKACK")
def test_every_receive_is_acknowledged_at_once() -> None:
    """Else senders with Nagle's algorithm on wait 40 ms for each of their PDUs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        accepted = Recording(listener.accept()[0])
    layer = UpperLayer(requestor=False, max_pdu=0)
    layer.transport_connected()
    connection = Connection(accepted, layer, Timeouts())
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY) in accepted.calls
    for _ in range(3):
        accepted.calls.clear()
        peer.sendall(b"\1")
        assert connection._fill(PATIENCE)
        assert accepted.calls == [(socket.IPPROTO_TCP, socket.TCP_QUICKACK), "receive"]
    peer.close()
    connection.close()


def test_both_ends_send_without_delay() -> None:
    asker = Asker()
    with listening(Services(find={WORKLIST: asker})) as running, call(running, Proposal(WORKLIST)) as association:
        (accepted,) = running.server._running
        assert accepted._connection is not None
        for end in (accepted._connection, association._exchange.connection):
            assert end._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
