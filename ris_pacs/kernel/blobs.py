"""The object store: bytes under keys, whole or not at all.

A key is a relative path of safe characters, derived from UIDs ("1f/1.2.840…/1.2.840….3fa9.dcm").
An object is written in two steps:

    incoming = store.incoming()     a temporary file in the same file system
    incoming.write(…); incoming.finish()    its bytes are durable
    store.place(incoming, key)      it has its name, durably, unless another has it already

An object store over HTTP does all of it in `place` (one PUT).
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ris_pacs.kernel.errors import Missing, StorageFull

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STALE_SECONDS = 24 * 3600
_MOST_REMEMBERED = 10_000  # folders that are known to be durable


class Incoming:
    """A temporary file being filled."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)

    def write(self, data: bytes | memoryview) -> None:
        """Raises StorageFull."""
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._fd, view)
                view = view[written:]
                self.size += written
        except OSError as problem:
            raise _plain(problem) from problem

    def finish(self) -> None:
        """Returns when the bytes would survive a power cut; harmless when called again. Raises StorageFull."""
        if self._fd < 0:
            return
        try:
            os.fdatasync(self._fd)
        except OSError as problem:
            raise _plain(problem) from problem
        finally:
            self._close()

    def discard(self) -> None:
        """Leave nothing behind; harmless after `finish` and after `place`."""
        self._close()
        Path(self.path).unlink(missing_ok=True)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class BlobStore(Protocol):
    def incoming(self) -> Incoming: ...
    def place(self, incoming: Incoming, key: str) -> bool: ...
    def open(self, key: str) -> BinaryIO: ...
    def path(self, key: str) -> Path: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def walk(self) -> Iterator[str]: ...
    def free_bytes(self) -> int: ...


def open_store(url: str) -> BlobStore:
    """url: "file://" and an absolute folder, which is prepared."""
    store = FolderStore(Path(url.removeprefix("file://")))
    store.prepare()
    return store


class FolderStore:
    """Objects as files under `root/objects`; temporary ones under `root/incoming`."""

    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        self._names = _names()
        self._durable_folders: set[str] = set()

    def prepare(self) -> None:
        """Make the folders; sweep temporary files that a dead process left a day ago or more."""
        for folder in (self._objects, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        limit = time.time() - _STALE_SECONDS
        for path in self._incoming.iterdir():
            if path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)

    def incoming(self) -> Incoming:
        try:
            return Incoming(f"{self._incoming}/{next(self._names)}")
        except OSError as problem:
            raise _plain(problem) from problem

    def place(self, incoming: Incoming, key: str) -> bool:
        """The name is durable. False when it is taken: what stands there is never replaced, the incoming file stays."""
        target = self._where(key)
        folder = _folder_of(target)
        try:
            if folder not in self._durable_folders:
                Path(folder).mkdir(parents=True, exist_ok=True)
            os.link(incoming.path, target)  # A rename would replace what stands there.
            Path(incoming.path).unlink()
            placed = True
        except FileExistsError:
            placed = False
        except OSError as problem:
            raise _plain(problem) from problem
        self._sync(folder)
        return placed

    def _sync(self, folder: str) -> None:
        """What the folder holds is durable, and so is the folder's own place in the store."""
        _sync_folder(folder)
        made: list[str] = []
        while folder not in self._durable_folders and folder != str(self._objects):
            made.append(folder)
            folder = _folder_of(folder)
            _sync_folder(folder)
        if len(self._durable_folders) > _MOST_REMEMBERED:
            self._durable_folders.clear()
        self._durable_folders.update(made)  # Only now: another thread relies on it and looks no further.

    def open(self, key: str) -> BinaryIO:
        try:
            return self.path(key).open("rb")
        except FileNotFoundError:
            raise Missing(f"The archive has no object {key}.") from None

    def path(self, key: str) -> Path:
        return Path(self._where(key))

    def _where(self, key: str) -> str:
        if not _KEY.fullmatch(key) or len(key) > 400:
            raise ValueError(f"not an object key: {key!r}")
        return f"{self._objects}/{key}"

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def delete(self, key: str) -> None:
        path = self.path(key)
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            self._durable_folders.discard(str(path.parent))
            path.parent.rmdir()

    def walk(self) -> Iterator[str]:
        for folder, _, names in os.walk(self._objects):
            for name in names:
                yield (Path(folder) / name).relative_to(self._objects).as_posix()

    def free_bytes(self) -> int:
        facts = os.statvfs(self._objects)
        return facts.f_bavail * facts.f_frsize


def _names() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{os.getpid()}-{threading.get_ident():x}-{time.time_ns():x}-{number}"


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _plain(problem: OSError) -> Exception:
    if problem.errno in _NO_ROOM:
        return StorageFull("The archive's disk is full; the object was not stored.")
    return problem
