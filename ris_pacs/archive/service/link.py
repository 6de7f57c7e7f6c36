"""Linking studies to exams: by themselves when everything agrees, else by a person in the reconciliation inbox."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from ris_pacs.archive import rules
from ris_pacs.archive.errors import AlreadyLinked, NoSuchCase, NoSuchStudy
from ris_pacs.archive.events import CaseOpened, StudyLinked, StudyUnlinked
from ris_pacs.archive.models import ReconciliationCase, Series, Study, StudyLink
from ris_pacs.archive.rules import Decision, Leads, Reason, RequestLead
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.patients import queries as patients
from ris_pacs.patients.rules import Identity, contradictions
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.worklist import queries as worklist

if TYPE_CHECKING:
    from ris_pacs.archive.service.store import ReceivedObject
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class RequestKeys:
    """An item of Request Attributes Sequence (0040,0275)."""

    accession_number: str = ""
    requested_procedure_id: str = ""
    scheduled_step_id: str = ""


@dataclass(frozen=True)
class ReceivedKeys:
    """What an object says about the order it answers.

    accession_issuer: the local namespace or universal id in (0008,0051), if any.
    """

    study_instance_uid: str
    accession_number: str = ""
    accession_issuer: str = ""
    requests: tuple[RequestKeys, ...] = ()
    mpps_uids: tuple[str, ...] = ()


def identity_of(uow: UnitOfWork, received: ReceivedObject) -> Identity:
    """The object's patient, comparable with the record's; its issuer is the object's, else the sending device's."""
    said = received.patient
    issuer = catalog.issuer(uow, said.issuer) if said.issuer else None
    issuer_id = issuer.id if issuer else None
    if not said.issuer and received.device_id is not None:
        issuer_id = catalog.patient_issuer_of_device(uow, received.device_id)
    return Identity(
        patient_id=said.patient_id,
        issuer_id=issuer_id,
        name=PersonName.from_dicom(said.name),
        birth_date=iso_date(said.birth_date),
        sex=said.sex,
    )


def iso_date(text: str) -> str:
    """ "19680603" → "1968-06-03"; "" for what is no DICOM date."""
    digits = text.replace(".", "").strip()
    try:
        return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}").isoformat()
    except ValueError:
        return ""


def link_series(
    uow: UnitOfWork, study_id: int, series_id: int, keys: ReceivedKeys, identity: Identity, actor: Actor
) -> None:
    """Link a new series' study by A4's rule, or open a case that says which key disagrees."""
    decision = _decide(uow, keys, identity)
    if decision.reason is None:
        locked_study(uow, study_id)  # Its series may come to several processes at once.
    if decision.reason is None and (other := _other_patient(uow, study_id, decision.exams)):
        decision = Decision(reason=Reason.TWO_PATIENTS, text=other)
    if decision.reason is Reason.NO_KEYS and (patient_id := _linked_patient(uow, study_id)) is not None:
        doubts = patients.contradictions(uow, patient_id, identity)
        if not doubts:  # E.g. a presentation state made at a workstation: it goes with its study.
            return
        text = f"A series names another patient: {' and '.join(doubts)} differ"
        decision = Decision(reason=Reason.PATIENT_DIFFERS, text=text)
    if decision.reason is not None:
        open_case(uow, study_id, series_id, decision.reason, decision.text, actor)
        return
    for exam_id in decision.exams:
        if not _undone_by_person(uow, study_id, exam_id):
            make_link(uow, study_id, exam_id, decision.how, actor)


def _undone_by_person(uow: UnitOfWork, study_id: int, exam_id: int) -> bool:
    """Somebody has said that the study does not answer this exam: it is not linked to it by itself again."""
    return bool(
        uow.session.scalar(
            select(StudyLink.id)
            .where(
                StudyLink.study_id == study_id,
                StudyLink.requested_procedure_id == exam_id,
                StudyLink.undone_at.is_not(None),
            )
            .limit(1)
        )
    )


def _linked_patient(uow: UnitOfWork, study_id: int) -> int | None:
    """The patient of the exams that a study answers."""
    return uow.session.scalar(
        select(Study.patient_id).where(Study.id == study_id, Study.links.any(StudyLink.undone_at.is_(None)))
    )


def _decide(uow: UnitOfWork, keys: ReceivedKeys, identity: Identity) -> Decision:
    leads = _leads(uow, keys)
    decision = rules.decide(leads)
    if decision.reason is not None:
        return decision
    named = [orders.exam_order(uow, exam_id, PROGRAM) for exam_id in decision.exams]
    if len(_people(uow, (order.patient_id for order in named))) > 1:
        return Decision(reason=Reason.KEYS_DISAGREE, text="Its keys name orders of different patients")
    doubts = patients.contradictions(uow, named[0].patient_id, identity)
    if doubts:
        text = f"Accession number {named[0].accession_number} is another patient’s: {' and '.join(doubts)} differ"
        return Decision(reason=Reason.PATIENT_DIFFERS, text=text)
    return decision


def _people(uow: UnitOfWork, patient_ids: Iterable[int]) -> set[int]:
    """Each person once, however many records were merged into one."""
    return {patients.linked_ids(uow, patient_id)[0] for patient_id in set(patient_ids)}


def _leads(uow: UnitOfWork, keys: ReceivedKeys) -> Leads:
    requests = [one for one in keys.requests if one.accession_number or one.requested_procedure_id]
    header = None
    if keys.accession_number and keys.accession_number not in {one.accession_number for one in requests}:
        # The header's number stands by itself, beside an item that names only the procedure, or beside several.
        if not requests:
            requests = [RequestKeys(keys.accession_number)]
        elif len(requests) == 1 and not requests[0].accession_number:
            requests = [replace(requests[0], accession_number=keys.accession_number)]
        else:
            header = _request_lead(uow, RequestKeys(keys.accession_number), keys.accession_issuer)
    return Leads(
        requests=tuple(_request_lead(uow, one, keys.accession_issuer) for one in dict.fromkeys(requests)),
        by_uid=frozenset(orders.exams_by_study_uid(uow, keys.study_instance_uid)),
        by_mpps=frozenset(exam for uid in keys.mpps_uids for exam in worklist.exams_of_step(uow, uid)),
        header=header,
    )


def _request_lead(uow: UnitOfWork, request: RequestKeys, issuer: str) -> RequestLead:
    by_accession = (
        set(orders.exams_by_accession(uow, request.accession_number, issuer)) if request.accession_number else None
    )
    by_procedure = (
        set(orders.exams_by_identifier(uow, request.requested_procedure_id)) if request.requested_procedure_id else None
    )
    # A step id is the device's own as often as ours: leading nowhere it says nothing.
    by_step = set(scheduling.exams_by_step(uow, request.scheduled_step_id)) or None
    found = [exams for exams in (by_accession, by_procedure, by_step) if exams is not None]
    return RequestLead(
        accession_number=request.accession_number,
        procedure_id=request.requested_procedure_id,
        exams=frozenset(set.intersection(*found)),
        accession_known=by_accession is None or bool(by_accession),
        procedure_known=by_procedure is None or bool(by_procedure),
    )


def _other_patient(uow: UnitOfWork, study_id: int, exams: tuple[int, ...]) -> str:
    """Why these exams cannot join the ones that the study answers already; "" when they can."""
    linked = {link.requested_procedure_id for link in _live_links(uow, study_id)}
    if linked.issuperset(exams):
        return ""
    people = _people(uow, (orders.exam_order(uow, one, PROGRAM).patient_id for one in linked.union(exams)))
    if len(people) > 1:
        return "Series of this study belong to different patients"
    known = patients.known_of(uow, people.pop())
    for received in uow.session.scalars(select(Series.received).where(Series.study_id == study_id)):
        said = received["patient"]
        identity = Identity(name=PersonName.from_dicom(said["name"]), birth_date=iso_date(said["birth_date"]))
        if contradictions(identity, known):
            return "Another series of this study names a different patient"
    return ""


def make_link(uow: UnitOfWork, study_id: int, exam_id: int, how: str, actor: Actor) -> StudyLink | None:
    """Tie a study to an exam; None when it is tied already."""
    live = uow.session.scalar(
        select(StudyLink.id).where(
            StudyLink.study_id == study_id,
            StudyLink.requested_procedure_id == exam_id,
            StudyLink.undone_at.is_(None),
        )
    )
    if live is not None:
        return None
    order = orders.exam_order(uow, exam_id, PROGRAM)
    made = StudyLink(study_id=study_id, requested_procedure_id=exam_id, how=how, made_at=uow.now, made_by=actor.name)
    uow.session.add(made)
    uow.session.execute(
        update(Study)
        .where(Study.id == study_id)
        .values(patient_id=order.patient_id, changed_at=uow.now)
        .execution_options(synchronize_session="fetch")
    )
    uow.session.flush()
    audit.record(
        uow,
        actor,
        "link study",
        ("study", study_id),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
        detail={"how": how},
    )
    uow.emit(StudyLinked(study_id, exam_id), actor)
    return made


def open_case(uow: UnitOfWork, study_id: int, series_id: int | None, reason: Reason, text: str, actor: Actor) -> None:
    """A person has to look. A study has one open case for each reason."""
    known = uow.session.scalar(
        select(ReconciliationCase.id).where(
            ReconciliationCase.study_id == study_id,
            ReconciliationCase.reason == reason,
            ReconciliationCase.settled_at.is_(None),
        )
    )
    if known is None:
        uow.session.add(
            ReconciliationCase(
                study_id=study_id, series_id=series_id, reason=reason, text=text[:300], opened_at=uow.now
            )
        )
        uow.session.flush()
        uow.emit(CaseOpened(study_id), actor)
    uow.touch("archive")


# --- by a person


def link_by_person(uow: UnitOfWork, study_id: int, exam_id: int, actor: Actor) -> StudyLink:
    """A person says which exam the study answers; its open cases are settled by it.

    The file keeps what the console typed. Raises NoSuchStudy, NoSuchExam, AlreadyLinked, Forbidden.
    """
    demand(actor, Right.RECONCILE)
    study = locked_study(uow, study_id)
    order = orders.exam_order(uow, exam_id, actor)
    if study.patient_id is not None and _live_links(uow, study.id):
        same = patients.linked_ids(uow, study.patient_id)
        if order.patient_id not in same:
            raise AlreadyLinked("The study answers an exam of another patient. Undo that link first.")
    made = make_link(uow, study.id, exam_id, "person", actor)
    if made is None:
        raise AlreadyLinked("The study is linked to this exam already.")
    settle_cases(uow, study.id, "linked", actor)
    return made


def undo_link(uow: UnitOfWork, study_id: int, exam_id: int, actor: Actor) -> None:
    """The study does not answer that exam: the link ends and the study waits for a person again.

    Raises NoSuchStudy, NoSuchCase, Forbidden.
    """
    demand(actor, Right.RECONCILE)
    study = locked_study(uow, study_id)
    found = [link for link in _live_links(uow, study.id) if link.requested_procedure_id == exam_id]
    if not found:
        raise NoSuchCase("The study is not linked to this exam.")
    order = orders.exam_order(uow, exam_id, PROGRAM)
    for one in found:
        one.undone_at, one.undone_by = uow.now, actor.name
    uow.session.flush()
    if not _live_links(uow, study.id):
        study.patient_id = None
        open_case(uow, study.id, None, Reason.UNDONE, f"{actor.name} undid the link to {order.accession_number}", actor)
    audit.record(
        uow,
        actor,
        "unlink study",
        ("study", study.id),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
    )
    uow.emit(StudyUnlinked(study.id, exam_id), actor)


def settle_cases(uow: UnitOfWork, study_id: int, outcome: str, actor: Actor) -> None:
    for case in uow.session.scalars(
        select(ReconciliationCase).where(
            ReconciliationCase.study_id == study_id, ReconciliationCase.settled_at.is_(None)
        )
    ):
        case.settled_at, case.settled_by, case.outcome = uow.now, actor.name, outcome
    uow.session.flush()
    uow.touch("archive")


def locked_study(uow: UnitOfWork, study_id: int) -> Study:
    """Raises NoSuchStudy."""
    study = uow.session.scalar(
        select(Study)
        .where(Study.id == study_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if study is None:
        raise NoSuchStudy("There is no such study.")
    return study


def _live_links(uow: UnitOfWork, study_id: int) -> list[StudyLink]:
    return list(
        uow.session.scalars(select(StudyLink).where(StudyLink.study_id == study_id, StudyLink.undone_at.is_(None)))
    )
