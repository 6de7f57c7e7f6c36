"""Balances: sums over the ledger, never a column."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, literal, select, union_all

from ris_pacs.billing.models import LedgerEntry
from ris_pacs.billing.rules.ledger import OWED, WORDS, Account

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def balances(uow: UnitOfWork, claim_id: int | None = None) -> dict[Account, int]:
    """Debits less credits of each account, in cents: of a claim, or of the practice. They come to nothing together."""
    debits = select(LedgerEntry.debit.label("account"), LedgerEntry.amount_cents.label("cents"), LedgerEntry.claim_id)
    credits = select(
        LedgerEntry.credit.label("account"),
        (LedgerEntry.amount_cents * literal(-1)).label("cents"),
        LedgerEntry.claim_id,
    )
    if claim_id is not None:
        debits, credits = (one.where(LedgerEntry.claim_id == claim_id) for one in (debits, credits))
    both = union_all(debits, credits).subquery()
    query = select(both.c.account, func.sum(both.c.cents)).group_by(both.c.account)
    found = {Account(account): int(cents) for account, cents in uow.session.execute(query)}
    return {account: found.get(account, 0) for account in Account}


def owed_of(uow: UnitOfWork, claim_ids: Collection[int]) -> dict[int, int]:
    """What claims still have to bring, by payer and patient together."""
    found: dict[int, int] = {}
    for column, sign in ((LedgerEntry.debit, 1), (LedgerEntry.credit, -1)):
        query = (
            select(LedgerEntry.claim_id, func.sum(LedgerEntry.amount_cents))
            .where(LedgerEntry.claim_id.in_(claim_ids), column.in_(OWED))
            .group_by(LedgerEntry.claim_id)
        )
        for claim_id, cents in uow.session.execute(query):
            if claim_id is not None:
                found[claim_id] = found.get(claim_id, 0) + sign * int(cents)
    return found


@dataclass(frozen=True)
class LedgerLine:
    """An entry as one reads it: what it did to what is owed. balance: after it."""

    at: datetime
    words: str
    by: str
    accounts: str
    debit: int
    credit: int
    balance: int


def ledger_of_claim(uow: UnitOfWork, claim_id: int) -> list[LedgerLine]:
    """Oldest first. What moves between payer and patient changes nothing in what is owed, and is shown as both."""
    rows = uow.session.scalars(select(LedgerEntry).where(LedgerEntry.claim_id == claim_id).order_by(LedgerEntry.id))
    balance, found = 0, []
    for one in rows:
        debit = one.amount_cents if one.debit in OWED else 0
        credit = one.amount_cents if one.credit in OWED else 0
        balance += debit - credit
        accounts = f"{WORDS[Account(one.debit)]} ← {WORDS[Account(one.credit)]}"
        found.append(LedgerLine(one.at, one.words, one.actor_name, accounts, debit, credit, balance))
    return found


def entries(uow: UnitOfWork, before: int | None = None, limit: int = 100) -> list[LedgerEntry]:
    """The ledger, newest first; one more than limit when there are more."""
    query = select(LedgerEntry).order_by(LedgerEntry.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(LedgerEntry.id < before)
    return list(uow.session.scalars(query))
