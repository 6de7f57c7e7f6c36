"""Drawing the demo practice's pictures, in processes of their own so that the database need not wait."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import get_context
from types import TracebackType
from zlib import crc32

from pydicom import Dataset, dcmwrite

from ris_pacs.archive.service.receive import Reception, Source
from ris_pacs.archive.service.store import ReceivedObject
from ris_pacs.imaging.phantoms.exam import acquire, variant_for
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel.blobs import open_store

# How many objects an exam of this kind has, so that a day of them fits a small disk and half a minute.
IMAGES = {"CT": 20, "MR": 24, "PT": 24, "ES": 4}
FEWER = {"CT": 12, "MR": 12, "PT": 16, "ES": 3}
_PREAMBLE = 132


@dataclass(frozen=True)
class Picture:
    """One exam to draw. fewer: it is an old one."""

    subject: Subject
    modality: str
    body_part: str
    seed: str
    device_id: int | None
    fewer: bool = False


class Painter:
    """Draws in the background; leave the `with` block when everything drawn has been filed."""

    def __init__(self, storage_url: str) -> None:
        self._storage_url = storage_url
        spawn = get_context("spawn")
        self._pools = [ProcessPoolExecutor(1, mp_context=spawn) for _ in range(min(4, os.cpu_count() or 1))]

    def paint(self, picture: Picture) -> Future[list[ReceivedObject]]:
        """A process keeps the bodies that it has drawn: exams of one kind go to one process."""
        kind = f"{picture.modality} {picture.body_part}"
        return self._pools[crc32(kind.encode()) % len(self._pools)].submit(draw, self._storage_url, picture)

    def __enter__(self) -> Painter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)


def draw(storage_url: str, picture: Picture) -> list[ReceivedObject]:
    """The exam's objects, each durable in the archive under its key, to be filed."""
    blobs = open_store(storage_url)
    source = Source(picture.subject.station_ae, picture.device_id, picture.subject.station_ae)
    received = []
    for data_set in objects(picture):
        meta = data_set.file_meta
        reception = Reception(
            blobs, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID, source
        )
        file = BytesIO()
        dcmwrite(file, data_set, enforce_file_format=True)
        whole = file.getbuffer()
        # Behind the preamble stands group 0002, whose length its first element tells (PS3.10 7.1).
        length = int.from_bytes(whole[_PREAMBLE + 8 : _PREAMBLE + 12], "little")
        reception.write(whole[_PREAMBLE + 12 + length :])
        received.append(reception.finish())
    return received


def objects(picture: Picture) -> Iterator[Dataset]:
    counts = FEWER if picture.fewer else IMAGES
    yield from acquire(
        picture.modality,
        variant_for(picture.modality, picture.body_part),
        picture.subject,
        uid=seeded_uids(picture.seed),
        seed=int.from_bytes(hashlib.sha256(picture.seed.encode()).digest()[:4]),
        images=counts.get(picture.modality),
    )


def seeded_uids(seed: str) -> Callable[[], str]:
    """UIDs under 2.25 (PS3.5 B.2) that are the same for the same seed."""
    count = 0

    def mint() -> str:
        nonlocal count
        count += 1
        digest = hashlib.sha256(f"ris-pacs demo {seed} {count}".encode()).digest()
        return f"2.25.{int.from_bytes(digest[:15])}"

    return mint
