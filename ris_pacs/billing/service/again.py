"""Trying again to charge what could not be charged: one job for all of it, so that it stays one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ris_pacs.kernel import jobs

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

CHARGE_JOB = "billing.charge"
PAUSE = timedelta(hours=1)
AT_ONCE = 200


def try_again_later(uow: UnitOfWork) -> None:
    jobs.enqueue(uow, CHARGE_JOB, {"after": 0}, run_at=uow.now + PAUSE, key=CHARGE_JOB)


def try_again_soon(uow: UnitOfWork, after: int = 0) -> None:
    """Rules, fees or who bills are other than before. after: the exam that the last job ended with."""
    jobs.enqueue(uow, CHARGE_JOB, {"after": after}, key=f"{CHARGE_JOB}:now")
