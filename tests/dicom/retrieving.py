"""What the tests of C-MOVE and C-GET share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from ris_pacs.dicom.handlers import (
    Admission,
    Caller,
    Destination,
    Retrieval,
    Services,
    StoredFile,
)

from .peers import (
    CT,
    STUDY_GET,
    STUDY_MOVE,
    MemoryStore,
    Retriever,
    Running,
    anyone,
    listening,
)

MR = str(MRImageStorage)
LITTLE, IMPLICIT, BIG = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian)


def source(retriever: Retriever, **options: object) -> Services:
    return Services(
        storage_classes=frozenset([CT, MR]),
        retrieve={STUDY_MOVE: retriever, STUDY_GET: retriever},
        **options,
    )


def target(store: MemoryStore) -> Services:
    return Services(store=store, storage_classes=frozenset([CT, MR]))


def sending(files: list[StoredFile], port: int | None = None) -> Retriever:
    destination = Destination("TARGET", "127.0.0.1", port) if port else None
    return Retriever(lambda request: Retrieval(len(files), iter(files), destination))


class Peer:
    """pynetdicom as the one who retrieves: every response's status and counts."""

    def __init__(self, running: Running, *, get_classes: tuple[str, ...] = (), syntax: str = LITTLE) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.on_store: Callable[[], None] = lambda: None
        entity = AE("WORKSTATION")
        entity.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
        entity.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
        for uid in get_classes:
            entity.add_requested_context(uid, syntax)
        self.association = entity.associate(
            "127.0.0.1",
            running.port,
            ae_title="RISPACS",
            ext_neg=[build_role(uid, scp_role=True) for uid in get_classes],
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
        )
        assert self.association.is_established

    def _store(self, event: evt.Event) -> int:
        self.on_store()
        self.received.append((event.request.AffectedSOPInstanceUID, event.request.DataSet.getvalue()))
        return 0

    def move(self) -> list[tuple[Dataset, Dataset | None]]:
        model = StudyRootQueryRetrieveInformationModelMove
        return list(self.association.send_c_move(self.identifier(), "TARGET", model, msg_id=7))

    def get(self) -> list[tuple[Dataset, Dataset | None]]:
        return list(self.association.send_c_get(self.identifier(), StudyRootQueryRetrieveInformationModelGet, msg_id=7))

    @staticmethod
    def identifier() -> Dataset:
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", "1.2.3"
        return identifier

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.association.release()


@contextmanager
def moving(
    files: list[StoredFile],
    store: MemoryStore,
    *,
    classes: tuple[str, ...] = (CT, MR),
    lookup: Callable[[Caller], Admission] = anyone,
) -> Iterator[tuple[Peer, Running]]:
    """A peer that can move these files to a second server with that store."""
    with (
        listening(Services(store=store, storage_classes=frozenset(classes)), lookup) as there,
        listening(source(sending(files, there.port))) as here,
        Peer(here) as peer,
    ):
        yield peer, there


def counts(status: Dataset) -> tuple[int, int | None, int, int, int]:
    """Status; remaining, completed, failed, warning."""
    return (
        status.Status,
        status.get("NumberOfRemainingSuboperations"),
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def swapped(pixels: bytes) -> bytes:
    return b"".join(pixels[n : n + 2][::-1] for n in range(0, len(pixels), 2))


def part_10(raw: bytes, syntax: str) -> bytes:
    """A file around a data set as it came off the network."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    length = b"\x02\0\0\0UL\4\0" + len(element).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + element + raw
