"""What should never come, on the real listeners: each is answered or dropped, and the service goes on."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from tests.flow import modality
from tests.flow.emr import END, START, a_person, emr, message, new_number, new_order
from tests.flow.practice_running import PATIENCE, Practice
from tests.flow.test_flow import an_exam_on_the_worklist, exam_page
from tests.flow.visitor import Visitor


def goes_on(practice: Practice, station: str) -> None:
    assert modality.dcmtk("echoscu", *modality.address(practice, station)).returncode == 0
    with emr(practice.ports["hl7"]) as hospital:
        assert hospital.send(message("NMQ^N01")).code == "AA"
    assert Visitor(practice.address).get("/healthz").text == "ok"


def rejection(practice: Practice, calling: str, called: str) -> tuple[int, int]:
    """Source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""
    ae = AE(calling)
    ae.acse_timeout = PATIENCE
    ae.add_requested_context(Verification)
    made = ae.associate("127.0.0.1", practice.ports["dicom"], ae_title=called)
    assert made.is_rejected
    answer = made.acceptor.primitive
    assert answer is not None
    return answer.result_source, answer.diagnostic


def test_a_caller_or_a_called_name_that_nobody_knows_is_rejected_as_such(practice: Practice) -> None:
    station = practice.add_station("CT")
    assert rejection(practice, "STRANGER", modality.CALLED) == (1, 3)
    assert rejection(practice, station, "SOMEBODYELSE") == (1, 7)
    goes_on(practice, station)


@pytest.mark.parametrize(
    "raw", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x01\x00\xff\xff\xff\xff" + bytes(64), b"\0" * 7]
)
def test_bytes_that_are_not_dicom_are_dropped(practice: Practice, raw: bytes) -> None:
    station = practice.add_station("CT")
    with socket.create_connection(("127.0.0.1", practice.ports["dicom"]), PATIENCE) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass  # An abort may come first.
    goes_on(practice, station)


def test_an_association_cut_within_a_pdu_leaves_nothing(practice: Practice, tmp_path: Path) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    with modality.association(practice, station, modality.CT) as made:
        image = modality.image(item)
        # A P-DATA-TF that says 100,000 bytes and brings half of them.
        connection = made.dul.socket.socket  # Once our side has aborted, pynetdicom lets go of it.
        with suppress(OSError):
            connection.sendall(bytes((4, 0)) + (100_000).to_bytes(4, "big") + bytes(50_000))
            connection.shutdown(socket.SHUT_RDWR)
        made.kill()
    assert "none yet" in exam_page(practice, item.AccessionNumber).text
    modality.store(practice, station, *modality.write(tmp_path / "again", [image]))
    assert "1 series, 1 image," in exam_page(practice, item.AccessionNumber).text
    goes_on(practice, station)


def test_half_a_frame_is_no_message(practice: Practice) -> None:
    station, placer = practice.add_station("CT"), new_number()
    whole = new_order(a_person(), placer)
    with socket.create_connection(("127.0.0.1", practice.ports["hl7"]), PATIENCE) as connection:
        connection.sendall(START + whole.encode()[:-20])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096) == b""
    with emr(practice.ports["hl7"]) as hospital:
        answer = hospital.send(whole)
    assert (answer.code, answer.orders) == ("AA", ["OK"])
    goes_on(practice, station)


def test_a_message_of_ten_megabytes_is_refused(practice: Practice) -> None:
    station = practice.add_station("CT")
    huge = new_order(a_person(), new_number(), "CTCHEST", "NTE|1||" + "x" * 10_000_000)
    with socket.create_connection(("127.0.0.1", practice.ports["hl7"]), PATIENCE) as connection:
        answer = b""
        try:
            connection.sendall(START + huge.encode() + END)
            while END not in answer and (more := connection.recv(65536)):
                answer += more
        except ConnectionError:
            pass  # Closed while it was still being sent.
    assert b"MSA|AA" not in answer
    goes_on(practice, station)
