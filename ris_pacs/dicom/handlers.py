"""What a slice's `dimse` room implements, and what it is given.

The listener knows sockets, PDUs, presentation contexts and command sets; a handler knows
the practice. A handler sees none of the former: it gets values and returns values.
`bootstrap` puts the handlers of all slices into one `Services` table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from ssl import SSLContext
from typing import BinaryIO, Protocol

from pydicom.dataset import Dataset

# Elements of an answer by tag number, e.g. {0x00100010: "Yamada^Tarou"}. The VR is the dictionary's.
# str, int, float; a list or tuple of them for several values; a list of Elements for a sequence; None
# or "" for an element without value; bytes are written as they are.
Elements = Mapping[int, object]


@dataclass(frozen=True)
class Status:
    """A DIMSE status (PS3.7 Annex C): the code and, for a person at the other end, the comment.

    comment: Error Comment (0000,0902), at most 64 characters are sent.
    offending: tags for Offending Element (0000,0901).
    """

    code: int
    comment: str = ""
    offending: tuple[int, ...] = ()


SUCCESS = Status(0x0000)
PENDING = Status(0xFF00)
CANCELLED = Status(0xFE00)


class Rejection(IntEnum):
    """Reasons of A-ASSOCIATE-RJ, source 1 "service user" (PS3.8 9.3.4)."""

    NO_REASON = 1
    APPLICATION_CONTEXT = 2
    CALLING_AE = 3
    CALLED_AE = 7


class TransientRejection(IntEnum):
    """Reasons of A-ASSOCIATE-RJ, result 2 "transient", source 3 "presentation" (PS3.8 9.3.4)."""

    CONGESTION = 1
    LOCAL_LIMIT = 2


@dataclass(frozen=True)
class Caller:
    """Who asks for an association, before it is admitted. Titles are stripped of spaces."""

    calling: str
    called: str
    address: str
    implementation_uid: str = ""
    implementation_version: str = ""


@dataclass(frozen=True)
class Device:
    """The registered device behind an admitted association, as the catalogue knows it.

    character_sets: the defined terms that it can read, best first ("ISO_IR 192"); empty: what it asks in.
    actor: the kernel's Actor that its actions are recorded under (opaque to the listener).
    """

    id: int
    ae_title: str
    character_sets: tuple[str, ...] = ()
    actor: object = None


Admission = Device | Rejection | TransientRejection
Lookup = Callable[[Caller], Admission]


@dataclass(frozen=True)
class Association:
    """An established association, as handlers see it.

    id: unique among all processes; in logs and audit rows.
    ended: true once it was released, aborted or cut; long work looks at it and stops.
    """

    id: str
    caller: Caller
    device: Device
    ended: Callable[[], bool]


@dataclass(frozen=True)
class StoreRequest:
    """A C-STORE-RQ before its data set has come (PS3.7 9.1.1)."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    move_originator: str = ""


class StoreSink(Protocol):
    """Where the data set of one C-STORE goes, fragment by fragment, encoded as received."""

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes. The memory is used again after the call."""

    def finish(self) -> Status:
        """All bytes are here. Returns once file and row are durable, or says why not.

        Whatever happens in it, discard() is not called after it: only finish() knows how far it came.
        """

    def discard(self) -> None:
        """The association ended in the middle, or write() failed: leave nothing behind."""


class StoreHandler(Protocol):
    def receive(self, request: StoreRequest, association: Association) -> StoreSink | Status:
        """A sink, or the status to answer once the data set has been read and thrown away."""


@dataclass(frozen=True)
class FindRequest:
    """A C-FIND-RQ.

    cancelled: true after a C-CANCEL-RQ; the listener itself answers 0xFE00 then.
    extended: the extended negotiation agreed for this SOP class (PS3.4 C.5.1.1: relational, date-time,
        fuzzy names, time zone, one byte each); empty where none was asked for.
    """

    sop_class_uid: str
    identifier: Dataset
    cancelled: Callable[[], bool]
    extended: bytes = b""


@dataclass(frozen=True)
class Match:
    """One pending answer. Text is encoded in `character_set`, a value of (0008,0005); () is ASCII."""

    elements: Elements
    character_set: tuple[str, ...] = ()
    status: Status = PENDING


class FindHandler(Protocol):
    def find(self, request: FindRequest, association: Association) -> Iterator[Match]:
        """Every match. A DimseFailure raised before or between them ends with its status."""


@dataclass(frozen=True)
class RetrieveRequest:
    """A C-MOVE-RQ (destination set) or C-GET-RQ (destination None). extended: as in FindRequest."""

    sop_class_uid: str
    identifier: Dataset
    destination: str | None
    cancelled: Callable[[], bool]
    extended: bytes = b""


@dataclass(frozen=True)
class StoredFile:
    """A DICOM file to send: `offset` is where the data set begins behind the file meta information."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    path: Path
    offset: int


@dataclass(frozen=True)
class Destination:
    """Where we send. tls: the context to encrypt with; None sends in the clear."""

    ae_title: str
    host: str
    port: int
    tls: SSLContext | None = None


@dataclass(frozen=True)
class Retrieval:
    """What to send where. `files` may be any length and is consumed once; `count` is its length."""

    count: int
    files: Iterator[StoredFile]
    destination: Destination | None = None


class RetrieveHandler(Protocol):
    def retrieve(self, request: RetrieveRequest, association: Association) -> Retrieval:
        """Raises DimseFailure (0xA801 for an unknown destination, 0xA900 for a bad identifier …)."""


@dataclass(frozen=True)
class NormalizedRequest:
    """N-CREATE, N-SET, N-ACTION, N-GET, N-DELETE or N-EVENT-REPORT.

    operation: "N-CREATE" and so on. instance_uid is empty for an N-CREATE that leaves it to us.
    """

    operation: str
    sop_class_uid: str
    instance_uid: str
    dataset: Dataset
    type_id: int | None = None
    attributes: tuple[int, ...] = ()


@dataclass(frozen=True)
class NormalizedAnswer:
    status: Status = SUCCESS
    instance_uid: str | None = None
    elements: Elements | None = None
    character_set: tuple[str, ...] = ()


class NormalizedHandler(Protocol):
    def handle(self, request: NormalizedRequest, association: Association) -> NormalizedAnswer: ...


class DimseFailure(Exception):
    """Raised by any handler: becomes the status of the final response."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"0x{status.code:04X} {status.comment}")
        self.status = status


@dataclass
class Services:
    """Which abstract syntax is answered by whom. Filled by `bootstrap`, read by the listener.

    store: None refuses storage; storage_classes: the SOP classes that it takes, and that C-GET gives.
    find, retrieve, normalized: by SOP class UID. C-ECHO is the listener's own.
    extended: by SOP class UID, which flags of its extended negotiation the handler honours (1) or not (0).
    transcode: a file's data set in another transfer syntax, without further loss, for a peer that cannot take
        the stored one: an open file that the listener closes; None if it cannot be done. A DomainError says why
        this one object cannot be had. The listener itself goes between uncompressed syntaxes.
    """

    store: StoreHandler | None = None
    storage_classes: frozenset[str] = frozenset()
    find: dict[str, FindHandler] = field(default_factory=dict)
    retrieve: dict[str, RetrieveHandler] = field(default_factory=dict)
    normalized: dict[str, NormalizedHandler] = field(default_factory=dict)
    extended: dict[str, bytes] = field(default_factory=dict)
    transcode: Callable[[Path, str], BinaryIO | None] | None = None
