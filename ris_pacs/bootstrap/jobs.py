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
from ris_pacs.messages.deliveries import MailDelivery, MllpDelivery
from ris_pacs.reporting.deliveries.outputs import send_out
from ris_pacs.reporting.subscribers import SEND_OUT


def build_jobs(settings: Settings, system: System) -> JobTable:
    outbox = {name: _as_job(line) for name, line in system.subscriptions.outbox().items()}
    deliveries = [Periodic("deliver messages", 1.0, MllpDelivery().deliver_waiting, waits=True)]
    if settings.smtp_url:  # Without a server mail stays in the outbox, where a person can read it.
        deliveries.append(Periodic("deliver mail", 1.0, MailDelivery(settings.smtp_url).deliver_waiting, waits=True))
    return JobTable(
        in_transaction={
            **outbox,
            QUIET_JOB: lambda uow, payload: end_when_quiet(uow, payload["exam_id"]),
            CHARGE_JOB: charge_again,
        },
        outside={
            COMMITMENT_JOB: tell_device(settings.ae_title, client_context(settings)),
            SEND_OUT: send_out(settings.public_url),
        },
        periodic=tuple(deliveries),
    )


def _as_job(line: Subscription) -> JobInTransaction:
    def react(uow: UnitOfWork, payload: Any) -> None:
        line.reaction(uow, from_payload(line.event, payload), PROGRAM)

    return react
