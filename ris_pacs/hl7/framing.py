"""MLLP framing without sockets: bytes in, frames out (HL7 MLLP Release 1: VT, content, FS, CR)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

START = b"\x0b"
END = b"\x1c\r"
HEAD_BYTES = 64 * 1024
_RESTART = START + b"MSH"


@dataclass(frozen=True)
class Frame:
    """A whole frame's content. dropped: bytes of an unfinished frame before it in the same one."""

    content: bytes
    dropped: int = 0


@dataclass(frozen=True)
class TooLong:
    """A frame above the limit, read to its end: its first bytes, and how many there were."""

    head: bytes
    size: int


@dataclass(frozen=True)
class Junk:
    """Bytes outside any frame that were skipped (line ends between frames do not count)."""

    size: int


def frame(content: bytes) -> bytes:
    return START + content + END


class Deframer:
    """Cuts a stream into frames, however it is chopped.

    limit: the most bytes that a frame's content may have. One that grows above is read on without keeping it,
    so that the stream stays in step.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._inside = False
        self._searched = 0
        self._head = b""
        self._skipped = 0

    @property
    def inside(self) -> bool:
        """A frame has begun and not ended."""
        return self._inside

    @property
    def held(self) -> int:
        """How many bytes of it have come."""
        return self._skipped + len(self._buffer) if self._inside else 0

    def feed(self, data: bytes) -> Iterator[Frame | TooLong | Junk]:
        """Everything that is complete with these bytes, in order. The iterator must be used up."""
        self._buffer += data
        while self._buffer:
            if self._inside:
                end = self._buffer.find(END, max(0, self._searched - 1))
                if end < 0:
                    self._searched = len(self._buffer)
                    self._shed()
                    return
                yield self._finish(end)
            else:
                junk = self._enter()
                if junk is not None:
                    yield junk

    def _enter(self) -> Junk | None:
        """Go to behind the next start; what comes before it is junk."""
        start = self._buffer.find(START)
        before = self._buffer[: start if start >= 0 else None]
        del self._buffer[: len(before) + 1]
        self._inside = start >= 0
        size = len(before.translate(None, b"\r\n"))
        return Junk(size) if size else None

    def _shed(self) -> None:
        """Throw away what has come of a frame that is too long; a last FS may be half of its end."""
        keep = 1 if self._buffer.endswith(END[:1]) else 0
        if not self._skipped and len(self._buffer) - keep <= self._limit:
            return
        if not self._skipped:
            self._head = bytes(self._buffer[:HEAD_BYTES])
        self._skipped += len(self._buffer) - keep
        del self._buffer[: len(self._buffer) - keep]
        self._searched = 0

    def _finish(self, end: int) -> Frame | TooLong:
        content = bytes(self._buffer[:end])
        del self._buffer[: end + len(END)]
        head, skipped = self._head, self._skipped
        self._inside, self._searched, self._head, self._skipped = False, 0, b"", 0
        if skipped or len(content) > self._limit:
            return TooLong(head or content[:HEAD_BYTES], skipped + len(content))
        restart = content.rfind(_RESTART)  # the sender broke off and began again
        return Frame(content[restart + 1 :], restart) if restart > 0 else Frame(content)
