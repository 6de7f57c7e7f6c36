"""Who pays for a patient."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.person import check_birth_date
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.patients import queries, rules
from ris_pacs.patients.events import CoverageChanged
from ris_pacs.patients.models import Coverage

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_OF_SUBSCRIBER = "subscriber_"


@dataclass(frozen=True)
class CoverageFacts:
    """See models.Coverage."""

    payer_id: int
    member_id: str
    rank: int = 1
    group_number: str = ""
    plan_name: str = ""
    relationship_code: str = "18"
    subscriber_family: str = ""
    subscriber_given: str = ""
    subscriber_birth_date: str = ""
    subscriber_sex: str = "U"
    subscriber_street: str = ""
    subscriber_city: str = ""
    subscriber_state: str = ""
    subscriber_zip: str = ""
    begins: date | None = None
    ends: date | None = None


def add_coverage(uow: UnitOfWork, patient_id: int, facts: CoverageFacts, actor: Actor) -> Coverage:
    """Raises Invalid, NoSuchPatient, NoSuchPayer, Forbidden."""
    demand(actor, Right.COVERAGE_EDIT)
    patient = queries.patient(uow, patient_id, actor)
    coverage = Coverage(patient_id=patient.id, made_at=uow.now)
    return _save(uow, coverage, facts, "add coverage", actor)


def change_coverage(uow: UnitOfWork, coverage_id: int, facts: CoverageFacts, actor: Actor) -> Coverage:
    """Raises Invalid, NoSuchCoverage, NoSuchPayer, Forbidden."""
    demand(actor, Right.COVERAGE_EDIT)
    return _save(uow, queries.coverage(uow, coverage_id, actor), facts, "change coverage", actor)


def _save(uow: UnitOfWork, coverage: Coverage, facts: CoverageFacts, action: str, actor: Actor) -> Coverage:
    payer = catalog.payer(uow, facts.payer_id)
    before = (coverage.payer_id, coverage.member_id)
    for one in fields(facts):
        value = getattr(facts, one.name)
        setattr(coverage, one.name, value.strip() if isinstance(value, str) else value)
    _check(uow, coverage)
    coverage.payer, coverage.changed_at = payer, uow.now
    uow.session.add(coverage)
    uow.session.flush()
    detail = None if (coverage.payer_id, coverage.member_id) == before else {"payer": payer.name}
    audit.record(uow, actor, action, ("coverage", coverage.id), patient_id=coverage.patient_id, detail=detail)
    uow.emit(CoverageChanged(coverage.patient_id), actor)
    return coverage


def _check(uow: UnitOfWork, coverage: Coverage) -> None:
    rules.check_relationship(coverage.relationship_code)
    rules.check_span(coverage.begins, coverage.ends)
    coverage.member_id = rules.check_member_id(coverage.member_id)
    coverage.group_number = rules.check_member_id(coverage.group_number, "group_number")
    if coverage.rank not in (1, 2, 3):
        raise Invalid("It is asked first, second or third.", "rank")
    if coverage.relationship_code == "18":  # The patient's own facts are the subscriber's.
        for one in fields(CoverageFacts):
            if one.name.startswith(_OF_SUBSCRIBER):
                setattr(coverage, one.name, one.default)
        return
    rules.check_sex(coverage.subscriber_sex)
    coverage.subscriber_zip = rules.check_zip(coverage.subscriber_zip)
    if coverage.subscriber_birth_date:
        check_birth_date(coverage.subscriber_birth_date, uow.now.date())
