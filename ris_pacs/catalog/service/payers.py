"""Who pays: adding and changing payers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.catalog import queries, rules
from ris_pacs.catalog.errors import NameInUse
from ris_pacs.catalog.models import Payer
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class PayerFacts:
    """See models.Payer."""

    name: str
    identifier: str
    receiver_name: str
    receiver_id: str
    filing_indicator: str = "CI"
    filing_days: int | None = None
    authorised_modalities: tuple[str, ...] = ()
    side_required: bool = True
    replaces: bool = True


def add_payer(uow: UnitOfWork, facts: PayerFacts, actor: Actor) -> Payer:
    """Raises Invalid, NameInUse, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    payer = Payer()
    _apply(uow, payer, facts)
    uow.session.add(payer)
    uow.session.flush()
    audit.record(uow, actor, "add payer", ("payer", payer.id), patient_id=None, detail={"name": payer.name})
    return payer


def change_payer(uow: UnitOfWork, payer_id: int, facts: PayerFacts, actor: Actor) -> Payer:
    """Raises Invalid, NameInUse, NoSuchPayer, Forbidden."""
    demand(actor, Right.BILLING_EDIT)
    payer = queries.payer(uow, payer_id)
    _apply(uow, payer, facts)
    uow.session.flush()
    audit.record(uow, actor, "change payer", ("payer", payer.id), patient_id=None, detail={"name": payer.name})
    return payer


def _apply(uow: UnitOfWork, payer: Payer, facts: PayerFacts) -> None:
    name = _text(facts.name, "name", 60)
    with uow.session.no_autoflush:
        if uow.session.scalar(select(Payer.id).where(Payer.name == name, Payer.id != (payer.id or 0))):
            raise NameInUse(f"There is a payer named {name}.", "name")
    payer.name = name
    payer.identifier = _code(facts.identifier, "identifier", 2, 20)
    payer.receiver_name = _text(facts.receiver_name, "receiver_name", 60)
    payer.receiver_id = _code(facts.receiver_id, "receiver_id", 2, 15)
    payer.filing_indicator = rules.check_filing_indicator(facts.filing_indicator)
    if facts.filing_days is not None and not 1 <= facts.filing_days <= 1100:
        raise Invalid("The time to file is 1 to 1,100 days.", "filing_days")
    payer.filing_days = facts.filing_days
    payer.authorised_modalities = sorted(rules.check_modality(one) for one in facts.authorised_modalities if one)
    payer.side_required, payer.replaces = facts.side_required, facts.replaces


def _text(text: str, field: str, longest: int) -> str:
    found = " ".join(text.split())
    if not 1 <= len(found) <= longest:
        raise Invalid(f"This has 1 to {longest} characters.", field)
    return found


def _code(text: str, field: str, shortest: int, longest: int) -> str:
    """Payers and receivers name themselves by letters and digits (ISA08 has 15 places)."""
    code = text.strip().upper()
    if not re.fullmatch(rf"[A-Z0-9-]{{{shortest},{longest}}}", code):
        raise Invalid(f"An identifier has {shortest} to {longest} letters, digits and hyphens.", field)
    return code
