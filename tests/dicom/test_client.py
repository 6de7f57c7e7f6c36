"""The requestor's side: what it says when something goes wrong, against pynetdicom and broken peers."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, ModalityWorklistInformationFind, Verification

from ris_pacs.dicom.client import AssociationFailed, NothingAccepted, Proposal, connect
from ris_pacs.dicom.handlers import DimseFailure, Services, StoredFile
from ris_pacs.dicom.messages import CommandField, CommandSet
from ris_pacs.dicom.pdu import RELEASE_RP, RELEASE_RQ, Abort, AnsweredContext, AssociateAccept
from ris_pacs.dicom.sop_classes import VERIFICATION

from .peers import CT, PATIENCE, WORKLIST, data_set_of, image, listening, write_file

ECHO = (Proposal(VERIFICATION),)
ACCEPT = AssociateAccept((AnsweredContext(1, 0, "1.2.840.10008.1.2"),), fixed=bytes(64)).encode()


@contextmanager
def scripted(*steps: bytes | str) -> Iterator[int]:
    """A peer that, connection by connection, reads once before each answer it sends."""

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(PATIENCE)
            for step in steps:
                sock.recv(65536)
                if isinstance(step, bytes):
                    sock.sendall(step)
            if steps[-1:] != ("close",):
                while sock.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)


def call(port: int, **options: object) -> object:
    with connect("127.0.0.1", port, "RISPACS", "PEER", ECHO, timeout=1.0, **options) as association:
        return association.echo()


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(AssociationFailed, match=f"PEER at 127.0.0.1:{port} refused the connection"):
        call(port)


def test_the_name_is_not_known() -> None:
    with pytest.raises(AssociationFailed, match="cannot be reached"):
        connect("host.invalid", 104, "RISPACS", "PEER", ECHO)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        pytest.param([Abort(0, 0).encode()], "aborted the association", id="abort as answer"),
        pytest.param([ACCEPT, Abort(2, 1).encode()], r"aborted the association \(reason 1\)", id="abort later"),
        pytest.param(["close"], "connection was lost", id="closed at once"),
        pytest.param([ACCEPT, "close"], "connection was lost", id="closed later"),
        pytest.param([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "did not keep to the DICOM protocol", id="no DICOM"),
        pytest.param([ACCEPT, RELEASE_RQ], "released the association in the middle", id="released"),
    ],
)
def test_peers_that_break_off_are_told_in_words(steps: list[bytes | str], words: str) -> None:
    with scripted(*steps) as port, pytest.raises(AssociationFailed, match=words):
        call(port)


def test_a_peer_that_will_not_hang_up_is_left_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ris_pacs.dicom.client._GOODBYE", 0.05)
    begun = time.monotonic()
    with scripted(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port, pytest.raises(AssociationFailed):
        connect("127.0.0.1", port, "RISPACS", "PEER", ECHO, timeout=PATIENCE)
    assert time.monotonic() - begun < PATIENCE / 2


def test_an_answer_to_another_request_is_no_answer() -> None:
    other = CommandSet(CommandField.C_ECHO_RSP, VERIFICATION, message_id_being_responded_to=99, status=0).encode()
    pdu = struct.pack(">BxLLBB", 4, len(other) + 6, len(other) + 2, 1, 3) + other
    with scripted(ACCEPT, pdu) as port, pytest.raises(AssociationFailed, match="did not keep to the DICOM protocol"):
        call(port)


def test_releasing_what_the_peer_has_ended_is_quiet() -> None:
    with scripted(ACCEPT + Abort(0, 0).encode()) as port:
        association = connect("127.0.0.1", port, "A", "B", ECHO)
        assert not association.is_open
        association.release()


def test_a_peer_that_says_nothing_times_out() -> None:
    with (
        scripted(b"") as port,
        pytest.raises(AssociationFailed, match="did not answer in time"),
        connect("127.0.0.1", port, "RISPACS", "PEER", ECHO, timeout=0.1),
    ):
        pass


def test_none_of_the_services_is_accepted() -> None:
    with listening(Services()) as running, pytest.raises(NothingAccepted, match="none of the proposed services"):
        connect("127.0.0.1", running.port, "RISPACS", "PEER", (Proposal(CT),))


def test_a_service_that_was_not_accepted_is_named() -> None:
    with listening(Services()) as running:
        contexts = (*ECHO, Proposal(WORKLIST))
        with (
            connect("127.0.0.1", running.port, "RISPACS", "PEER", contexts) as association,
            pytest.raises(AssociationFailed, match=f"did not accept SOP class {WORKLIST}"),
        ):
            list(association.find(WORKLIST, {}))


def test_leaving_the_block_by_an_exception_aborts() -> None:
    with listening(Services()) as running:
        with pytest.raises(KeyError), connect("127.0.0.1", running.port, "A", "B", ECHO):
            raise KeyError
        running.server.drain(PATIENCE)
        assert [ending.name for ending in running.counts.closed] == ["ABORTED"]


def test_both_sides_release_at_the_same_time() -> None:
    """The collision of PS3.8 7.2.2.7, Sta9 and Sta11."""
    with scripted(ACCEPT, RELEASE_RQ, RELEASE_RP) as port, connect("127.0.0.1", port, "A", "B", ECHO) as association:
        pass
    assert not association.is_open


def test_an_association_has_1_to_128_contexts() -> None:
    for count in (0, 129):
        with pytest.raises(ValueError, match="1 to 128"):
            connect("127.0.0.1", 1, "A", "B", ECHO * count)


class TestPynetdicom:
    """A peer that is not ours."""

    @pytest.fixture
    def received(self) -> list[tuple[str, str, bytes]]:
        return []

    @pytest.fixture
    def port(self, received: list[tuple[str, str, bytes]]) -> Iterator[int]:
        def store(event: evt.Event) -> int:
            uid = event.request.AffectedSOPInstanceUID
            received.append((uid, event.context.transfer_syntax, event.request.DataSet.getvalue()))
            return 0x0000

        def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
            if event.identifier.PatientName == "nobody":
                yield 0xA900, None
            for number in range(3):
                answer = Dataset()
                answer.SpecificCharacterSet = "ISO_IR 192"
                answer.PatientName, answer.PatientID = "山田^太郎", str(number)
                yield 0xFF00, answer

        entity = AE("PEER")
        entity.maximum_pdu_size = 4096
        entity.add_supported_context(Verification)
        entity.add_supported_context(ModalityWorklistInformationFind)
        entity.add_supported_context(CTImageStorage, [ImplicitVRLittleEndian])
        handlers = [(evt.EVT_C_STORE, store), (evt.EVT_C_FIND, find)]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        yield server.socket.getsockname()[1]
        server.shutdown()

    def test_echo_and_find(self, port: int) -> None:
        contexts = (*ECHO, Proposal(WORKLIST))
        with connect("127.0.0.1", port, "RISPACS", "PEER", contexts) as association:
            assert association.echo().code == 0
            answers = list(association.find(WORKLIST, {0x00100010: "*"}))
            assert [(str(answer.PatientName), answer.PatientID) for answer in answers] == [
                ("山田^太郎", "0"),
                ("山田^太郎", "1"),
                ("山田^太郎", "2"),
            ]
            with pytest.raises(DimseFailure) as failure:
                list(association.find(WORKLIST, {0x00100010: "nobody"}))
            assert failure.value.status.code == 0xA900

    def test_store_converts_to_what_was_accepted(
        self, port: int, tmp_path: Path, received: list[tuple[str, str, bytes]]
    ) -> None:
        explicit = write_file(tmp_path, image(), ExplicitVRLittleEndian)
        implicit = write_file(tmp_path, image(300), ImplicitVRLittleEndian)
        jpeg = StoredFile(CT, "1.2.3", str(JPEGBaseline8Bit), explicit.path, explicit.offset)
        contexts = (Proposal(CT, (ExplicitVRLittleEndian, ImplicitVRLittleEndian)),)
        with connect("127.0.0.1", port, "RISPACS", "PEER", contexts) as association:
            assert association.store(explicit).code == 0
            assert association.store(implicit).code == 0
            assert "no transfer syntax" in association.store(jpeg).comment
        assert [(uid, syntax) for uid, syntax, _ in received] == [
            (explicit.sop_instance_uid, ImplicitVRLittleEndian),
            (implicit.sop_instance_uid, ImplicitVRLittleEndian),
        ]
        assert received[1][2] == data_set_of(implicit)
