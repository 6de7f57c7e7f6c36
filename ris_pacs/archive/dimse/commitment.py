"""Storage Commitment Push Model (PS3.4 J.3): N-ACTION in, N-EVENT-REPORT out on an association of our own."""

from __future__ import annotations

from ssl import SSLContext
from typing import Any

from ris_pacs.archive.models import Commitment
from ris_pacs.archive.service import commitment
from ris_pacs.catalog import queries as catalog
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.handlers import Association, Destination, Elements, NormalizedAnswer, NormalizedRequest, Status
from ris_pacs.dicom.sop_classes import ALL_COMMITTED, SOME_FAILED, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uids import is_uid
from ris_pacs.kernel.uow import System, unit_of_work

# PS3.7 Annex C.
NO_SUCH_ACTION, INVALID_ARGUMENT, NO_SUCH_OBJECT = 0x0123, 0x0115, 0x0112
MOST_REFERENCES = 100_000


class StorageCommitment:
    def __init__(self, system: System) -> None:
        self._system = system

    def handle(self, request: NormalizedRequest, association: Association) -> NormalizedAnswer:
        actor = association.device.actor
        assert isinstance(actor, Actor)
        if request.operation != "N-ACTION" or request.type_id != 1:
            return NormalizedAnswer(Status(NO_SUCH_ACTION, "only N-ACTION of type 1"))
        if request.instance_uid != STORAGE_COMMITMENT_INSTANCE:
            return NormalizedAnswer(Status(NO_SUCH_OBJECT, "not the well-known instance"))
        transaction = str(request.dataset.get("TransactionUID", ""))
        items = request.dataset.get("ReferencedSOPSequence") or []
        if not is_uid(transaction) or not items or len(items) > MOST_REFERENCES:
            return NormalizedAnswer(Status(INVALID_ARGUMENT, "transaction UID or references are missing"))
        references = tuple(
            (str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", "")))
            for item in items
        )
        asked = commitment.CommitmentRequest(transaction, association.device.id, references)
        try:
            with unit_of_work(self._system) as uow:
                commitment.ask(uow, asked, actor)
        except DomainError as problem:
            return NormalizedAnswer(Status(problem.answer.dimse, problem.message))
        return NormalizedAnswer()


def tell_device(ae_title: str, tls: SSLContext) -> Any:
    """The job that reports to the device, from our AE title. tls: for devices that are to be sent to over TLS."""

    def report(system: System, payload: Any) -> None:
        with unit_of_work(system) as uow:
            asked = uow.session.get_one(Commitment, payload["commitment_id"])
            verdict = commitment.judge(uow, asked)
            device = catalog.device_by_id(uow, asked.device_id)
            title, host, port = device.ae_title, device.host, device.port
            encryption = tls if device.tls else None
        error = None
        if not host or port is None:
            error = f"{title} has no address to report to; register its host and port"
        else:
            try:
                _send(ae_title, Destination(title, host, port, encryption), verdict)
            except AssociationFailed as problem:
                error = str(problem)
        with unit_of_work(system) as uow:
            commitment.note_answer(uow, payload["commitment_id"], error)
        if error:
            raise ConnectionError(error)

    return report


def _send(ours: str, to: Destination, report: commitment.Report) -> None:
    proposal = Proposal(STORAGE_COMMITMENT, as_scp=True)
    with connect(to.host, to.port, ours, to.ae_title, [proposal], tls=to.tls) as association:
        result = association.n_event_report(
            STORAGE_COMMITMENT,
            STORAGE_COMMITMENT_INSTANCE,
            SOME_FAILED if report.failed else ALL_COMMITTED,
            report_elements(report),
        )
    if result.status.code != 0:
        raise AssociationFailed(f"{to.ae_title} answered the report with 0x{result.status.code:04X}")


def report_elements(report: commitment.Report) -> Elements:
    """PS3.4 Table J.3-2."""
    elements: dict[int, object] = {0x00081195: report.transaction_uid}
    if report.committed:
        elements[0x00081199] = [{0x00081150: sop_class, 0x00081155: uid} for sop_class, uid in report.committed]
    if report.failed:
        elements[0x00081198] = [
            {0x00081150: sop_class, 0x00081155: uid, 0x00081197: reason} for sop_class, uid, reason in report.failed
        ]
    return elements
