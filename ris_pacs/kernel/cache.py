"""What can be made again, kept in a folder of this machine."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path


def kept_or_made(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes that are kept under this name; else they are made, and kept if there is room.

    The name has to say everything that the bytes depend on: what is kept is never looked at again.
    """
    with contextlib.suppress(OSError):
        return path.read_bytes()
    made = make()
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(made)
        fresh.rename(path)
    except OSError:  # A full disk costs time, not the answer.
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    return made
