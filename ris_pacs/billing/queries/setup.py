"""Reads of what a biller sets up: who bills, by which rules, for how much."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from ris_pacs.billing.errors import CannotCharge, NoSuchLine
from ris_pacs.billing.models import BillingEntity as BillingEntity
from ris_pacs.billing.models import ChargeRule as ChargeRule
from ris_pacs.billing.models import Fee as Fee
from ris_pacs.billing.models import RenderingProvider as RenderingProvider
from ris_pacs.billing.models import SiteBilling as SiteBilling
from ris_pacs.billing.rules.charging import Rule
from ris_pacs.kernel.actor import Actor

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def entities(uow: UnitOfWork) -> list[BillingEntity]:
    return list(uow.session.scalars(select(BillingEntity).order_by(BillingEntity.name)))


def entity(uow: UnitOfWork, entity_id: int) -> BillingEntity:
    """Raises NoSuchLine."""
    found = uow.session.get(BillingEntity, entity_id)
    if found is None:
        raise NoSuchLine("There is no such billing entity.")
    return found


def readers(uow: UnitOfWork) -> list[RenderingProvider]:
    return list(uow.session.scalars(select(RenderingProvider).order_by(RenderingProvider.family)))


def reader_of(uow: UnitOfWork, actor: Actor) -> RenderingProvider | None:
    """The reader whose account it is that acts."""
    if actor.kind != "user" or actor.id is None:
        return None
    return uow.session.scalar(select(RenderingProvider).where(RenderingProvider.user_id == actor.id))


def site_billing(uow: UnitOfWork, site_id: int) -> SiteBilling | None:
    return uow.session.scalar(select(SiteBilling).where(SiteBilling.site_id == site_id))


def billing_of_site(uow: UnitOfWork, site_id: int) -> SiteBilling:
    """Raises CannotCharge."""
    found = site_billing(uow, site_id)
    if found is None:
        raise CannotCharge("Nobody is set up to bill for this site.")
    return found


def rules(uow: UnitOfWork) -> list[ChargeRule]:
    """In use, in the order in which they are tried."""
    query = select(ChargeRule).where(ChargeRule.retired_at.is_(None)).order_by(ChargeRule.position, ChargeRule.id)
    return list(uow.session.scalars(query))


def rule(uow: UnitOfWork, rule_id: int) -> ChargeRule:
    """Raises NoSuchLine."""
    found = uow.session.get(ChargeRule, rule_id)
    if found is None:
        raise NoSuchLine("There is no such rule.")
    return found


def rules_for(uow: UnitOfWork, procedure_code: str, modality: str) -> list[Rule]:
    """Those that can fit such an exam."""
    query = (
        select(ChargeRule)
        .where(
            ChargeRule.retired_at.is_(None),
            ChargeRule.procedure_code.in_(("", procedure_code)),
            ChargeRule.modality.in_(("", modality)),
        )
        .order_by(ChargeRule.position, ChargeRule.id)
    )
    return [as_rule(one) for one in uow.session.scalars(query)]


def as_rule(one: ChargeRule) -> Rule:
    return Rule(
        id=one.id,
        name=one.name,
        code=one.code,
        procedure_code=one.procedure_code,
        modality=one.modality,
        component=one.component,
        modifiers=tuple(one.modifiers),
        side_modifier=one.side_modifier,
        units=one.units,
        adds=one.adds,
    )


def fees(uow: UnitOfWork, codes: Iterable[str], day: date, payer_id: int | None = None) -> dict[tuple[str, str], int]:
    """(code, modifier) → cents on a day: the practice's own fees, or what a payer's contract allows."""
    whose = Fee.payer_id.is_(None) if payer_id is None else Fee.payer_id == payer_id
    query = select(Fee).where(Fee.code.in_(set(codes)), Fee.begins <= day, whose).order_by(Fee.begins, Fee.id)
    return {(one.code, one.modifier): one.amount_cents for one in uow.session.scalars(query)}


def fee_rows(uow: UnitOfWork, payer_id: int | None = None, text: str = "") -> list[Fee]:
    """Every fee of the practice or of a payer's contract, the newest of each code first."""
    whose = Fee.payer_id.is_(None) if payer_id is None else Fee.payer_id == payer_id
    query = select(Fee).where(whose).order_by(Fee.code, Fee.modifier, Fee.begins.desc(), Fee.id.desc())
    if text:
        query = query.where(Fee.code.startswith(text.strip().upper(), autoescape=True))
    return list(uow.session.scalars(query.limit(1000)))


def names_of_codes(uow: UnitOfWork, codes: Iterable[str]) -> dict[str, str]:
    """What the practice calls a charge code: the name of the rule that makes it."""
    query = select(ChargeRule.code, ChargeRule.name).where(ChargeRule.code.in_(set(codes))).order_by(ChargeRule.id)
    return {code: name for code, name in uow.session.execute(query)}


def uses_of(uow: UnitOfWork, entity_id: int) -> list[SiteBilling]:
    query = select(SiteBilling).where(
        or_(SiteBilling.technical_entity_id == entity_id, SiteBilling.professional_entity_id == entity_id)
    )
    return list(uow.session.scalars(query))
