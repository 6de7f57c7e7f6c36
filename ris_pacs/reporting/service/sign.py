"""Signing: a text becomes a version that nobody can change. Once as preliminary, once as final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ris_pacs.accounts.service import Confirmation
from ris_pacs.archive import queries as archive
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.orders.queries import Order
from ris_pacs.orders.service.exams import locked_exam, move_exam
from ris_pacs.patients import queries as patients
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import ChecksFailed, NoSuchReport, NotConfirmed
from ris_pacs.reporting.events import ReportSigned
from ris_pacs.reporting.models import ReadingClaim, Report, ReportVersion
from ris_pacs.reporting.queries import images
from ris_pacs.reporting.rules import checks, seal, states
from ris_pacs.reporting.rules.states import Kind
from ris_pacs.reporting.rules.text import changed_sections
from ris_pacs.reporting.service import claims
from ris_pacs.reporting.service.claims import Page
from ris_pacs.reporting.service.drafts import check_revision, locked_report

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Signature:
    """revision: of the text that the signer has seen. accepted: codes of the warnings that are confirmed."""

    page: Page
    revision: int
    confirmation: Confirmation
    accepted: frozenset[str] = frozenset()


def sign_preliminary(uow: UnitOfWork, asked: Signature, actor: Actor) -> ReportVersion:
    """As `sign_final`, for an attending to look at; anyone who writes reports may."""
    demand(actor, Right.REPORT_WRITE)
    return _sign(uow, asked, Kind.PRELIMINARY, actor)


def sign_final(uow: UnitOfWork, asked: Signature, actor: Actor) -> ReportVersion:
    """The text that is saved under `revision` is final; every exam that the report covers is.

    Raises NotConfirmed, ChecksFailed, ReportChanged, StalePage, WrongPage, WrongReportState, NoSuchReport, Forbidden.
    """
    demand(actor, Right.REPORT_SIGN)
    return _sign(uow, asked, Kind.FINAL, actor)


def _sign(uow: UnitOfWork, asked: Signature, kind: Kind, actor: Actor) -> ReportVersion:
    check_confirmation(uow, asked.confirmation, actor)
    report = hold(uow, asked.page.exam_id)
    claim = claims.held(uow, asked.page, actor)
    check_revision(report, asked.revision)
    state = states.next_state(report.state, kind)
    text = queries.current_text(uow, report.id)
    found = checks.outstanding(findings(uow, report, text.sections, claim, actor), asked.accepted)
    if found:
        raise ChecksFailed(found)
    before = queries.signed_versions(uow, report.id)
    version = add_version(uow, report, NewVersion(kind, text.sections, text.addenda), before, actor)
    report.state = state
    changed = changed_sections(before[-1].sections, version.sections) if before else []
    finish(uow, report, version, actor, detail={"accepted": sorted(asked.accepted), "changed": changed})
    uow.emit(ReportSigned(report.id, version.id, kind), actor)
    return version


def check_confirmation(uow: UnitOfWork, confirmation: Confirmation, actor: Actor) -> None:
    """A signature needs the signer's password, given just now. Raises NotConfirmed."""
    own = actor.kind == "user" and confirmation.user_id == actor.id
    if not own or abs(uow.now - confirmation.at) > states.CONFIRMED_FOR:
        raise NotConfirmed("Sign with your password.", "password")


def hold(uow: UnitOfWork, exam_id: int) -> Report:
    """The exams of the report and the report itself, held in that order until the end. Raises NoSuchReport."""
    known = queries.live_report(uow, exam_id)
    if known is None:
        raise NoSuchReport("Nobody has begun to report this exam.")
    for one in queries.exams_of_report(uow, known.id):
        locked_exam(uow, one)
    return locked_report(uow, exam_id)


def findings(
    uow: UnitOfWork, report: Report, sections: dict[str, str], claim: ReadingClaim | None, actor: Actor
) -> list[checks.Finding]:
    """What stands against signing these sections; claim: what the reader's page has shown, if there is one."""
    exam_ids = queries.exams_of_report(uow, report.id)
    ordered = [orders.exam_order(uow, one, actor) for one in exam_ids]
    sides = {exam.laterality for order in ordered for exam in order.exams if exam.id in exam_ids}
    first = claim.requested_procedure_id if claim else exam_ids[0]
    count = archive.image_count(uow, first)
    survivor = patients.linked_ids(uow, report.patient_id)[0]
    merged = claim is not None and claim.patient_id not in (0, survivor)
    whose = patients.rows_of_visible(uow, [survivor])[survivor]
    return checks.check_report(
        checks.Facts(
            sections=sections,
            laterality=sides.pop() if len(sides) == 1 else "",
            sex=whose.sex,
            images=count,
            images_seen=claim.images if claim else count,
            foreign_images=[one.caption or "no caption" for one in images.foreign(uow, report.id, exam_ids)],
            merged_with=whose.mrn if merged else "",
        )
    )


@dataclass(frozen=True)
class NewVersion:
    kind: Kind
    sections: dict[str, str]
    addenda: list[dict[str, str]]
    reason: str = ""


def add_version(
    uow: UnitOfWork, report: Report, new: NewVersion, before: list[ReportVersion], actor: Actor
) -> ReportVersion:
    """The next signed version, sealed together with the one before it."""
    ordered = [orders.exam_order(uow, one, actor) for one in queries.exams_of_report(uow, report.id)]
    signed = seal.Signed(
        report_id=report.id,
        number=len(before) + 1,
        kind=new.kind,
        sections=new.sections,
        addenda=new.addenda,
        key_images=images.as_shown(images.key_images(uow, report.id)),
        identity=_identity(uow, report, ordered),
        author_id=actor.id,
        author_name=actor.name,
        author_role=actor.role,
        reason=new.reason,
        signed_at=uow.now,
        previous_hash=(before[-1].hash or "") if before else seal.FIRST_HASH,
    )
    row = ReportVersion(**{name: getattr(signed, name) for name in signed.__dataclass_fields__})
    row.hash, row.made_at, row.saved_at = seal.digest(signed), uow.now, uow.now
    uow.session.add(row)
    report.revision += 1
    uow.session.flush()
    return row


def _identity(uow: UnitOfWork, report: Report, ordered: list[Order]) -> dict[str, Any]:
    whose = patients.rows_of_visible(uow, [report.patient_id])[report.patient_id]
    return {
        "patient_id": report.patient_id,
        "mrn": whose.mrn,
        "issuer": whose.mrn_issuer,
        "name": whose.name.dicom(),
        "birth_date": whose.birth_date or "",
        "sex": whose.sex,
        "accession_numbers": [[one.accession_number, one.accession_issuer.namespace] for one in ordered],
    }


def finish(uow: UnitOfWork, report: Report, version: ReportVersion, actor: Actor, detail: Any) -> None:
    """What every signature brings: the exams move, nobody reads them any more, the trail says so."""
    for exam_id in queries.exams_of_report(uow, report.id):
        claims.drop_claim(uow, exam_id)
        move_exam(uow, exam_id, states.MOVES[Kind(version.kind)], actor, note=version.reason or None)
    audit.record(
        uow,
        actor,
        f"sign {version.kind}" if version.kind != Kind.WITHDRAWN else "withdraw",
        ("report", report.id),
        patient_id=report.patient_id,
        accession_number=version.identity["accession_numbers"][0][0],
        why=version.reason or None,
        detail={"version": version.number, "hash": version.hash, **detail},
    )
