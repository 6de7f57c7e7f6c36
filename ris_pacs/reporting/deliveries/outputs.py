"""What leaves the house when a report is signed: a document in the archive, a result to the EMR, a notice by mail.

One job for each signed version. Everything it makes has a name that follows from the version, and is written in one
transaction: done twice, or begun again after a crash, it finds that its work is there.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ris_pacs.accounts import queries as accounts
from ris_pacs.archive import queries as archive
from ris_pacs.archive.queries.identity import corrected_identity
from ris_pacs.archive.service.receive import Source, receive_file
from ris_pacs.archive.service.store import store_object
from ris_pacs.catalog import queries as catalog
from ris_pacs.documents.report import report_pdf
from ris_pacs.imaging.encapsulated import Document, pdf_object
from ris_pacs.kernel import outbox
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.inbox import About
from ris_pacs.kernel.uids import uid_of
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.reporting.deliveries.result import result_message
from ris_pacs.reporting.queries.printed import Printed, printed
from ris_pacs.reporting.rules.states import Kind
from ris_pacs.reporting.service.pictures import key_pictures

if TYPE_CHECKING:
    from ris_pacs.archive.service.store import ReceivedObject
    from ris_pacs.kernel.uow import UnitOfWork
    from ris_pacs.orders.queries import Order

SOURCE = "REPORTS"


def send_out(public_url: str) -> Callable[[System, Any], None]:
    """The job; payload: {"version": id}."""

    def work(system: System, payload: Any) -> None:
        with read_only(system) as uow:
            said = printed(uow, payload["version"])
            study_uid, held = _study_of(uow, said)
        pdf = None if said.kind == Kind.PRELIMINARY else pdf_of(system, said, public_url)
        stored = None
        if pdf is not None and not held:
            stored = receive_file(system.blobs, io.BytesIO(_object(said, study_uid, pdf)), Source(SOURCE))
        with unit_of_work(system) as uow:
            _send(uow, said, pdf, stored, public_url)

    return work


def pdf_of(system: System, said: Printed, public_url: str) -> bytes:
    return report_pdf(said, key_pictures(system.blobs, said), public_url)


def _study_of(uow: UnitOfWork, said: Printed) -> tuple[str, bool]:
    """The study that the document joins, and whether it is there already.

    A study whose objects say another identity than the record is left alone: the document begins one of its own,
    which its accession number leads to the exam.
    """
    held = bool(archive.received_of(uow, [document_uid(said)]))
    for exam_id in said.exam_ids:
        for study in archive.studies_of_exam(uow, exam_id, PROGRAM):
            if corrected_identity(uow, study.id) is None:
                return study.study_instance_uid, held
    return uid_of(f"study of report {said.report_id} {said.hash}"), held


def document_uid(said: Printed) -> str:
    return uid_of(f"report version {said.hash}")


def _object(said: Printed, study_uid: str, pdf: bytes) -> bytes:
    alone = len(said.accession_numbers) == 1
    return pdf_object(
        Document(
            study_instance_uid=study_uid,
            series_instance_uid=uid_of(f"series of report {said.report_id} in {study_uid}"),
            sop_instance_uid=document_uid(said),
            name=said.name.dicom(),
            patient_id=said.mrn,
            issuer=said.mrn_issuer,
            birth_date=said.born.replace("-", "") if len(said.born) == len("2026-11-24") else "",
            sex=said.sex if said.sex in ("F", "M", "O") else "",
            accession_number=said.accession_numbers[0] if alone else "",
            accession_issuer=said.accession_issuer if alone else "",
            title=f"{said.heading}: {'; '.join(said.exams)}"[:1000],
            description=said.heading,
            number=said.version,
            made_at=said.signed_at.astimezone(said.zone),
        ),
        pdf,
    )


def _send(uow: UnitOfWork, said: Printed, pdf: bytes | None, stored: ReceivedObject | None, public_url: str) -> None:
    if stored is not None:
        store_object(uow, stored, PROGRAM)
    ordered = [orders.exam_order(uow, exam_id, PROGRAM) for exam_id in said.exam_ids]
    for order in {one.id: one for one in ordered}.values():
        about = About(order.patient_id, order.patient.name.shown, order.accession_number)
        partner = catalog.partner_by_id(uow, order.partner_id) if order.partner_id is not None else None
        if partner is not None and partner.host and partner.port is not None:
            control_id, receiver = f"R{said.version_id}O{order.id}", (partner.application, partner.facility)
            _put(
                uow,
                outbox.NewMessage(
                    destination="|".join(receiver),
                    entity=f"order {order.id}",
                    kind="ORU^R01",
                    control_id=control_id,
                    payload=result_message(said, order, receiver, pdf, uow.now, control_id),
                    about=about,
                ),
            )
        if said.kind != Kind.PRELIMINARY and order.referrer_id is not None:
            _notify(uow, said, order, about, public_url)


def _notify(uow: UnitOfWork, said: Printed, order: Order, about: About, public_url: str) -> None:
    """The referring doctor, where there is an account: that something is there, and nothing of what it says."""
    address = accounts.email_of_practitioner(uow, order.referrer_id or 0)
    if not address:
        return
    message = EmailMessage()
    what = {Kind.FINAL: "A report is ready", Kind.WITHDRAWN: "A report was withdrawn"}
    message["Subject"] = what.get(Kind(said.kind), "A report was changed")
    message["From"] = Address(said.site, "no-reply", urlsplit(public_url).hostname or "localhost")
    message["To"] = address
    message["Date"] = format_datetime(uow.now)
    message["Message-ID"] = f"<report-{said.version_id}-order-{order.id}@ris-pacs>"
    message.set_content(
        f"{message['Subject']} for a patient whom you referred to {said.site}.\n\n"
        f"Sign in to see it: {public_url.rstrip('/')}/a/{order.accession_number}\n"
    )
    _put(
        uow,
        outbox.NewMessage(
            destination=f"mailto:{address}",
            entity=f"order {order.id}",
            kind=outbox.MAIL,
            control_id=f"M{said.version_id}O{order.id}",
            payload=bytes(message),
            about=about,
        ),
    )


def _put(uow: UnitOfWork, new: outbox.NewMessage) -> None:
    if not outbox.is_known(uow, new.control_id):
        outbox.put(uow, new)
