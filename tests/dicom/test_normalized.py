"""MPPS, storage commitment and the rest of the N- services, with our client and with pynetdicom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    StorageCommitmentPushModel,
)
from structlog.testing import capture_logs

from ris_pacs.dicom.client import ClientAssociation, Proposal, connect
from ris_pacs.dicom.handlers import DimseFailure, NormalizedAnswer, NormalizedRequest, Services, Status
from ris_pacs.dicom.messages import CommandField, CommandSet

from .peers import COMMITMENT, MPPS, Normalizer, Running, listening

STATUS = 0x00400252  # Performed Procedure Step Status
STEP = "1.2.3.4"


@pytest.fixture
def handler() -> Normalizer:
    return Normalizer()


@pytest.fixture
def running(handler: Normalizer) -> Iterator[Running]:
    with listening(Services(normalized={MPPS: handler, COMMITMENT: handler})) as running:
        yield running


@pytest.fixture
def association(running: Running) -> Iterator[ClientAssociation]:
    proposals = (Proposal(MPPS), Proposal(COMMITMENT, as_scp=True))
    with connect("127.0.0.1", running.port, "CT1", "RISPACS", proposals) as association:
        yield association


def test_a_step_begins_and_ends(association: ClientAssociation, handler: Normalizer) -> None:
    created = association.n_create(MPPS, STEP, {STATUS: "IN PROGRESS", 0x00100010: "Müller"}, ("ISO_IR 100",))
    ended = association.n_set(MPPS, STEP, {STATUS: "COMPLETED"})
    assert (created.status.code, created.instance_uid, created.dataset) == (0, STEP, None)
    assert ended.status.code == 0
    first, second = handler.requests
    assert (first.operation, first.sop_class_uid, first.instance_uid) == ("N-CREATE", MPPS, STEP)
    assert first.dataset.PatientName == "Müller"
    assert (second.operation, second.sop_class_uid, second.instance_uid) == ("N-SET", MPPS, STEP)
    assert second.dataset.PerformedProcedureStepStatus == "COMPLETED"


def test_an_instance_may_be_named_by_the_handler(association: ClientAssociation, handler: Normalizer) -> None:
    handler.answer = lambda request: NormalizedAnswer(instance_uid="1.2.99")
    assert association.n_create(MPPS, None, {STATUS: "IN PROGRESS"}).instance_uid == "1.2.99"
    assert handler.requests[0].instance_uid == ""


def test_elements_of_the_answer_come_in_their_character_set(
    association: ClientAssociation, handler: Normalizer
) -> None:
    handler.answer = lambda request: NormalizedAnswer(elements={0x00100010: "Müller"}, character_set=("ISO_IR 192",))
    dataset = association.n_set(MPPS, STEP, {STATUS: "COMPLETED"}).dataset
    assert dataset is not None
    assert dataset.PatientName == "Müller"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DimseFailure(Status(0x0112, "no such step")), Status(0x0112, "no such step")),
        (RuntimeError("a mistake"), Status(0x0110, "processing failure")),
    ],
)
def test_failures_are_answered(
    association: ClientAssociation, handler: Normalizer, error: Exception, status: Status
) -> None:
    def fail(request: NormalizedRequest) -> NormalizedAnswer:
        raise error

    handler.answer = fail
    with capture_logs():
        assert association.n_set(MPPS, STEP, {STATUS: "COMPLETED"}).status == status
    handler.answer = lambda request: NormalizedAnswer(Status(0x0107, "attribute list error"))
    assert association.n_set(MPPS, STEP, {STATUS: "COMPLETED"}).status == Status(0x0107, "attribute list error")


def test_commitment_is_asked_for_and_reported(association: ClientAssociation, handler: Normalizer) -> None:
    referenced = {0x00081199: [{0x00081150: "1.2", 0x00081155: "1.2.3"}], 0x00081195: "1.2.77"}
    assert association.n_action(COMMITMENT, "1.2.840.10008.1.20.1.1", 1, referenced).status.code == 0
    assert association.n_event_report(COMMITMENT, "1.2.840.10008.1.20.1.1", 2, referenced).status.code == 0
    action, report = handler.requests
    assert (action.operation, action.type_id) == ("N-ACTION", 1)
    assert (report.operation, report.type_id) == ("N-EVENT-REPORT", 2)
    assert report.dataset.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3"


@pytest.mark.parametrize(
    ("field", "operation"),
    [(CommandField.N_GET_RQ, "N-GET"), (CommandField.N_DELETE_RQ, "N-DELETE")],
)
def test_requests_without_data_set(
    association: ClientAssociation, handler: Normalizer, field: CommandField, operation: str
) -> None:
    command = CommandSet(
        field,
        requested_sop_class_uid=MPPS,
        message_id=9,
        requested_sop_instance_uid=STEP,
        attribute_identifier_list=(STATUS,) if operation == "N-GET" else None,
    )
    context = next(context for context in association.contexts if context.abstract_syntax == MPPS)
    assert association._call(context, command).status.code == 0
    (request,) = handler.requests
    assert (request.operation, request.instance_uid, len(request.dataset)) == (operation, STEP, 0)
    assert request.attributes == ((STATUS,) if operation == "N-GET" else ())


def test_a_data_set_that_cannot_be_read_is_a_processing_failure(
    association: ClientAssociation, handler: Normalizer
) -> None:
    command = CommandSet(CommandField.N_SET_RQ, None, MPPS, 9, command_data_set_type=1)
    context = next(context for context in association.contexts if context.abstract_syntax == MPPS)
    with capture_logs():
        result = association._call(context, command, b"\x10\0\x10\0PN\x20\0short")
    assert result.status == Status(0x0110, "data set is cut off")
    assert handler.requests == []


class TestPynetdicom:
    def test_a_modality_reports_its_step(self, running: Running, handler: Normalizer) -> None:
        entity = AE("CT1")
        entity.add_requested_context(ModalityPerformedProcedureStep)
        association = entity.associate("127.0.0.1", running.port, ae_title="RISPACS")
        dataset = Dataset()
        dataset.PerformedProcedureStepStatus = "IN PROGRESS"
        status, _ = association.send_n_create(dataset, ModalityPerformedProcedureStep, STEP)
        assert status.Status == 0
        dataset.PerformedProcedureStepStatus = "COMPLETED"
        status, _ = association.send_n_set(dataset, ModalityPerformedProcedureStep, STEP)
        assert status.Status == 0
        association.release()
        assert [request.dataset.PerformedProcedureStepStatus for request in handler.requests] == [
            "IN PROGRESS",
            "COMPLETED",
        ]

    def test_a_modality_takes_our_report_in_the_scp_role(self) -> None:
        """PS3.4 J.3.3: on a new association, this side SCP of the commitment class."""
        reported: list[tuple[int, Dataset]] = []

        def report(event: evt.Event) -> tuple[int, None]:
            reported.append((event.event_type, event.event_information))
            return 0x0000, None

        entity = AE("CT1")
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)])
        try:
            port = server.socket.getsockname()[1]
            proposals = (Proposal(COMMITMENT, as_scp=True),)
            with connect("127.0.0.1", port, "RISPACS", "CT1", proposals) as association:
                (context,) = association.contexts
                assert context.as_scp
                result = association.n_event_report(
                    COMMITMENT, "1.2.840.10008.1.20.1.1", 1, {0x00081195: "1.2.77", 0x00081199: []}
                )
        finally:
            server.shutdown()
        assert result.status.code == 0
        ((event_type, information),) = reported
        assert (event_type, information.TransactionUID) == (1, "1.2.77")

    def test_a_modality_asks_for_commitment(self, running: Running, handler: Normalizer) -> None:
        entity = AE("CT1")
        entity.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scu_role=True, scp_role=False)
        association = entity.associate("127.0.0.1", running.port, ae_title="RISPACS", ext_neg=[role])
        dataset = Dataset()
        dataset.TransactionUID = "1.2.77"
        status, _ = association.send_n_action(dataset, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
        assert status.Status == 0
        association.release()
        assert handler.requests[0].dataset.TransactionUID == "1.2.77"
