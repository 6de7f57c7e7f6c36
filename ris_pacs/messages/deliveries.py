"""Sending what waits in the outbox: MLLP, in order, until the partner has taken it."""

from __future__ import annotations

import structlog

from ris_pacs.catalog import queries as catalog
from ris_pacs.hl7.ack_reading import read_acknowledgement
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from ris_pacs.hl7.reading import ParseFailure
from ris_pacs.kernel import outbox
from ris_pacs.kernel.uow import System, read_only, unit_of_work

log = structlog.get_logger()

TIMEOUT_SECONDS = 15.0
MOST_IN_A_TURN = 200


class MllpDelivery:
    """Keeps one connection a partner; used by one worker thread."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}

    def deliver_waiting(self, system: System) -> None:
        """Everything that is due now; what cannot be sent waits for its next try."""
        for _ in range(MOST_IN_A_TURN):
            with unit_of_work(system) as uow:
                claimed = outbox.claim(uow)
            if claimed is None:
                return
            self._deliver(system, claimed)

    def _deliver(self, system: System, claimed: outbox.Claimed) -> None:
        application, _, facility = claimed.destination.partition("|")
        with read_only(system) as uow:
            partner = catalog.partner(uow, application, facility)
        if partner is None or not partner.host or partner.port is None:
            self._fail(system, claimed, f"{claimed.destination} has no address to send to")
            return
        try:
            answer = self._connection(partner.host, partner.port).send(claimed.payload)
        except NotDelivered as problem:
            self._fail(system, claimed, str(problem))
            return
        self._take_answer(system, claimed, answer)

    def _take_answer(self, system: System, claimed: outbox.Claimed, answer: bytes) -> None:
        """Taken, refused for good (AE, CE says never), or to be tried again."""
        try:
            verdict = read_acknowledgement(answer)
        except ParseFailure as failure:
            self._fail(system, claimed, f"the answer of {claimed.destination} is no acknowledgement: {failure}")
            return
        with unit_of_work(system) as uow:
            if verdict.accepted:
                outbox.sent(uow, claimed.id, answer)
            else:
                error = f"{verdict.code} {verdict.text}".strip()
                outbox.failed(uow, claimed, error, answer, final=not verdict.worth_retrying)

    def _connection(self, host: str, port: int) -> Connection:
        key = f"{host}:{port}"
        if key not in self._connections:
            self._connections[key] = Connection(host, port, answer_seconds=TIMEOUT_SECONDS)
        return self._connections[key]

    def _fail(self, system: System, claimed: outbox.Claimed, error: str) -> None:
        log.warning("message not delivered", destination=claimed.destination, attempts=claimed.attempts, reason=error)
        with unit_of_work(system) as uow:
            outbox.failed(uow, claimed, error)
