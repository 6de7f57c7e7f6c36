"""What a worker does: late reactions to events, jobs, and periodic work."""

from __future__ import annotations

from typing import Any

from ris_pacs.archive.dimse.commitment import tell_device
from ris_pacs.archive.service.commitment import COMMITMENT_JOB
from ris_pacs.archive.service.complete import QUIET_JOB, end_when_quiet
from ris_pacs.billing.service.again import CHARGE_JOB
from ris_pacs.billing.subscribers import charge_again
from ris_pacs.bootstrap.tls import client_context
from ris_pacs.config import Settings
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.events import Subscription, from_payload
from ris_pacs.kernel.jobs import JobInTransaction, JobTable, Periodic
from ris_pacs.kernel.uow import System, UnitOfWork
from ris_pacs.messages.deliveries import MllpDelivery


def build_jobs(settings: Settings, system: System) -> JobTable:
    outbox = {name: _as_job(line) for name, line in system.subscriptions.outbox().items()}
    return JobTable(
        in_transaction={
            **outbox,
            QUIET_JOB: lambda uow, payload: end_when_quiet(uow, payload["exam_id"]),
            CHARGE_JOB: charge_again,
        },
        outside={COMMITMENT_JOB: tell_device(settings.ae_title, client_context(settings))},
        periodic=(Periodic("deliver messages", 1.0, MllpDelivery().deliver_waiting, waits=True),),
    )


def _as_job(line: Subscription) -> JobInTransaction:
    def react(uow: UnitOfWork, payload: Any) -> None:
        line.reaction(uow, from_payload(line.event, payload), PROGRAM)

    return react
