from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.tables import AuditEntry, AuditSeal
from ris_pacs.kernel.uow import unit_of_work


@pytest.fixture
def sealed(system):
    """Three batches of audit rows, sealed."""
    for batch in range(3):
        with unit_of_work(system) as uow:
            for number in range(4):
                audit.record(uow, PROGRAM, "view", ("study", f"{batch}-{number}"), patient_id=number, why="Grüße ≠")
        with unit_of_work(system) as uow:
            audit.seal(uow)
    return system


def faults(system) -> list[str]:
    with unit_of_work(system) as uow:
        return list(audit.check(uow))


def test_an_untouched_trail_has_no_fault(sealed):
    assert faults(sealed) == []


@pytest.mark.parametrize("column", ["actor_name", "action", "why", "entity_id", "patient_id"])
def test_a_changed_row_is_found(sealed, column):
    with unit_of_work(sealed) as uow:
        row = uow.session.scalars(select(AuditEntry).where(AuditEntry.entity_id == "1-2")).one()
        setattr(row, column, 99 if column == "patient_id" else "forged")
    assert any("was changed" in fault for fault in faults(sealed))


def test_a_changed_row_with_a_new_digest_is_found(sealed):
    with unit_of_work(sealed) as uow:
        row = uow.session.scalars(select(AuditEntry).where(AuditEntry.entity_id == "1-2")).one()
        row.actor_name = "forged"
        row.digest = audit.digest({name: getattr(row, name) for name in audit._DIGESTED})
    assert any("not the ones it was made from" in fault for fault in faults(sealed))


def test_a_removed_row_is_found(sealed):
    with unit_of_work(sealed) as uow:
        uow.session.execute(delete(AuditEntry).where(AuditEntry.entity_id == "0-1"))
    assert any("rows" in fault for fault in faults(sealed))


def test_a_removed_seal_is_found(sealed):
    with unit_of_work(sealed) as uow:
        middle = uow.session.scalars(select(AuditSeal).order_by(AuditSeal.id).offset(1)).first()
        uow.session.execute(delete(AuditEntry).where(AuditEntry.seal_id == middle.id))
        uow.session.execute(delete(AuditSeal).where(AuditSeal.id == middle.id))
    assert any("does not follow" in fault for fault in faults(sealed))


def test_counting_a_view_up_is_no_fault(sealed):
    with unit_of_work(sealed) as uow:
        uow.session.execute(update(AuditEntry).where(AuditEntry.entity_id == "0-1").values(times=5))
    assert faults(sealed) == []
