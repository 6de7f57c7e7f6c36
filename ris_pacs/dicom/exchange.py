"""DIMSE messages over an established association, in both directions (PS3.7 6.3, PS3.8 Annex E)."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ris_pacs.dicom.connection import GATHER, AssociationEnded, Connection, Ending
from ris_pacs.dicom.indications import Fragment
from ris_pacs.dicom.messages import MAX_COMMAND, CommandField, CommandSet, MalformedCommand
from ris_pacs.dicom.state_table import State
from ris_pacs.dicom.upper_layer import DATA_HEADER_SIZE, MAX_SENT_PDU

MAX_WAIT = 0.05  # seconds that an answer may wait for others to be sent with it
LOOK_AGAIN = 0.005  # seconds between two looks for a cancel request; each is a system call

_MOST_AT_ONCE = 100  # fragments of one look: a flood of them must not keep a handler from its work
_BLOCK = 2 * (MAX_SENT_PDU + DATA_HEADER_SIZE)  # bytes of a file that go into one send
_MAX_VECTORS = 512  # buffers of one read; the kernel allows 1024


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context. as_scu, as_scp: the roles of this side in it."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    as_scu: bool
    as_scp: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A command set, and the presentation context it came on. Its data set is still to be read."""

    context: Context
    command: CommandSet


class TooLarge(ValueError):
    """A data set that was to be held in memory exceeds its limit; it was read and thrown away."""


class Exchange:
    """Reads and writes messages. Once the association has ended, every call raises AssociationEnded."""

    def __init__(self, connection: Connection, contexts: Mapping[int, Context]) -> None:
        self.connection = connection
        self.contexts = contexts
        self._command = bytearray()
        self._command_context = 0
        self._unread: Context | None = None  # whose data set is still to come
        self._waiting: deque[Message] = deque()  # complete, not yet read
        self._cancelled: set[int] = set()
        self._end: AssociationEnded | None = None
        self._block: bytearray | None = None
        self._flushed = time.monotonic()
        self._looked = 0.0

    # Receiving

    def read_message(self) -> Message:
        """The next command set but C-CANCEL; waits for it. A data set that nobody read is thrown away."""
        self._raise_if_ended()
        if not self._waiting:
            self.skip_data()
        while not self._waiting:
            try:
                self._assemble(self.connection.next_fragment())
            except AssociationEnded as end:
                self._end = end
                raise
        message = self._waiting.popleft()
        self._flushed = time.monotonic()  # its answers begin to wait now
        self._cancelled.discard(message.command.message_id or 0)  # of an earlier message with that number
        return message

    def data(self) -> Iterator[memoryview]:
        """The data set of the message read last, piece by piece as it comes; each valid until the next."""
        context = self._unread
        next_fragment = self.connection.next_fragment
        while self._unread and context:
            try:
                fragment = next_fragment()
            except AssociationEnded as end:
                self._end = end
                raise
            if fragment.is_command or fragment.context_id != context.id:
                raise self.violate("a data set is interrupted by something else")
            if fragment.last:
                self._unread = None
            if fragment.data:
                yield fragment.data

    def skip_data(self) -> None:
        """Read the rest of the data set and throw it away."""
        for _ in self.data():
            pass

    def read_data(self, limit: int) -> bytes:
        """The whole data set. Raises TooLarge beyond `limit` bytes, having read it all the same."""
        raw = bytearray()
        for piece in self.data():
            if len(raw) + len(piece) > limit:
                self.skip_data()
                raise TooLarge(f"data set exceeds {limit} bytes")
            raw += piece
        return bytes(raw)

    def is_cancelled(self, message_id: int) -> bool:
        """Whether a C-CANCEL-RQ for that message has come (PS3.7 9.3.2.3); true too once all is over."""
        return self.has_ended() or message_id in self._cancelled

    def has_ended(self) -> bool:
        """Looks at the network without waiting, unless it did just now or a data set is being read."""
        now = time.monotonic()
        if now - self._looked > LOOK_AGAIN:
            self._looked = now
            self._look()
        return self.is_over

    def _look(self) -> None:
        try:
            for _ in range(_MOST_AT_ONCE):
                fragment = None if self.is_over or self._unread or self._waiting else self.connection.poll_fragment()
                if fragment is None:
                    break
                self._assemble(fragment)
        except AssociationEnded as end:
            self._end = end

    @property
    def is_over(self) -> bool:
        """What is known of the end, without looking; the one thing here that any thread may ask."""
        return self._end is not None or self.connection.layer.state is not State.STA6

    def _assemble(self, fragment: Fragment) -> None:
        """Collect a command set; once complete, it waits to be read, or cancels."""
        if not fragment.is_command:
            raise self.violate("a data set without a command")
        if self._command and fragment.context_id != self._command_context:
            raise self.violate("a command is spread over two presentation contexts")
        self._command_context = fragment.context_id
        self._command += fragment.data
        if len(self._command) > MAX_COMMAND:
            raise self.violate(f"a command exceeds {MAX_COMMAND} bytes")
        if not fragment.last:
            return
        try:
            command = CommandSet.decode(bytes(self._command))
        except MalformedCommand as error:
            raise self.violate(f"command set: {error}") from None
        self._command.clear()
        if command.command_field == CommandField.C_CANCEL_RQ:
            self._cancelled.add(command.message_id_being_responded_to or 0)
            return
        message = Message(self.contexts[fragment.context_id], command)
        if command.has_data_set:
            self._unread = message.context
        self._waiting.append(message)

    def violate(self, detail: str) -> AssociationEnded:
        """The peer broke a rule of the message exchange: abort; the exception for the caller to raise."""
        self._end = self.connection.violate(detail)
        return self._end

    def _raise_if_ended(self) -> None:
        if self.is_over:
            raise self._end or AssociationEnded(Ending.CUT)

    # Sending

    def send(self, context: Context, command: CommandSet | bytes, data: bytes | None = None) -> None:
        """Queue a message. It leaves with others, at the latest when this side waits for the peer."""
        self._raise_if_ended()
        raw = command if isinstance(command, bytes) else command.encode()
        self._write(context, raw, is_command=True)
        if data is not None:
            self._write(context, data, is_command=False)

    def flush_sometimes(self) -> None:
        """Send what is queued unless that was done just now: answers in quick succession share a send."""
        now = time.monotonic()
        if now - self._flushed > MAX_WAIT:
            self.connection.flush()
            self._flushed = now

    def _write(self, context: Context, raw: bytes, *, is_command: bool) -> None:
        layer, view = self.connection.layer, memoryview(raw)
        size = layer.max_fragment
        for start in range(0, len(raw) or 1, size):
            piece = view[start : start + size]
            last = start + size >= len(raw)
            header = layer.p_data_header(context.id, len(piece), is_command=is_command, last=last)
            self.connection.write(header, piece)

    def send_file(self, context: Context, command: CommandSet, file: int, offset: int, length: int) -> None:
        """A message whose data set is `length` bytes of an open file, sent as they are.

        Large reads go straight between the headers of a block that is sent at once. Raises OSError when
        the file is shorter; the association is of no use then and was aborted.
        """
        self.send(context, command)
        if self._block is None:
            self._block = bytearray(_BLOCK + GATHER)
        view = memoryview(self._block)
        while length:
            begun = self.connection.take_pending()
            view[: len(begun)] = begun
            end, taken = self._fill_block(context, len(begun), file, offset, length)
            offset += taken
            length -= taken
            self.connection.send(view[:end])

    def _fill_block(self, context: Context, start: int, file: int, offset: int, length: int) -> tuple[int, int]:
        """Lay out fragments from `start`: where they end, and how many bytes of the file they took."""
        assert self._block is not None
        layer, view = self.connection.layer, memoryview(self._block)
        size, taken = layer.max_fragment, 0
        slots: list[memoryview] = []
        while taken < length and len(slots) < _MAX_VECTORS and start + DATA_HEADER_SIZE + size <= len(view):
            piece = min(size, length - taken)
            taken += piece
            header = layer.p_data_header(context.id, piece, is_command=False, last=taken == length)
            view[start : start + DATA_HEADER_SIZE] = header
            start += DATA_HEADER_SIZE
            slots.append(view[start : start + piece])
            start += piece
        if not _read_into(slots, file, offset):
            self._end = self.connection.violate("the file to send is shorter than it was")
            raise OSError("file is shorter than it was")
        return start, taken


def _read_into(slots: list[memoryview], file: int, offset: int) -> bool:
    """Fill the buffers from a file; false at its end. Network file systems may take several reads."""
    while slots:
        count = os.preadv(file, slots, offset)
        if not count:
            return False
        offset += count
        while slots and count >= len(slots[0]):
            count -= len(slots.pop(0))
        if slots:
            slots[0] = slots[0][count:]
    return True
