"""C-STORE: byte for byte, answered only when durable, and every way in which it can fail."""

from __future__ import annotations

import errno
import socket
import struct
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ris_pacs.dicom.association import Limits
from ris_pacs.dicom.client import ClientAssociation, Proposal, connect
from ris_pacs.dicom.connection import Ending
from ris_pacs.dicom.handlers import DimseFailure, Services, Status
from ris_pacs.dicom.messages import CommandField, CommandSet
from ris_pacs.dicom.pdu import Abort, AssociateRequest, ProposedContext
from ris_pacs.dicom.sop_classes import VERIFICATION
from ris_pacs.dicom.sub_operations import Originator

from .peers import CT, PATIENCE, MemoryStore, Running, data_set_of, image, listening, wait_until, write_file

EXPLICIT = "1.2.840.10008.1.2.1"
CONTEXTS = (Proposal(VERIFICATION), Proposal(CT, (EXPLICIT,)))


def archive(store: MemoryStore) -> Services:
    return Services(store=store, storage_classes=frozenset([CT]))


def call(running: Running) -> ClientAssociation:
    return connect("127.0.0.1", running.port, "CT1", "RISPACS", CONTEXTS)


@pytest.mark.parametrize("max_pdu", [0, 128, 4096, 16384, 131072])
def test_data_sets_arrive_byte_for_byte(tmp_path: Path, max_pdu: int) -> None:
    store = MemoryStore()
    files = [write_file(tmp_path, image(size)) for size in (1, 64, 256)]
    with listening(archive(store), limits=Limits(max_pdu=max_pdu)) as running, call(running) as association:
        assert [association.store(file).code for file in files] == [0, 0, 0]
    for file in files:
        request, received = store.stored[file.sop_instance_uid]
        assert received == data_set_of(file)
        assert (request.sop_class_uid, request.transfer_syntax_uid) == (CT, EXPLICIT)
    assert store.discarded == []


def test_the_originator_of_a_move_is_told(tmp_path: Path) -> None:
    store = MemoryStore()
    file = write_file(tmp_path, image())
    with listening(archive(store)) as running, call(running) as association:
        association.store(file, originator=Originator("WORKSTATION", 7))
    assert store.stored[file.sop_instance_uid][0].move_originator == "WORKSTATION"


def test_the_sinks_status_is_the_answer(tmp_path: Path) -> None:
    store = MemoryStore(status=Status(0xB000, "coerced", (0x00100020,)))
    with listening(archive(store)) as running, call(running) as association:
        assert association.store(write_file(tmp_path, image())) == Status(0xB000, "coerced", (0x00100020,))


FAILURES = [
    pytest.param(OSError(errno.ENOSPC, "no space"), 0xA700, id="disk full"),
    pytest.param(OSError(errno.EDQUOT, "quota"), 0xA700, id="quota"),
    pytest.param(OSError(errno.EIO, "input/output"), 0x0110, id="disk broken"),
    pytest.param(RuntimeError("a mistake"), 0x0110, id="a mistake in the handler"),
    pytest.param(DimseFailure(Status(0xA900, "wrong class")), 0xA900, id="the handler's own status"),
]


@pytest.mark.parametrize(("error", "code"), FAILURES)
@pytest.mark.parametrize("where", ["begin_answer", "write_error", "finish_error"])
def test_a_failure_is_answered_and_the_association_goes_on(
    tmp_path: Path, error: Exception, code: int, where: str
) -> None:
    store = MemoryStore(**{where: error})
    files = [write_file(tmp_path, image(200)) for _ in range(2)]
    with capture_logs() as logs, listening(archive(store)) as running, call(running) as association:
        assert association.store(files[0]).code == code
        setattr(store, where, None)
        assert association.store(files[1]).code == 0
    assert list(store.stored) == [files[1].sop_instance_uid]
    assert store.discarded == ([files[0].sop_instance_uid] if where == "write_error" else [])
    logged = [line for line in logs if line["log_level"] == "error"]
    assert len(logged) == (0 if isinstance(error, DimseFailure) else 1)


def test_a_refusal_before_the_data_reads_it_all_the_same(tmp_path: Path) -> None:
    store = MemoryStore(begin_answer=Status(0xA700, "busy"))
    with listening(archive(store)) as running, call(running) as association:
        assert association.store(write_file(tmp_path, image(256))) == Status(0xA700, "busy")
        assert association.echo().code == 0


class Wire:
    """An association by hand, to break it where no client would."""

    def __init__(self, running: Running) -> None:
        self.socket = socket.create_connection(("127.0.0.1", running.port), PATIENCE)
        contexts = (ProposedContext(1, CT, (EXPLICIT,)), ProposedContext(3, VERIFICATION, (EXPLICIT,)))
        self.socket.sendall(AssociateRequest("CT1", "RISPACS", contexts).encode())
        assert self.read_pdu()[0] == 0x02

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read_pdu(self) -> bytes:
        header = self.read(6)
        return header + self.read(int.from_bytes(header[2:], "big"))

    def read(self, count: int) -> bytes:
        raw = b""
        while len(raw) < count:
            piece = self.socket.recv(count - len(raw))
            assert piece, "the server closed the connection"
            raw += piece
        return raw

    def send(self, data: bytes, *, command: bool, last: bool = True, context: int = 1) -> None:
        header = struct.pack(">BxLLBB", 4, len(data) + 6, len(data) + 2, context, command | last << 1)
        self.socket.sendall(header + data)

    def answer(self) -> CommandSet:
        return CommandSet.decode(self.read_pdu()[12:])


def store_request(**changes: object) -> CommandSet:
    command = CommandSet(
        CommandField.C_STORE_RQ,
        CT,
        message_id=1,
        priority=0,
        command_data_set_type=1,
        affected_sop_instance_uid="1.2.3",
    )
    for name, value in changes.items():
        setattr(command, name, value)
    return command


@pytest.mark.parametrize("how", ["closed", "reset", "aborted"])
def test_an_association_cut_in_the_middle_of_an_image_leaves_nothing(how: str) -> None:
    store = MemoryStore()
    with listening(archive(store)) as running:
        with Wire(running) as wire:
            wire.send(store_request().encode(), command=True)
            wire.send(bytes(1000), command=False, last=False)
            assert store.first_bytes.wait(PATIENCE)
            if how == "aborted":
                wire.socket.sendall(Abort(0, 0).encode())
            elif how == "reset":
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_until(lambda: store.discarded == ["1.2.3"])
        wait_until(lambda: running.counts.closed == [Ending.ABORTED if how == "aborted" else Ending.CUT])
    assert store.stored == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"affected_sop_class_uid": "1.2.840.10008.5.1.4.1.1.4"}, 0xA900),
        ({"affected_sop_instance_uid": None}, 0x0117),
        ({"affected_sop_instance_uid": "../../etc/passwd"}, 0x0117),
        ({"affected_sop_instance_uid": "1" * 65}, 0x0117),
    ],
)
def test_requests_that_cannot_be_right_are_refused(changes: dict[str, object], code: int) -> None:
    store = MemoryStore()
    with listening(archive(store)) as running, Wire(running) as wire:
        wire.send(store_request(**changes).encode(), command=True)
        wire.send(bytes(1000), command=False)
        answer = wire.answer()
        assert (answer.status, answer.message_id_being_responded_to) == (code, 1)
        assert answer.error_comment
    assert store.stored == {}


def test_a_request_without_data_set_is_refused() -> None:
    store = MemoryStore()
    with listening(archive(store)) as running, Wire(running) as wire:
        wire.send(store_request(command_data_set_type=0x0101).encode(), command=True)
        assert wire.answer().status == 0xC000
    assert store.stored == {}


def test_storage_on_a_context_of_another_service_is_refused() -> None:
    with listening(archive(MemoryStore())) as running, Wire(running) as wire:
        wire.send(store_request().encode(), command=True, context=3)
        wire.send(bytes(10), command=False, context=3)
        assert wire.answer().status == 0xA900


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([(b"data", False, 1)], id="data without command"),
        pytest.param([(store_request().encode(), True, 1), (b"data", False, 3)], id="data on another context"),
        pytest.param([(store_request().encode(), True, 1)] * 2, id="command instead of data"),
        pytest.param([(b"\x10\0\x10\0\2\0\0\0AB", True, 1)], id="no command set"),
        pytest.param([(CommandSet(0x8001, message_id_being_responded_to=1, status=0).encode(), True, 1)], id="answer"),
    ],
)
def test_messages_out_of_order_are_aborted(messages: list[tuple[bytes, bool, int]]) -> None:
    with listening(archive(MemoryStore())) as running:
        with Wire(running) as wire:
            for raw, command, context in messages:
                wire.send(raw, command=command, context=context)
            assert wire.read_pdu() == Abort(0, 0).encode()
        wait_until(lambda: running.counts.closed == [Ending.VIOLATION])


def test_a_command_without_end_is_aborted() -> None:
    with listening(archive(MemoryStore())) as running, Wire(running) as wire:
        for _ in range(9):
            wire.send(bytes(8000), command=True, last=False)
        assert wire.read_pdu() == Abort(0, 0).encode()


def test_a_command_spread_over_two_contexts_is_aborted() -> None:
    raw = CommandSet(CommandField.C_ECHO_RQ, VERIFICATION, message_id=1).encode()
    with listening(archive(MemoryStore())) as running, Wire(running) as wire:
        wire.send(raw[:20], command=True, last=False)
        wire.send(raw[20:], command=True, context=3)
        assert wire.read_pdu() == Abort(0, 0).encode()


def test_commands_and_data_may_come_in_any_pieces(tmp_path: Path) -> None:
    store = MemoryStore()
    raw = store_request().encode()
    with listening(archive(store)) as running, Wire(running) as wire:
        for start in range(0, len(raw), 10):
            wire.send(raw[start : start + 10], command=True, last=start + 10 >= len(raw))
        wire.send(b"", command=False, last=False)
        wire.send(b"some", command=False, last=False)
        wire.send(b"data", command=False, last=False)
        wire.send(b"", command=False)
        assert wire.answer().status == 0
    assert store.stored["1.2.3"][1] == b"somedata"


def test_stores_are_counted_with_their_bytes(tmp_path: Path) -> None:
    file = write_file(tmp_path, image())
    with listening(archive(MemoryStore())) as running:
        with call(running) as association:
            association.store(file)
        assert running.counts.operations == [("C-STORE", 0, len(data_set_of(file)))]
