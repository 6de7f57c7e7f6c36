"""C-FIND: answers, their encoding, cancellation, failures."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from structlog.testing import capture_logs

from ris_pacs.dicom.client import AssociationFailed, ClientAssociation, Proposal, connect
from ris_pacs.dicom.connection import Ending
from ris_pacs.dicom.handlers import DimseFailure, FindRequest, Match, Services, Status
from ris_pacs.dicom.pdu import AssociateRequest, ProposedContext, UserInformation

from .peers import PATIENCE, STUDY_FIND, WORKLIST, Finder, Running, listening, wait_until

NAME, ID = 0x00100010, 0x00100020
STUDIES = (Proposal(STUDY_FIND),)
NO_LEVEL = Status(0xA900, "level is missing", (0x00080052,))
ALL = {NAME: "", ID: ""}


def answering(*matches: Match) -> Finder:
    return Finder(lambda request: iter(matches))


def call(running: Running, *syntaxes: str) -> ClientAssociation:
    proposal = Proposal(WORKLIST, syntaxes) if syntaxes else Proposal(WORKLIST)
    return connect("127.0.0.1", running.port, "CT1", "RISPACS", (proposal,))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_query_and_answers_in_every_transfer_syntax(syntax: str) -> None:
    finder = answering(Match({NAME: "Yamada^Tarou=山田^太郎", ID: "1"}, ("", "ISO 2022 IR 87")))
    with listening(Services(find={WORKLIST: finder})) as running, call(running, syntax) as association:
        (answer,) = association.find(WORKLIST, {NAME: "Müller*", 0x00400100: [{0x00080060: "CT"}]}, ("ISO_IR 100",))
    assert str(answer.PatientName) == "Yamada^Tarou=山田^太郎"
    (request,) = finder.requests
    assert request.identifier.PatientName == "Müller*"
    assert request.identifier.ScheduledProcedureStepSequence[0].Modality == "CT"
    assert (request.sop_class_uid, request.extended) == (WORKLIST, b"")


def test_no_match_is_a_success() -> None:
    with listening(Services(find={WORKLIST: answering()})) as running, call(running) as association:
        assert list(association.find(WORKLIST, ALL)) == []
        assert running.counts.operations == [("C-FIND", 0, 0)]


def test_many_answers_come_in_order_and_few_sends() -> None:
    finder = answering(*(Match({ID: str(number)}) for number in range(3000)))
    with listening(Services(find={WORKLIST: finder})) as running, call(running) as association:
        assert [answer.PatientID for answer in association.find(WORKLIST, ALL)] == list(map(str, range(3000)))


def test_an_answer_without_elements_is_an_answer() -> None:
    with listening(Services(find={WORKLIST: answering(Match({}))})) as running, call(running) as association:
        (answer,) = association.find(WORKLIST, ALL)
    assert len(answer) == 0


def test_the_first_answers_need_not_wait_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ris_pacs.dicom.exchange.MAX_WAIT", 0.0)
    seen = threading.Event()

    def slow(request: FindRequest) -> Iterator[Match]:
        yield Match({ID: "1"})
        assert seen.wait(PATIENCE)
        yield Match({ID: "2"})

    with listening(Services(find={WORKLIST: Finder(slow)})) as running, call(running) as association:
        answers = association.find(WORKLIST, ALL)
        assert next(answers).PatientID == "1"
        seen.set()
        assert next(answers).PatientID == "2"
        assert list(answers) == []


def test_cancelling_stops_the_handler() -> None:
    closed = threading.Event()
    stopped_at = 0

    def endless(request: FindRequest) -> Iterator[Match]:
        nonlocal stopped_at
        try:
            while True:
                stopped_at += 1
                yield Match({ID: str(stopped_at)})
        finally:
            closed.set()

    finder = Finder(endless)
    with listening(Services(find={WORKLIST: finder})) as running, call(running) as association:
        with closing(association.find(WORKLIST, ALL)) as answers:
            next(answers)
        assert closed.is_set()
        assert finder.requests[0].cancelled()
        assert running.counts.operations[0][:2] == ("C-FIND", 0xFE00)
        finder.answer = lambda request: iter([Match({ID: "after"})])
        assert [answer.PatientID for answer in association.find(WORKLIST, ALL)] == ["after"]
        assert not finder.requests[1].cancelled()


def test_a_handler_that_looks_for_itself_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ris_pacs.dicom.exchange.MAX_WAIT", 0.0)

    def patient(request: FindRequest) -> Iterator[Match]:
        yield Match({ID: "1"})
        wait_until(request.cancelled)

    with listening(Services(find={WORKLIST: Finder(patient)})) as running, call(running) as association:
        with closing(association.find(WORKLIST, ALL)) as answers:
            next(answers)
        assert running.counts.operations[0][:2] == ("C-FIND", 0xFE00)


def test_a_peer_that_leaves_stops_the_handler() -> None:
    ended = threading.Event()

    def waiting(request: FindRequest) -> Iterator[Match]:
        wait_until(request.cancelled)
        ended.set()
        yield Match({})

    finder = Finder(waiting)
    with listening(Services(find={WORKLIST: finder})) as running:
        association = call(running)
        failed: list[Exception] = []
        thread = threading.Thread(target=lambda: failed.append(failure_of(association)))
        thread.start()
        wait_until(lambda: finder.requests)
        association._exchange.connection._socket.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        assert ended.wait(PATIENCE)
        wait_until(lambda: running.counts.closed == [Ending.CUT])
        assert "lost" in str(failed[0])


def failure_of(association: ClientAssociation) -> Exception:
    try:
        list(association.find(WORKLIST, ALL))
    except AssociationFailed as error:
        return error
    raise AssertionError("nothing failed")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DimseFailure(NO_LEVEL), NO_LEVEL),
        (RuntimeError("a mistake"), Status(0x0110, "processing failure")),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_a_failure_ends_the_query_with_its_status(error: Exception, status: Status, before: int) -> None:
    def failing(request: FindRequest) -> Iterator[Match]:
        yield from (Match({ID: str(number)}) for number in range(before))
        raise error

    with (
        capture_logs() as logs,
        listening(Services(find={WORKLIST: Finder(failing)})) as running,
        call(running) as association,
    ):
        answers = association.find(WORKLIST, ALL)
        assert [next(answers).PatientID for _ in range(before)] == list(map(str, range(before)))
        with pytest.raises(DimseFailure) as failure:
            next(answers)
        assert failure.value.status == status
    tracebacks = [line for line in logs if line.get("exc_info")]
    assert len(tracebacks) == (0 if isinstance(error, DimseFailure) else 1)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_an_identifier_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for raw, words in ((b"\x10\0\x10\0\xff\0\0\0x", "cut off"), (bytes(2 << 20), "exceeds")):
        monkeypatch.setattr("ris_pacs.dicom.client.encode_data_set", lambda *_, raw=raw: raw)
        finder = answering()
        with (
            listening(Services(find={WORKLIST: finder})) as running,
            call(running) as association,
            pytest.raises(DimseFailure) as failure,
        ):
            list(association.find(WORKLIST, ALL))
        assert failure.value.status.code == 0xC000
        assert words in failure.value.status.comment
        assert finder.requests == []


def test_an_answer_that_cannot_be_written_is_left_out_and_logged() -> None:
    finder = answering(Match({ID: "1"}), Match({0x00280010: "no number"}), Match({ID: "3"}))
    with capture_logs() as logs, listening(Services(find={WORKLIST: finder})) as running, call(running) as association:
        assert [answer.PatientID for answer in association.find(WORKLIST, ALL)] == ["1", "3"]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["an answer was left out"]


def test_characters_that_were_replaced_are_logged() -> None:
    finder = answering(Match({NAME: "Łukasz"}, ("ISO_IR 100",)))
    with capture_logs() as logs, listening(Services(find={WORKLIST: finder})) as running, call(running) as association:
        (answer,) = association.find(WORKLIST, ALL)
    assert answer.PatientName == "?ukasz"
    (line,) = [line for line in logs if "characters" in line]
    assert (line["characters"], line["character_set"]) == ("Ł", "ISO_IR 100")


def test_a_warning_status_of_an_answer_is_passed_on() -> None:
    finder = answering(Match({ID: "1"}, status=Status(0xFF01)))
    with listening(Services(find={WORKLIST: finder})) as running, call(running) as association:
        assert len(list(association.find(WORKLIST, ALL))) == 1


def test_the_handler_is_told_what_was_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    def request(calling: str, called: str, contexts: object) -> AssociateRequest:
        proposed = (ProposedContext(1, STUDY_FIND, (ImplicitVRLittleEndian,)),)
        return AssociateRequest(calling, called, proposed, UserInformation(extended={STUDY_FIND: b"\1\1\1"}))

    monkeypatch.setattr("ris_pacs.dicom.client._request", request)
    finder = answering()
    services = Services(find={STUDY_FIND: finder}, extended={STUDY_FIND: b"\1\0\1\1"})
    with listening(services) as running, connect("127.0.0.1", running.port, "WS", "X", STUDIES) as association:
        list(association.find(STUDY_FIND, ALL))
    assert finder.requests[0].extended == b"\1\0\1"
