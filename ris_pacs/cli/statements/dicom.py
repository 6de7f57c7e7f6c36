"""The DICOM conformance statement, in the order of PS3.2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydicom.uid import AllTransferSyntaxes

from ris_pacs.cli.statements import dicom_tables as tables
from ris_pacs.cli.statements.markdown import attribute, table, uid_name
from ris_pacs.dicom.association import Limits
from ris_pacs.dicom.character_sets import defined_terms
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.negotiation import MESSAGE_SYNTAXES, STORAGE_SYNTAXES
from ris_pacs.dicom.pdu import APPLICATION_CONTEXT
from ris_pacs.dicom.sop_classes import MODALITY_WORKLIST, PERFORMED_STEP, STORAGE_COMMITMENT, VERIFICATION
from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

# Tags that an answer of each level may carry; given by bootstrap.
Levels = Mapping[str, Sequence[int]]


def statement(services: Services, levels: Levels) -> Iterator[str]:
    """Lines of Markdown."""
    yield from ("# DICOM conformance statement", "", "Written by `make docs` from what the program registers.", "")
    yield from _overview(services)
    yield from _associations()
    yield from _storage(services)
    yield from _worklist()
    yield from _query(levels)
    yield from _states()
    yield from _media_and_text()
    yield from _security()
    yield from _storage_classes(services)


def _overview(services: Services) -> Iterator[str]:
    yield from (
        "## 1. Overview",
        "",
        "One application entity, `RISPACS` unless it is named otherwise, accepts associations for all services below.",
        "It opens associations of its own to send images (C-MOVE), to report storage commitment and to test a station.",
        "",
    )
    yield from table(("Service", "SOP class", "UID", "SCU", "SCP"), _services(services))
    yield from (
        f"Storage: {len(services.storage_classes)} SOP classes, as SCP and as SCU; section 10 lists them.",
        "",
        "Not offered: Instance Availability Notification, Unified Procedure Step, Print, Relevant Patient",
        "Information Query, the Composite Instance Root models.",
        "",
    )


def _services(services: Services) -> Iterator[tuple[str, str, str, str, str]]:
    yield "C-ECHO", uid_name(VERIFICATION), VERIFICATION, "yes", "yes"
    for uid in sorted(services.find, key=uid_name):
        yield "C-FIND", uid_name(uid), uid, "–", "yes"
    for uid in sorted(services.retrieve, key=uid_name):
        yield "C-GET" if uid_name(uid).endswith("GET") else "C-MOVE", uid_name(uid), uid, "–", "yes"
    operations = {PERFORMED_STEP: "N-CREATE, N-SET", STORAGE_COMMITMENT: "N-ACTION, N-EVENT-REPORT"}
    for uid in sorted(services.normalized, key=uid_name):
        yield operations[uid], uid_name(uid), uid, "–", "yes"


def _associations() -> Iterator[str]:
    limits = Limits()
    yield from ("## 2. Associations", "")
    yield from table(
        ("", ""),
        (
            ("Application context", APPLICATION_CONTEXT),
            ("Implementation Class UID, in associations and stored files", IMPLEMENTATION_CLASS_UID),
            ("Implementation Version Name", IMPLEMENTATION_VERSION),
            ("Largest PDU received", f"{limits.max_pdu:,} bytes"),
            ("Associations at once, in each process", limits.associations),
            ("… of one calling AE title", limits.associations_per_title),
            ("Asynchronous operations window", "1, 1: none"),
            ("Wait for a request on a new connection (ARTIM)", f"{limits.timeouts.artim:.0f} s"),
            ("Silence that ends an association", f"{limits.timeouts.idle:.0f} s"),
            ("Wait for a peer that takes no bytes", f"{limits.timeouts.write:.0f} s"),
            ("User identity", "accepted, not verified and not answered"),
            ("Role selection", "answered; a requestor is SCP of storage classes for C-GET"),
        ),
    )
    yield from ("An association is refused in these cases:", "")
    yield from table(("When", "Result", "Source", "Reason"), tables.REJECTIONS)
    yield from ("Transfer syntaxes of all services but storage, in this order of preference:", "")
    yield from table(("Transfer syntax", "UID"), ((uid_name(uid), uid) for uid in MESSAGE_SYNTAXES))


def _storage(services: Services) -> Iterator[str]:
    yield from (
        "## 3. Storage, storage commitment, retrieval",
        "",
        "Level 2 (full) SCP (PS3.4 B.4.1): all attributes are kept, private ones too, nothing is",
        "coerced. The data set is",
        "kept byte for byte in the transfer syntax in which it came. Success is answered once file",
        "and row are durable.",
        "Of the transfer syntaxes that are proposed for a storage class the first known one is accepted.",
        "",
    )
    yield from table(("Status of C-STORE", "When"), tables.STORE)
    yield from (
        "Storage commitment: N-ACTION is answered at once; the report comes later on an",
        "association of our own, with our",
        "title, to host and port of the station, and is tried again while the station is away. An instance counts as",
        "committed when its row and its file are there.",
        "",
    )
    yield from table(("Failure reason in the report", "When"), tables.COMMITMENT)
    converts = (
        "is decompressed to Explicit or Implicit VR Little Endian where the peer takes nothing else, under the same "
        "SOP Instance UID; JPEG and JPEG 2000 in luminance and chrominance become RGB; films (MPEG, H.26x) "
        "are not decompressed"
        if services.transcode
        else "is sent only as it is stored"
    )
    yield from (
        "C-MOVE and C-GET take the unique key of their level, and relational keys beside it. A",
        "file goes out in its stored",
        "transfer syntax where the peer accepts it. What is stored uncompressed is turned into",
        "another uncompressed transfer",
        f"syntax where the peer needs it; what is stored compressed {converts}. A C-MOVE",
        "destination is a registered station with host and port.",
        "",
    )
    yield from table(("Status of C-MOVE, C-GET", "When"), tables.RETRIEVE)


def _worklist() -> Iterator[str]:
    yield from (
        "## 4. Modality worklist",
        "",
        f"SOP class {uid_name(MODALITY_WORKLIST)}. Every attribute below is a matching key and a",
        "return key: single value,",
        "list, wildcard, range of date, of time and of both, sequence, universal. Names match",
        "without regard to case and",
        "accents in every component group. Without Scheduled Procedure Step Status, what is",
        "scheduled or arrived is listed.",
        "",
    )
    yield from table(("Attribute", "Tag", "Content"), _worklist_rows())
    yield from ("An attribute that is asked for and is not in the table is left out of the answer.", "")


def _worklist_rows() -> Iterator[tuple[str, str, str]]:
    for tag, content, inside in tables.WORKLIST:
        yield (*attribute(tag), content)
        for inner, words in inside:
            name, text = attribute(inner)
            yield f"> {name}", text, words


def _query(levels: Levels) -> Iterator[str]:
    yield from (
        "## 5. Query",
        "",
        "Patient Root and Study Root. Relational queries and combined ranges of date and time are agreed by extended",
        "negotiation; a key of a level above may be left out. Each attribute is a matching key and a return key.",
        "",
    )
    for level, tags in levels.items():
        yield from (f"{level}, in addition to the levels above:" if level != "PATIENT" else "PATIENT:", "")
        yield from table(("Attribute", "Tag"), (attribute(tag) for tag in tags))
    yield from ("Every answer also names the level, Retrieve AE Title (ours) and Instance Availability ONLINE.", "")


def _states() -> Iterator[str]:
    yield from ("## 6. Modality performed procedure step", "")
    yield from table(("Status", "When"), tables.PERFORMED_STEP)
    yield from ("N-GET is not offered.", "")


def _media_and_text() -> Iterator[str]:
    yield from (
        "## 7. Media",
        "",
        "`ris-pacs import` reads any file in the DICOM file format, also from folders, zip archives and media with a",
        "DICOMDIR. Media are not written.",
        "",
        "## 8. Character sets",
        "",
        "What is received is kept as it came. Answers are written in the first set which the",
        "station is registered with,",
        "else in which the query is written, that has all characters; with neither in ASCII, else in ISO_IR 192.",
        "Terms that are written:",
        "",
        ", ".join(defined_terms()),
        "",
    )


def _security() -> Iterator[str]:
    yield from ("## 9. Security", "")
    yield from (f"- {line}" for line in tables.SECURITY)
    yield ""


def _storage_classes(services: Services) -> Iterator[str]:
    yield from ("## 10. Storage SOP classes and transfer syntaxes", "")
    yield from table(
        ("SOP class", "UID"), ((uid_name(uid), uid) for uid in sorted(services.storage_classes, key=uid_name))
    )
    known = [uid for uid in AllTransferSyntaxes if uid in STORAGE_SYNTAXES]
    yield from table(("Transfer syntax of storage", "UID"), ((uid_name(uid), uid) for uid in known))
