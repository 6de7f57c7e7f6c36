"""The ledger: append only by the database's own word, and it always comes to nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from ris_pacs.billing.models import ClaimVersion, LedgerEntry
from ris_pacs.billing.rules import ledger
from ris_pacs.billing.rules.ledger import Account, Transfer
from ris_pacs.billing.service.export import make_batches
from ris_pacs.kernel.errors import Busy
from ris_pacs.kernel.uow import unit_of_work
from tests.billing import office
from tests.billing.office import BILLER

TAKEN = [("CO", "45", 7_600), ("PR", "2", 5_000)]
TAKEN_BACK = [(group, code, -cents) for group, code, cents in TAKEN]


@pytest.mark.parametrize(
    "change",
    [
        update(LedgerEntry).values(amount_cents=1),
        delete(LedgerEntry),
        update(ClaimVersion).values(content="nothing"),
        delete(ClaimVersion),
        insert(LedgerEntry).values(
            at=office.practice.datetime(2026, 1, 1).astimezone(), debit="payer", credit="payer", amount_cents=1,
            words="", actor_name="",
        ),
        insert(LedgerEntry).values(
            at=office.practice.datetime(2026, 1, 1).astimezone(), debit="payer", credit="cash", amount_cents=-1,
            words="", actor_name="",
        ),
        insert(LedgerEntry).values(
            at=office.practice.datetime(2026, 1, 1).astimezone(), debit="payer", credit="pocket", amount_cents=1,
            words="", actor_name="",
        ),
    ],
    ids=["change", "remove", "change what was sent", "remove what was sent", "one account", "negative", "no account"],
)  # fmt: skip
def test_the_database_refuses_to_edit_the_past(system, change):
    office.a_ready_claim(system)
    with unit_of_work(system) as uow:
        make_batches(uow, None, BILLER)
    before = office.money(system)
    with pytest.raises((DBAPIError, Busy)), unit_of_work(system) as uow:
        uow.session.execute(change)
    assert office.money(system) == before


def test_postgresql_cannot_empty_it_either(system):
    if system.database.sqlite:
        pytest.skip("SQLite has no TRUNCATE")
    office.a_ready_claim(system)
    with pytest.raises((DBAPIError, Busy)), unit_of_work(system) as uow:
        uow.session.execute(text("TRUNCATE ledger_entry"))
    assert office.money(system) != {}


@pytest.mark.parametrize(
    ("paid", "adjustments", "denied", "moved"),
    [
        (40_000, TAKEN, False, {"cash": 40_000, "contractual": 7_600, "patient": 5_000}),
        (0, [("CO", "197", 52_600)], True, {}),
        (0, [("PR", "1", 52_600)], False, {"patient": 52_600}),
        (52_600, [], False, {"cash": 52_600}),
        (-40_000, TAKEN_BACK, False, {"cash": -40_000, "contractual": -7_600, "patient": -5_000}),
        (60_000, [("OA", "23", -7_400)], False, {"cash": 60_000, "contractual": -7_400}),
    ],
)  # fmt: skip
def test_what_a_decision_moves(paid, adjustments, denied, moved):
    transfers = [(one.debit, one.credit, one.cents) for one in ledger.decided(paid, adjustments, denied=denied)]
    assert all(cents > 0 for _, _, cents in transfers)
    found = {str(account): ledger.balance(transfers, account) for account in Account}
    assert {account: cents for account, cents in found.items() if cents and account != "payer"} == moved
    assert sum(found.values()) == 0


def test_nothing_moves_nothing_and_less_than_nothing_moves_back():
    assert ledger.transfer(Account.CASH, Account.PAYER, 0, "") == []
    assert ledger.transfer(Account.CASH, Account.PAYER, -5, "x") == [Transfer(Account.PAYER, Account.CASH, 5, "x")]


@pytest.mark.parametrize(("cents", "said"), [(0, "$0.00"), (120_400, "$1,204.00"), (-8_505, "−$85.05"), (7, "$0.07")])
def test_dollars(cents, said):
    assert ledger.dollars(cents) == said
