"""What happens to a message on the MLLP port: kept, handled once, committed, then acknowledged.

The answer follows HL7 2.5.1 2.9.2 and 2.9.3: what is wrong with the content is AE naming the field, a kind or
sender that we do not take is AR, trouble of ours is AR (CE in enhanced mode) and never AE.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import structlog

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.queries import Partner
from ris_pacs.hl7 import acks
from ris_pacs.hl7.acks import ACCEPTED, Answers, Verdict
from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.handlers import Peer
from ris_pacs.hl7.reading import ParseFailure
from ris_pacs.hl7.reply import Reply
from ris_pacs.kernel import inbox, outbox
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.errors import DomainError, Kind
from ris_pacs.kernel.inbox import About, Arrived
from ris_pacs.kernel.tables import MessageIn
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work

log = structlog.get_logger()

Handler = Callable[[UnitOfWork, Message, Partner, Actor], Reply]

_OUR_TROUBLE = (Kind.BUSY, Kind.FULL)
NOBODY = About()


class _Refusal(Exception):
    """Why a message is not done."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.error = verdict.text or "; ".join(str(fault) for fault in verdict.faults)
        self.fault_at = verdict.faults[0].path if verdict.faults else None
        super().__init__(self.error)


class Receiver:
    """Takes messages from the listener, and mended ones from the message page."""

    def __init__(self, system: System, handlers: Mapping[str, Handler]) -> None:
        self._system = system
        self._handlers = handlers

    def receive(self, raw: bytes, peer: Peer) -> bytes | None:
        """The acknowledgement, after everything it says is durable; None when the sender wants none."""
        try:
            message = parse(raw)
        except ParseFailure as failure:
            return self._unreadable(raw, failure, peer)
        sender = _sender_of(message)
        arrived = Arrived(sender, message.control_id or _digest(raw), message.kind or "?", raw, peer.address)
        structlog.contextvars.bind_contextvars(sender=sender, control_id=arrived.control_id[:40])
        try:
            if message.kind == "NMQ^N01":
                return self._tell_time(message)
            return self._take(message, arrived)
        except DomainError as problem:
            if problem.kind not in _OUR_TROUBLE:
                raise
            log.error("message not kept", reason=problem.code)
            return _bytes(acks.answers(message, acks.try_later(problem.message), self._system.clock()))

    def _tell_time(self, message: Message) -> bytes | None:
        """Whether we are there, and what our clock says (HL7 2.5.1 14.3.1): anyone may ask, nothing is kept."""
        with read_only(self._system) as uow:
            catalog.first_site(uow)  # Without a database we are not there.
        now = self._system.clock()
        return _bytes(acks.answers(message, ACCEPTED, now, [["NCK", now]]))

    def _take(self, message: Message, arrived: Arrived) -> bytes | None:
        """Done in one transaction with its row; a refusal leaves the row alone."""
        try:
            with unit_of_work(self._system) as uow:
                message_id = inbox.take(uow, arrived)
                if message_id is None:
                    return self._again(uow, message, arrived)
                return self._do(uow, message_id, message, arrived)
        except _Refusal as refusal:
            return self._refuse(message, arrived, refusal)

    def _do(self, uow: UnitOfWork, message_id: int, message: Message, arrived: Arrived) -> bytes | None:
        reply = self._handle(uow, message, arrived)
        answers = acks.answers(message, ACCEPTED, uow.now, reply.rows)
        answer = _bytes(answers)
        inbox.accept(uow, message_id, answer, reply.about)
        self._send_later(uow, answers, arrived, reply.about)
        log.info("message accepted", kind=arrived.kind, accession_number=reply.about.accession_number)
        return answer

    def _handle(self, uow: UnitOfWork, message: Message, arrived: Arrived) -> Reply:
        """Raises _Refusal."""
        faults = acks.header_faults(message)
        if faults:
            raise _Refusal(acks.rejected(*faults))
        application, _, facility = arrived.sender.partition("|")
        partner = catalog.partner(uow, application, facility)
        if partner is None:
            fault = FieldFault("MSH-3", arrived.sender, "is no sender that is registered", Condition.UNKNOWN_KEY)
            raise _Refusal(acks.rejected(fault))
        if not message.at("MSH-18").has_value and partner.character_set:
            message = parse(arrived.raw, partner.character_set)
        handler = self._handlers.get(message.kind)
        if handler is None:
            raise _Refusal(acks.rejected(self._unsupported(message)))
        occasion = f"m{_digest(arrived.raw)[:16]}"
        actor = Actor("partner", arrived.sender, Role.SYSTEM, partner.id, occasion, arrived.address)
        try:
            return handler(uow, message, partner, actor)
        except FieldFault as fault:
            raise _Refusal(acks.refused(fault)) from fault
        except DomainError as problem:
            if problem.kind in _OUR_TROUBLE:
                raise
            raise _Refusal(acks.refused(text=problem.message)) from problem

    def _unsupported(self, message: Message) -> FieldFault:
        kind = message.get("MSH-9.1")
        known = any(one.split("^")[0] == kind for one in self._handlers)
        condition = Condition.UNSUPPORTED_EVENT if known else Condition.UNSUPPORTED_MESSAGE_TYPE
        return FieldFault("MSH-9", message.kind, "is not taken", condition, ", ".join(sorted(self._handlers)))

    def _again(self, uow: UnitOfWork, message: Message, arrived: Arrived) -> bytes | None:
        """A control id that was here before: answered, tried again if nothing came of it, or another message."""
        known = inbox.known(uow, arrived.sender, arrived.control_id)
        assert known is not None
        if known.state == "refused":
            known.raw, known.received_at, known.kind = arrived.raw, uow.now, arrived.kind[:40]
            known.mended = None
            uow.session.flush()
            return self._do(uow, known.id, message, arrived)
        if _body(known.raw) != _body(arrived.raw):
            detail = "another message with this control id was handled before"
            fault = FieldFault("MSH-10", arrived.control_id, "was used before", Condition.DUPLICATE_KEY, detail)
            log.warning("control id used twice")
            return _bytes(acks.answers(message, acks.refused(fault), uow.now))
        inbox.count_repeat(uow, known.id)
        return known.answer

    def _refuse(self, message: Message, arrived: Arrived, refusal: _Refusal) -> bytes | None:
        """Nothing was done; the row is kept for a person to mend and replay."""
        with unit_of_work(self._system) as uow:
            message_id = inbox.take(uow, arrived)
            if message_id is None:
                known = inbox.known(uow, arrived.sender, arrived.control_id)
                assert known is not None
                message_id = known.id
            answers = acks.answers(message, refusal.verdict, uow.now)
            answer = _bytes(answers)
            about = About(patient_name=_name_in(message))
            inbox.refuse(uow, message_id, answer, refusal.error, refusal.fault_at, about)
            self._send_later(uow, answers, arrived, about)
        log.warning("message refused", kind=arrived.kind, at=refusal.fault_at)
        return answer

    def _unreadable(self, raw: bytes, failure: ParseFailure, peer: Peer) -> bytes | None:
        """Not a message at all: rejected with what can be read of its head, and kept."""
        fault = acks.fault_of(failure)
        head = acks.read_head(raw)
        sender = _sender_of(head) if head is not None else f"?|{peer.address}"
        arrived = Arrived(sender, _digest(raw), "?", raw, peer.address)
        try:
            with unit_of_work(self._system) as uow:
                message_id = inbox.take(uow, arrived)
                answer = acks.answer_unreadable(raw, fault, uow.now)
                if message_id is not None:
                    inbox.refuse(uow, message_id, answer.raw if answer else None, str(failure), fault.path, NOBODY)
        except DomainError as problem:
            log.error("message not kept", reason=problem.code)
            answer = acks.answer_unreadable(raw, fault, self._system.clock())
        log.warning("message unreadable", reason=str(failure)[:200])
        return answer.raw if answer else None

    def _send_later(self, uow: UnitOfWork, answers: Answers, arrived: Arrived, about: About) -> None:
        """In enhanced mode the application's answer goes as a message of its own."""
        if answers.later is not None:
            outbox.put(
                uow,
                outbox.NewMessage(
                    destination=arrived.sender,
                    entity=arrived.control_id[:120],
                    kind=answers.later.kind,
                    control_id=answers.later.control_id,
                    payload=answers.later.raw,
                    about=about,
                ),
            )

    def replay(self, message_id: int, actor: Actor) -> str:
        """Handle a refused message again, as mended; returns what is wrong with it now, or ""."""
        with read_only(self._system) as uow:
            row = uow.session.get_one(MessageIn, message_id)
            raw = row.mended or row.raw
            arrived = Arrived(row.sender, row.control_id, row.kind, raw, row.address)
        try:
            message = parse(raw)
        except ParseFailure as failure:
            return str(failure)
        try:
            with unit_of_work(self._system) as uow:
                known = inbox.known(uow, arrived.sender, arrived.control_id)
                if known is None or known.state != "refused":
                    return "This message was dealt with meanwhile."
                reply = self._handle(uow, message, arrived)
                answer = _bytes(acks.answers(message, ACCEPTED, uow.now, reply.rows))
                inbox.accept(uow, message_id, answer, reply.about, state="replayed")
        except _Refusal as refusal:
            with unit_of_work(self._system) as uow:
                about = About(patient_name=_name_in(message))
                row = uow.session.get_one(MessageIn, message_id)
                inbox.refuse(uow, message_id, row.answer, refusal.error, refusal.fault_at, about)
            return refusal.error
        log.info("message replayed", sender=arrived.sender, by=actor.name)
        return ""


def _sender_of(message: Message) -> str:
    return f"{message.get('MSH-3.1').strip()}|{message.get('MSH-4.1').strip()}"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _body(raw: bytes) -> bytes:
    """All but the header: a repeat has a new time in it."""
    return raw.lstrip(b"\x0b\r\n").replace(b"\r\n", b"\r").replace(b"\n", b"\r").partition(b"\r")[2].strip(b"\r")


def _name_in(message: Message) -> str | None:
    """The patient's name as sent, for the list."""
    family, given = message.get("PID-5.1"), message.get("PID-5.2")
    return ", ".join(part for part in (family, given) if part)[:200] or None


def _bytes(answers: Answers) -> bytes | None:
    return answers.now.raw if answers.now is not None else None
