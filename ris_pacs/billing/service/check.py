"""Coding and checking claims: what follows by itself whenever something about one changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from ris_pacs.billing.models import Claim
from ris_pacs.billing.queries import facts
from ris_pacs.billing.rules import scrub
from ris_pacs.billing.rules.claims import Claim as ClaimFacts
from ris_pacs.billing.rules.states import BEFORE_SENDING, ClaimMove, ClaimState
from ris_pacs.billing.service.moving import locked_claims, move_claim
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.clock import local_date
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def check_claims(uow: UnitOfWork, claim_ids: Iterable[int], actor: Actor) -> list[ClaimFacts]:
    """Choose who is asked, look at everything, and move each claim that is still here to where it stands: charged,
    coded, ready. Returns those that are ready, as they stand.
    """
    open_ones = [one for one in locked_claims(uow, claim_ids) if one.state in BEFORE_SENDING]
    covered = patients.coverages_on(uow, {(one.patient_id, one.service_day) for one in open_ones})
    for one in open_ones:
        card = covered.get((one.patient_id, one.service_day))
        one.coverage_id = card.id if card else None
    uow.session.flush()
    by_id = {one.id: one for one in facts.claims(uow, [one.id for one in open_ones])}
    today = days_at_sites(uow)
    ready = []
    for one in open_ones:
        found = scrub.to_mend(by_id[one.id], today[one.site_id])
        one.findings = len(found)
        one.first_finding = found[0].strong[:300] if found else ""
        _settle(uow, one, is_coded(by_id[one.id]), bool(found), actor)
        if one.state == ClaimState.READY and not one.held:
            ready.append(by_id[one.id])
    uow.session.flush()
    return ready


def days_at_sites(uow: UnitOfWork) -> dict[int, date]:
    """Today, at each site."""
    return {one.id: local_date(uow.now, catalog.zone_of(one)) for one in catalog.sites(uow)}


def is_coded(claim: ClaimFacts) -> bool:
    """Each line says what was done and why, in codes."""
    known = all(one.known and one.billable for one in claim.diagnoses)
    return bool(claim.lines and claim.diagnoses) and known and all(line.pointers for line in claim.lines)


def _settle(uow: UnitOfWork, claim: Claim, coded: bool, faulty: bool, actor: Actor) -> None:
    if not coded:
        if claim.state in (ClaimState.CODED, ClaimState.READY):
            move_claim(uow, claim, ClaimMove.UNCODE, actor)
        return
    if claim.state == ClaimState.CHARGED:
        move_claim(uow, claim, ClaimMove.CODE, actor)
    if faulty and claim.state == ClaimState.READY:
        move_claim(uow, claim, ClaimMove.FAIL, actor, claim.first_finding)
    elif not faulty and claim.state == ClaimState.CODED:
        move_claim(uow, claim, ClaimMove.PASS, actor)
