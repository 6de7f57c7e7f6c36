"""Sending what waits in the outbox, in order, until it is taken: HL7 by MLLP, notices by mail."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email import message_from_bytes, policy
from urllib.parse import unquote, urlsplit

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
            _failed(system, claimed, f"{claimed.destination} has no address to send to")
            return
        try:
            answer = self._connection(partner.host, partner.port).send(claimed.payload)
        except NotDelivered as problem:
            _failed(system, claimed, str(problem))
            return
        self._take_answer(system, claimed, answer)

    def _take_answer(self, system: System, claimed: outbox.Claimed, answer: bytes) -> None:
        """Taken, refused for good (AE, CE says never), or to be tried again."""
        try:
            verdict = read_acknowledgement(answer)
        except ParseFailure as failure:
            _failed(system, claimed, f"the answer of {claimed.destination} is no acknowledgement: {failure}")
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


class MailDelivery:
    """By the practice's SMTP server; one connection a turn.

    url: smtp://[user:password@]host[:port], with STARTTLS where the server offers it, or smtps://…
    """

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def deliver_waiting(self, system: System) -> None:
        """Everything that is due now; what cannot be sent waits for its next try."""
        server: smtplib.SMTP | None = None
        try:
            for _ in range(MOST_IN_A_TURN):
                with unit_of_work(system) as uow:
                    claimed = outbox.claim(uow, mail=True)
                if claimed is None:
                    return
                try:
                    server = server or self._connected()
                    message = message_from_bytes(claimed.payload, policy=policy.default)
                    server.send_message(message, to_addrs=[claimed.destination.removeprefix("mailto:")])
                except smtplib.SMTPRecipientsRefused as problem:
                    codes = [code for code, _ in problem.recipients.values()]
                    self._refused(system, claimed, f"the address was refused: {codes}", codes)
                    continue
                except smtplib.SMTPResponseException as problem:
                    text = problem.smtp_error if isinstance(problem.smtp_error, str) else problem.smtp_error.decode()
                    self._refused(system, claimed, f"{problem.smtp_code} {text}", [problem.smtp_code])
                    server = None
                    continue
                except (OSError, smtplib.SMTPException) as problem:
                    _failed(system, claimed, f"the mail server: {problem}")
                    return
                with unit_of_work(system) as uow:
                    outbox.sent(uow, claimed.id, b"250")
        finally:
            if server is not None:
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()

    def _connected(self) -> smtplib.SMTP:
        host, secure = self._url.hostname or "localhost", self._url.scheme == "smtps"
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if secure:
            server = smtplib.SMTP_SSL(host, self._url.port or 465, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, self._url.port or 25, timeout=TIMEOUT_SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
        if self._url.username:
            server.login(unquote(self._url.username), unquote(self._url.password or ""))
        return server

    def _refused(self, system: System, claimed: outbox.Claimed, error: str, codes: list[int]) -> None:
        """5yz is for good (RFC 5321 4.2.1)."""
        _failed(system, claimed, error, final=all(code >= 500 for code in codes))


def _failed(system: System, claimed: outbox.Claimed, error: str, *, final: bool = False) -> None:
    log.warning("message not delivered", destination=claimed.destination, attempts=claimed.attempts, reason=error)
    with unit_of_work(system) as uow:
        outbox.failed(uow, claimed, error, final=final)
