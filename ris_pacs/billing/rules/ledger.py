"""Double entry: accounts, and what each happening moves between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Account(StrEnum):
    """Where money is. The values are stored.

    payer, patient: owed to us. revenue: earned. contractual: what contracts take off. written-off: given up.
    cash: received. payer-level: what a payer adds or keeps for reasons of its own (PLB).
    unapplied: received for a claim that nobody knows yet.
    """

    PAYER = "payer"
    PATIENT = "patient"
    REVENUE = "revenue"
    CONTRACTUAL = "contractual"
    WRITTEN_OFF = "written-off"
    CASH = "cash"
    PAYER_LEVEL = "payer-level"
    UNAPPLIED = "unapplied"


WORDS = {
    Account.PAYER: "Owed by payers",
    Account.PATIENT: "Owed by patients",
    Account.REVENUE: "Charged",
    Account.CONTRACTUAL: "Contractual adjustments",
    Account.WRITTEN_OFF: "Written off",
    Account.CASH: "Received",
    Account.PAYER_LEVEL: "Payers' own adjustments",
    Account.UNAPPLIED: "Received, claim not known",
}
# What a claim still has to bring.
OWED = (Account.PAYER, Account.PATIENT)


@dataclass(frozen=True)
class Transfer:
    """cents > 0, from the account credited to the account debited."""

    debit: Account
    credit: Account
    cents: int
    words: str


def transfer(debit: Account, credit: Account, cents: int, words: str) -> list[Transfer]:
    """One transfer; turned round where the amount is negative; none for nothing."""
    if cents == 0:
        return []
    if cents < 0:
        return [Transfer(credit, debit, -cents, words)]
    return [Transfer(debit, credit, cents, words)]


def charged(cents: int, words: str) -> list[Transfer]:
    return transfer(Account.PAYER, Account.REVENUE, cents, words)


def written_off(owed_by_payer: int, owed_by_patient: int, words: str) -> list[Transfer]:
    return [
        *transfer(Account.WRITTEN_OFF, Account.PAYER, owed_by_payer, words),
        *transfer(Account.WRITTEN_OFF, Account.PATIENT, owed_by_patient, words),
    ]


def billed_to_patient(owed_by_payer: int, words: str) -> list[Transfer]:
    return transfer(Account.PATIENT, Account.PAYER, owed_by_payer, words)


def decided(
    paid: int, adjustments: Iterable[tuple[str, str, int]], *, denied: bool, source: Account = Account.CASH
) -> list[Transfer]:
    """What a payer's decision on a claim moves (CLP, CAS). adjustments: (group, code, cents).

    PR is the patient's to pay; CO, OA and PI come off. Of a denied claim only the money moves: what was refused stays
    owed until a person sends it again, bills the patient or writes it off. source: where the money lies by now.
    """
    moved = transfer(source, Account.PAYER, paid, "Payment")
    if denied:
        return moved
    for group, code, cents in adjustments:
        if group == "PR":
            moved += transfer(Account.PATIENT, Account.PAYER, cents, f"Patient's share, PR {code}")
        else:
            moved += transfer(Account.CONTRACTUAL, Account.PAYER, cents, f"Adjustment, {group} {code}")
    return moved


def balance(transfers: Iterable[tuple[str, str, int]], account: Account) -> int:
    """Debits less credits of (debit, credit, cents)s."""
    return sum(cents * ((debit == account) - (credit == account)) for debit, credit, cents in transfers)


def dollars(cents: int) -> str:
    """$1,204.00; −$85.00 with a true minus."""
    return f"{'−' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02}"
