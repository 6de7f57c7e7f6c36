"""Bytes of an encoded data set by position, wherever they lie, a window at a time."""

from __future__ import annotations

import os
import zlib
from typing import Protocol

WINDOW = 64 * 1024
_MOST_INFLATED = 1 << 32


class Source(Protocol):
    """size: how long the data set is, None if that is not known before its end was reached."""

    size: int | None

    def read(self, position: int, count: int) -> bytes:
        """`count` bytes from there, or more if they are at hand; fewer only at the end."""


class MemorySource:
    """A whole data set, or a prefix of one that is `size` bytes long."""

    def __init__(self, data: bytes | bytearray | memoryview, size: int | None = None) -> None:
        self._view = memoryview(data).cast("B")
        self._whole = data if isinstance(data, bytes) else None
        self.size: int | None = len(self._view) if size is None else size

    def read(self, position: int, count: int) -> bytes:
        if position == 0 and self._whole is not None:
            return self._whole
        # A slice of a memoryview does not copy; bytes() does.
        return bytes(self._view[position : position + count])


class FileSource:
    """An open file from `offset` on."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self.size: int | None = max(0, os.fstat(descriptor).st_size - offset)

    def read(self, position: int, count: int) -> bytes:
        return os.pread(self._descriptor, count, self._offset + position)


class InflatedSource:
    """A deflated data set (PS3.5 A.5), inflated as it is read.

    Going back is possible by starting again. What inflates to more than 4 GiB is taken to end there.
    """

    def __init__(self, packed: Source) -> None:
        self._packed = packed
        self.size: int | None = None
        self._restart()

    def read(self, position: int, count: int) -> bytes:
        if position < self._start:
            self._restart()
        while position + count > self._start + len(self._held) and self._more():
            spare = min(position - self._start, len(self._held))
            if spare > WINDOW:
                del self._held[:spare]
                self._start += spare
        begin = position - self._start
        return bytes(self._held[begin : begin + count]) if begin >= 0 else b""

    def _restart(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._taken = 0
        self._start = 0
        self._held = bytearray()

    def _more(self) -> bool:
        """Inflate the next piece; false at the end, where the stream is broken or where it is a bomb."""
        if self._inflater.eof or self._start + len(self._held) > _MOST_INFLATED:
            return self._ended()
        packed = self._inflater.unconsumed_tail
        if not packed and (self._packed.size is None or self._taken < self._packed.size):
            packed = self._packed.read(self._taken, WINDOW)[:WINDOW]
            self._taken += len(packed)
        try:
            piece = self._inflater.decompress(packed, WINDOW)
        except zlib.error:
            return self._ended()
        self._held += piece
        return bool(packed or piece) or self._ended()

    def _ended(self) -> bool:
        cut = self._packed.size is not None and self._taken < self._packed.size and not self._inflater.eof
        self.size = _MOST_INFLATED if cut else self._start + len(self._held)
        return False
