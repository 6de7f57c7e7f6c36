"""C-FIND as provider: queries and worklists (PS3.7 9.1.2, PS3.4 Annexes C and K)."""

from __future__ import annotations

from collections.abc import Iterator

from ris_pacs.dicom.encode import DataSetEncoder, InvalidElement
from ris_pacs.dicom.exchange import Message
from ris_pacs.dicom.handlers import CANCELLED, SUCCESS, DimseFailure, FindRequest, Match, Status
from ris_pacs.dicom.messages import response_to
from ris_pacs.dicom.session import SOP_CLASS_NOT_SUPPORTED, Outcome, Session, read_identifier


def find(session: Session, message: Message) -> Outcome:
    """Every match of the handler as a pending answer, then the final one."""
    context = message.context
    handler = session.services.find.get(context.abstract_syntax)
    if handler is None:
        raise DimseFailure(Status(SOP_CLASS_NOT_SUPPORTED, "no queries in this presentation context"))
    message_id = message.command.message_id or 0
    request = FindRequest(
        context.abstract_syntax,
        read_identifier(session, message),
        lambda: session.exchange.is_cancelled(message_id),
        session.extended.get(context.abstract_syntax, b""),
    )
    answers = _Answers(session, message)
    matches = handler.find(request, session.association)
    try:
        for match in matches:
            if request.cancelled():
                break
            answers.send(match)
    finally:
        _close(matches)
        answers.tell_what_was_lost()
    status = CANCELLED if request.cancelled() else SUCCESS
    session.log.debug("query answered", sop_class=context.abstract_syntax, matches=answers.count)
    return Outcome(session.respond(message, status), answers.size)


class _Answers:
    """The pending answers of one query; all that they have in common is encoded once."""

    def __init__(self, session: Session, message: Message) -> None:
        self.count = 0
        self.size = 0
        self._session = session
        self._message = message
        self._commands: dict[Status, bytes] = {}
        self._encoders: dict[tuple[str, ...], DataSetEncoder] = {}

    def send(self, match: Match) -> None:
        """Queue one answer. One that cannot be written is left out: the others are still true."""
        try:
            data = self._encoder(match.character_set).encode(match.elements)
        except InvalidElement as error:
            self._session.log.error("an answer was left out", exc_info=error)
            return
        self._session.exchange.send(self._message.context, self._command(match.status), data)
        self.count += 1
        self.size += len(data)
        self._session.exchange.flush_sometimes()

    def tell_what_was_lost(self) -> None:
        for character_set, encoder in self._encoders.items():
            if encoder.lost:
                self._session.log.warning(
                    'characters became "?" in an answer',
                    character_set="\\".join(character_set),
                    characters="".join(sorted(encoder.lost)),
                )

    def _command(self, status: Status) -> bytes:
        command = self._commands.get(status)
        if command is None:
            command = response_to(self._message.command, status, has_data_set=True).encode()
            self._commands[status] = command
        return command

    def _encoder(self, character_set: tuple[str, ...]) -> DataSetEncoder:
        encoder = self._encoders.get(character_set)
        if encoder is None:
            encoder = DataSetEncoder(self._message.context.transfer_syntax, character_set)
            self._encoders[character_set] = encoder
        return encoder


def _close(matches: Iterator[Match]) -> None:
    """A generator lets go of its cursor now, not when it is collected."""
    close = getattr(matches, "close", None)
    if close:
        close()
