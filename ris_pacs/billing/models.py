"""Money: charge rules and fees, charges, claims and what was sent of them, remittances, the ledger."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.billing.rules.ledger import Account
from ris_pacs.billing.rules.states import CaseState, ClaimState
from ris_pacs.kernel.db import Base, BigId, HasId, Json, UtcDateTime

_CLAIM_STATES = ", ".join(f"'{state}'" for state in ClaimState)
_CASE_STATES = ", ".join(f"'{state}'" for state in CaseState)
_ACCOUNTS = ", ".join(f"'{account}'" for account in Account)


class BillingEntity(HasId, Base):
    """Who bills: a name and numbers that payers know (X12 loop 2010AA).

    npi: of the organisation. tax_id: nine digits. submitter_id: how the receivers of its files know it (ISA06, 1000A).
    mammography_certificate: the facility's number under MQSA, which mammograms carry (REF EW).
    """

    __tablename__ = "billing_entity"

    name: Mapped[str] = mapped_column(String(60), unique=True)
    npi: Mapped[str] = mapped_column(String(10))
    tax_id: Mapped[str] = mapped_column(String(9))
    taxonomy: Mapped[str] = mapped_column(String(10))
    street: Mapped[str] = mapped_column(String(55))
    city: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(2))
    zip: Mapped[str] = mapped_column(String(10))
    contact: Mapped[str] = mapped_column(String(60))
    phone: Mapped[str] = mapped_column(String(40))
    submitter_id: Mapped[str] = mapped_column(String(15))
    mammography_certificate: Mapped[str] = mapped_column(String(20), default="")


class RenderingProvider(HasId, Base):
    """A reader whose name claims carry (X12 loop 2310B). user_id: the account that signs the reports."""

    __tablename__ = "rendering_provider"

    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    family: Mapped[str] = mapped_column(String(60))
    given: Mapped[str] = mapped_column(String(35))
    npi: Mapped[str] = mapped_column(String(10), unique=True)
    taxonomy: Mapped[str] = mapped_column(String(10))


class SiteBilling(HasId, Base):
    """Who bills for what is done at a site: one entity for both parts bills globally, two bill a part each.

    rendering_id: the reader when the one who signed has no number of their own. place_of_service: CMS's two digits.
    """

    __tablename__ = "site_billing"

    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), unique=True)
    technical_entity_id: Mapped[int] = mapped_column(ForeignKey("billing_entity.id"))
    professional_entity_id: Mapped[int] = mapped_column(ForeignKey("billing_entity.id"))
    rendering_id: Mapped[int | None] = mapped_column(ForeignKey("rendering_provider.id"))
    place_of_service: Mapped[str] = mapped_column(String(2), default="11")


class ChargeRule(HasId, Base):
    """A line of the table that makes charges of exams; empty procedure_code, modality: any (billing.rules.charging).

    position: the first base rule that fits is taken. adds: a further line beside the base one.
    component: split (TC and 26 when two entities bill), technical or professional.
    """

    __tablename__ = "charge_rule"

    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    procedure_code: Mapped[str] = mapped_column(String(16), default="")
    modality: Mapped[str] = mapped_column(String(16), default="")
    component: Mapped[str] = mapped_column(String(12), default="split")
    code: Mapped[str] = mapped_column(String(5))
    modifiers: Mapped[Any] = mapped_column(Json, default=list)
    side_modifier: Mapped[bool] = mapped_column(default=True)
    units: Mapped[int] = mapped_column(default=1)
    adds: Mapped[bool] = mapped_column(default=False)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint("component IN ('split', 'technical', 'professional')", name="component"),
        CheckConstraint("units BETWEEN 1 AND 999", name="units"),
        Index("ix_charge_rule_position", "position", "id"),
    )


class Fee(HasId, Base):
    """What a code costs from a day on. modifier: "", TC or 26.

    payer_id: none is the practice's own fee, which is charged; a payer's is what its contract allows.
    """

    __tablename__ = "fee"

    payer_id: Mapped[int | None] = mapped_column(ForeignKey("payer.id"))
    code: Mapped[str] = mapped_column(String(5))
    modifier: Mapped[str] = mapped_column(String(2), default="")
    amount_cents: Mapped[int] = mapped_column(BigId)
    begins: Mapped[date]

    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("modifier IN ('', 'TC', '26')", name="modifier"),
        Index("ix_fee_code", "code", "modifier", "payer_id", "begins"),
    )


class ChargeCase(HasId, Base):
    """Whether an exam that was performed, or broken off after it began, is charged, and why not (G2)."""

    __tablename__ = "charge_case"

    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(500), default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (
        CheckConstraint(f"state IN ({_CASE_STATES})", name="state"),
        Index("ix_charge_case_state", "state", "since", "id"),
    )


class Claim(HasId, Base):
    """What one entity asks of one payer for one exam. number: ours, in CLM01 and in what the payer answers.

    coverage_id: who is asked; chosen anew at each check until it is sent.
    diagnoses: ICD-10-CM codes with their dots, the first is the principal one.
    frequency: CLM05-3, 1 original, 7 replacement, 8 void; payer_claim_number: what the payer calls it (REF F8).
    findings: how many things were to mend when it was last checked; first_finding: the first in words.
    """

    __tablename__ = "claim"

    number: Mapped[str] = mapped_column(String(20), unique=True)
    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    entity_id: Mapped[int] = mapped_column(ForeignKey("billing_entity.id"))
    coverage_id: Mapped[int | None] = mapped_column(ForeignKey("coverage.id"), index=True)
    rendering_id: Mapped[int | None] = mapped_column(ForeignKey("rendering_provider.id"))
    state: Mapped[str] = mapped_column(String(12), default=ClaimState.UNCHARGED)
    state_since: Mapped[datetime] = mapped_column(UtcDateTime)
    service_day: Mapped[date]
    place_of_service: Mapped[str] = mapped_column(String(2))
    diagnoses: Mapped[Any] = mapped_column(Json, default=list)
    authorisation: Mapped[str] = mapped_column(String(40), default="")
    frequency: Mapped[str] = mapped_column(String(1), default="1")
    payer_claim_number: Mapped[str] = mapped_column(String(50), default="")
    held: Mapped[str] = mapped_column(String(200), default="")
    findings: Mapped[int] = mapped_column(default=0)
    first_finding: Mapped[str] = mapped_column(String(300), default="")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    charges: Mapped[list[Charge]] = relationship(back_populates="claim", order_by="Charge.id")

    __table_args__ = (
        UniqueConstraint("requested_procedure_id", "entity_id"),
        CheckConstraint(f"state IN ({_CLAIM_STATES})", name="state"),
        CheckConstraint("frequency IN ('1', '7', '8')", name="frequency"),
        Index("ix_claim_state", "state", "state_since", "id"),
    )


class ClaimHistory(HasId, Base):
    """One thing that happened to a claim; from_state is to_state where it did not move."""

    __tablename__ = "claim_history"

    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    from_state: Mapped[str] = mapped_column(String(12))
    to_state: Mapped[str] = mapped_column(String(12))
    move: Mapped[str] = mapped_column(String(16))
    actor_name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(500), default="")


class Charge(HasId, Base):
    """A line of money: what a rule made of an exam, and why in words.

    A wrong one is reversed by another, never removed. part: technical, professional or global.
    amount_cents: for all units; negative where it reverses. pointers: places in the claim's diagnoses, from 1.
    """

    __tablename__ = "charge"

    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"), index=True)
    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    part: Mapped[str] = mapped_column(String(12))
    code: Mapped[str] = mapped_column(String(5))
    modifiers: Mapped[Any] = mapped_column(Json, default=list)
    units: Mapped[int]
    amount_cents: Mapped[int] = mapped_column(BigId)
    pointers: Mapped[Any] = mapped_column(Json, default=list)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("charge_rule.id"))
    why: Mapped[str] = mapped_column(String(500))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), unique=True)

    claim: Mapped[Claim] = relationship(back_populates="charges")

    __table_args__ = (
        CheckConstraint("part IN ('technical', 'professional', 'global')", name="part"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("amount_cents <> 0", name="amount"),
    )


class ClaimBatch(HasId, Base):
    """A file of claims for one receiver, whole: it can be written again, byte for byte.

    control_number: ISA13, GS06. state: made (in the database), written (its bytes are durable in folder under another
    name), placed (it has its name, or a person has fetched it).
    """

    __tablename__ = "claim_batch"

    control_number: Mapped[int] = mapped_column(unique=True)
    entity_id: Mapped[int] = mapped_column(ForeignKey("billing_entity.id"))
    receiver_name: Mapped[str] = mapped_column(String(60))
    receiver_id: Mapped[str] = mapped_column(String(15))
    file_name: Mapped[str] = mapped_column(String(80), unique=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    claims: Mapped[int]
    total_cents: Mapped[int] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(String(8), default="made")
    folder: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))

    __table_args__ = (
        CheckConstraint("state IN ('made', 'written', 'placed')", name="state"),
        Index("ix_claim_batch_state", "state", "id"),
    )


class ClaimVersion(HasId, Base):
    """What was sent of a claim; a trigger keeps it as it is. content: its segments, one a line."""

    __tablename__ = "claim_version"

    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"))
    number: Mapped[int]
    batch_id: Mapped[int] = mapped_column(ForeignKey("claim_batch.id"), index=True)
    frequency: Mapped[str] = mapped_column(String(1))
    total_cents: Mapped[int] = mapped_column(BigId)
    content: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_by: Mapped[str] = mapped_column(String(200))

    batch: Mapped[ClaimBatch] = relationship()

    __table_args__ = (UniqueConstraint("claim_id", "number"),)


class Remittance(HasId, Base):
    """An 835 transaction, posted once: unique by its bytes, and by payer and trace number (TRN02)."""

    __tablename__ = "remittance"

    payer_name: Mapped[str] = mapped_column(String(80))
    payer_identifier: Mapped[str] = mapped_column(String(80))
    trace: Mapped[str] = mapped_column(String(60))
    control_number: Mapped[str] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    paid_on: Mapped[date]
    method: Mapped[str] = mapped_column(String(3))
    amount_cents: Mapped[int] = mapped_column(BigId)
    file_name: Mapped[str] = mapped_column(String(200))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    posted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    posted_by: Mapped[str] = mapped_column(String(200))

    lines: Mapped[list[RemittanceLine]] = relationship(back_populates="remittance", order_by="RemittanceLine.id")

    __table_args__ = (UniqueConstraint("payer_identifier", "trace"),)


class RemittanceLine(HasId, Base):
    """What a payer says of one claim (CLP), or of the provider (PLB; then claim_number is empty).

    adjustments: [group, code, cents] as they came, claim and services together. services: a document for each SVC.
    claim_id: none while nobody knows whose money it is; unmatched: why, in words; a person settles it.
    """

    __tablename__ = "remittance_line"

    remittance_id: Mapped[int] = mapped_column(ForeignKey("remittance.id"), index=True)
    claim_number: Mapped[str] = mapped_column(String(40), default="")
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("claim.id"), index=True)
    status: Mapped[str] = mapped_column(String(2), default="")
    charged_cents: Mapped[int] = mapped_column(BigId, default=0)
    paid_cents: Mapped[int] = mapped_column(BigId, default=0)
    patient_cents: Mapped[int] = mapped_column(BigId, default=0)
    payer_claim_number: Mapped[str] = mapped_column(String(50), default="")
    adjustments: Mapped[Any] = mapped_column(Json, default=list)
    services: Mapped[Any] = mapped_column(Json, default=list)
    unmatched: Mapped[str] = mapped_column(String(300), default="")
    settled_by: Mapped[str] = mapped_column(String(200), default="")

    remittance: Mapped[Remittance] = relationship(back_populates="lines")

    __table_args__ = (Index("ix_remittance_line_unmatched", "claim_id", "unmatched"),)


class LedgerEntry(HasId, Base):
    """Money that moves from an account to another: each row balances by itself, and a trigger keeps it as it is.

    A balance is the sum of what an account was debited less what it was credited.
    """

    __tablename__ = "ledger_entry"

    at: Mapped[datetime] = mapped_column(UtcDateTime)
    debit: Mapped[str] = mapped_column(String(16))
    credit: Mapped[str] = mapped_column(String(16))
    amount_cents: Mapped[int] = mapped_column(BigId)
    words: Mapped[str] = mapped_column(String(200))
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("claim.id"), index=True)
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    remittance_id: Mapped[int | None] = mapped_column(ForeignKey("remittance.id"), index=True)
    actor_name: Mapped[str] = mapped_column(String(200))

    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("debit <> credit", name="two_accounts"),
        CheckConstraint(f"debit IN ({_ACCOUNTS}) AND credit IN ({_ACCOUNTS})", name="accounts"),
        Index("ix_ledger_entry_at", "at", "id"),
    )
