"""Reading a multipart/related body as it comes (RFC 2387, RFC 2046 5.1): each part is a file up to its boundary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from werkzeug.exceptions import BadRequest

WINDOW = 1 << 18
LONGEST_HEAD = 8192


class Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class PartFile:
    """The body of one part. kind: its Content-Type in lower case, without parameters."""

    def __init__(self, reader: _Reader, kind: str) -> None:
        self._reader = reader
        self.kind = kind

    def read(self, count: int, /) -> bytes:
        """As many bytes, fewer only at the end of the part. Raises BadRequest when the body ends before."""
        pieces = []
        while count > 0 and (piece := self._reader.read_body(count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)


def parts_of(stream: Stream, boundary: str) -> Iterator[PartFile]:
    """Each part in turn; what was not read of one is passed over. Raises BadRequest for a body that is cut or wrong."""
    reader = _Reader(stream, b"\r\n--" + boundary.encode("latin-1"))
    while reader.next_part():
        part = PartFile(reader, reader.head())
        yield part
        while part.read(WINDOW):
            pass


class _Reader:
    def __init__(self, stream: Stream, delimiter: bytes) -> None:
        self._stream = stream
        self._delimiter = delimiter
        # A body may begin with its boundary: as if a line had ended before it.
        self._window = bytearray(b"\r\n")
        self._ended = False

    def _fill(self, least: int) -> None:
        while not self._ended and len(self._window) < least:
            piece = self._stream.read(WINDOW)
            self._ended = not piece
            self._window += piece

    def read_body(self, count: int) -> bytes:
        """Up to `count` bytes before the next delimiter; b"" when it is there."""
        self._fill(min(count, WINDOW) + len(self._delimiter))
        end = self._window.find(self._delimiter)
        if end < 0:
            if self._ended:
                raise BadRequest("The body ends in the middle of a part.")
            end = len(self._window) - len(self._delimiter) + 1
        piece = bytes(self._window[: min(count, end)])
        del self._window[: len(piece)]
        return piece

    def next_part(self) -> bool:
        """Go behind the next delimiter; False at the last one."""
        while self.read_body(WINDOW):
            pass
        del self._window[: len(self._delimiter)]
        self._fill(2)
        return self._window[:2] != b"--"

    def head(self) -> str:
        """Pass the header lines of a part; its Content-Type."""
        while (end := self._window.find(b"\r\n\r\n")) < 0:
            if self._ended or len(self._window) > LONGEST_HEAD:
                raise BadRequest("A part has no end of its header.")
            self._fill(len(self._window) + 1)
        lines = bytes(self._window[:end]).decode("latin-1").split("\r\n")
        # The empty line ends a header that has lines; the line break before it stays when it has none.
        del self._window[: end + 4]
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                return value.partition(";")[0].strip().lower()
        return ""
