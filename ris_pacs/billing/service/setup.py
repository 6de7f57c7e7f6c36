"""What a biller sets up: who bills, who reads, rules and fees. Exams that could not be charged are tried again."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from ris_pacs.billing.models import BillingEntity, ChargeRule, Fee, RenderingProvider, SiteBilling
from ris_pacs.billing.queries import setup as queries
from ris_pacs.billing.rules import charging as rules
from ris_pacs.billing.service.again import try_again_soon
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.errors import NameInUse
from ris_pacs.catalog.rules import check_npi
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.text import digits

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_STATE = re.compile("[A-Z]{2}")


@dataclass(frozen=True)
class EntityFacts:
    """See models.BillingEntity. Numbers are checked as far as they are given: the scrubber asks for the rest."""

    name: str
    npi: str
    tax_id: str
    taxonomy: str
    street: str
    city: str
    state: str
    zip: str
    contact: str
    phone: str
    submitter_id: str
    mammography_certificate: str = ""


@dataclass(frozen=True)
class ReaderFacts:
    """See models.RenderingProvider."""

    family: str
    given: str
    npi: str
    taxonomy: str = "2085R0202X"
    user_id: int | None = None


@dataclass(frozen=True)
class SiteFacts:
    """See models.SiteBilling."""

    site_id: int
    technical_entity_id: int
    professional_entity_id: int
    rendering_id: int | None = None
    place_of_service: str = "11"


@dataclass(frozen=True)
class RuleFacts:
    """See models.ChargeRule. position None: behind the last."""

    name: str
    code: str
    procedure_code: str = ""
    modality: str = ""
    component: str = "split"
    modifiers: tuple[str, ...] = ()
    side_modifier: bool = True
    units: int = 1
    adds: bool = False
    position: int | None = None


@dataclass(frozen=True)
class FeeFacts:
    """See models.Fee."""

    code: str
    amount_cents: int
    begins: date
    modifier: str = ""
    payer_id: int | None = None


def save_entity(uow: UnitOfWork, entity_id: int | None, facts: EntityFacts, actor: Actor) -> BillingEntity:
    """A new one when entity_id is None. Raises Invalid, BadNpi, NameInUse, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    entity = BillingEntity() if entity_id is None else queries.entity(uow, entity_id)
    with uow.session.no_autoflush:
        same = select(BillingEntity.id).where(BillingEntity.name == facts.name.strip())
        if uow.session.scalar(same.where(BillingEntity.id != (entity_id or 0))):
            raise NameInUse(f"{facts.name.strip()} bills already.", "name")
    if not facts.name.strip():
        raise Invalid("Who bills needs a name.", "name")
    for one in fields(facts):
        setattr(entity, one.name, getattr(facts, one.name).strip())
    entity.npi = check_npi(facts.npi)
    entity.tax_id = digits(facts.tax_id)
    if len(entity.tax_id) != 9:
        raise Invalid("A tax number has nine digits.", "tax_id")
    entity.state = facts.state.strip().upper()
    if not _STATE.fullmatch(entity.state):
        raise Invalid("A state has two letters.", "state")
    entity.zip = digits(facts.zip)
    if len(entity.zip) not in (5, 9):
        raise Invalid("A ZIP code has five digits, or nine.", "zip")
    if not re.fullmatch("[A-Z0-9]{10}", entity.taxonomy):
        raise Invalid("A taxonomy code has ten letters and digits.", "taxonomy")
    if not re.fullmatch("[A-Za-z0-9-]{2,15}", entity.submitter_id):
        raise Invalid("It has 2 to 15 letters, digits and hyphens.", "submitter_id")
    if len(digits(entity.phone)) < 10:
        raise Invalid("A telephone number with ten digits.", "phone")
    uow.session.add(entity)
    uow.session.flush()
    _record(uow, "save billing entity", ("billing entity", entity.id), entity.name, actor)
    return entity


def save_reader(uow: UnitOfWork, reader_id: int | None, facts: ReaderFacts, actor: Actor) -> RenderingProvider:
    """Raises Invalid, BadNpi, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    npi = check_npi(facts.npi)
    found = uow.session.get(RenderingProvider, reader_id) if reader_id else RenderingProvider()
    if found is None:
        raise Invalid("There is no such reader.")
    if not facts.family.strip():
        raise Invalid("A reader needs a family name.", "family")
    with uow.session.no_autoflush:
        others = select(RenderingProvider).where(RenderingProvider.id != (reader_id or 0))
        if uow.session.scalar(others.where(RenderingProvider.npi == npi)):
            raise Invalid(f"{npi} is another reader's.", "npi")
        if facts.user_id and uow.session.scalar(others.where(RenderingProvider.user_id == facts.user_id)):
            raise Invalid("This account is another reader's.", "user_id")
    found.family, found.given, found.npi = facts.family.strip(), facts.given.strip(), npi
    found.taxonomy, found.user_id = facts.taxonomy.strip(), facts.user_id
    uow.session.add(found)
    uow.session.flush()
    _record(uow, "save reader", ("reader", found.id), found.family, actor)
    return found


def set_site(uow: UnitOfWork, facts: SiteFacts, actor: Actor) -> SiteBilling:
    """Who bills for a site. Raises Invalid, NoSuchSite, NoSuchLine, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    catalog.site(uow, facts.site_id)
    queries.entity(uow, facts.technical_entity_id)
    queries.entity(uow, facts.professional_entity_id)
    if not re.fullmatch("[0-9]{2}", facts.place_of_service):
        raise Invalid("A place of service has two digits: 11 is an office.", "place_of_service")
    found = queries.site_billing(uow, facts.site_id) or SiteBilling(site_id=facts.site_id)
    for one in fields(facts):
        setattr(found, one.name, getattr(facts, one.name))
    uow.session.add(found)
    uow.session.flush()
    _record(uow, "set billing of site", ("site", facts.site_id), "", actor)
    try_again_soon(uow)
    return found


def save_rule(uow: UnitOfWork, rule_id: int | None, facts: RuleFacts, actor: Actor) -> ChargeRule:
    """Raises Invalid, NoSuchLine, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    rule = ChargeRule() if rule_id is None else queries.rule(uow, rule_id)
    if not facts.name.strip():
        raise Invalid("Say in words what the rule charges.", "name")
    if facts.component not in rules.COMPONENTS:
        raise Invalid("A rule charges both parts, or one of them.", "component")
    if not 1 <= facts.units <= 999:
        raise Invalid("1 to 999 units.", "units")
    rule.name, rule.code = facts.name.strip()[:80], rules.check_code(facts.code)
    rule.procedure_code, rule.modality = facts.procedure_code.strip(), facts.modality.strip()
    if rule.procedure_code and catalog.procedure_by_code(uow, rule.procedure_code) is None:
        raise Invalid(f"The catalogue has no procedure {rule.procedure_code[:20]}.", "procedure_code")
    rule.component, rule.units, rule.adds = facts.component, facts.units, facts.adds
    rule.modifiers, rule.side_modifier = list(facts.modifiers), facts.side_modifier
    rule.position = facts.position if facts.position is not None else rule.position or _behind_the_last(uow)
    uow.session.add(rule)
    uow.session.flush()
    _record(uow, "save charge rule", ("charge rule", rule.id), f"{rule.name}: {rule.code}", actor)
    try_again_soon(uow)
    return rule


def _behind_the_last(uow: UnitOfWork) -> int:
    with uow.session.no_autoflush:
        return (uow.session.scalar(select(func.max(ChargeRule.position))) or 0) + 10


def retire_rule(uow: UnitOfWork, rule_id: int, actor: Actor) -> ChargeRule:
    """It makes no more charges; those that it made name it still. Raises NoSuchLine, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    rule = queries.rule(uow, rule_id)
    rule.retired_at = uow.now
    _record(uow, "retire charge rule", ("charge rule", rule.id), rule.name, actor)
    return rule


def add_fee(uow: UnitOfWork, facts: FeeFacts, actor: Actor) -> Fee:
    """From a day on; what was charged before stays. Raises Invalid, NoSuchPayer, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    code = rules.check_code(facts.code)
    if facts.modifier not in rules.PART_MODIFIERS.values():
        raise Invalid("A fee is for the whole, for TC or for 26.", "modifier")
    if not 0 < facts.amount_cents < 10**9:
        raise Invalid("A fee is more than nothing.", "amount")
    if facts.payer_id is not None:
        catalog.payer(uow, facts.payer_id)
    fee = Fee(
        payer_id=facts.payer_id,
        code=code,
        modifier=facts.modifier,
        amount_cents=facts.amount_cents,
        begins=facts.begins,
    )
    uow.session.add(fee)
    uow.session.flush()
    _record(uow, "add fee", ("fee", fee.id), f"{code} {facts.modifier} {facts.amount_cents}", actor)
    try_again_soon(uow)
    return fee


def _record(uow: UnitOfWork, action: str, entity: tuple[str, object], said: str, actor: Actor) -> None:
    audit.record(uow, actor, action, entity, patient_id=None, detail={"said": said} if said else None)
