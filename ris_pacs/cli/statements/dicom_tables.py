"""What the DICOM statement says that no table of the listener says. The tests hold the worklist to its code."""

from __future__ import annotations

_CODE = (
    (0x00080100, ""),
    (0x00080102, "`99RISPACS` for the starting catalogue"),
    (0x00080104, ""),
)
_EMPTY = "empty"

# Tag, content, and the attributes of its items (PS3.4 Table K.6-1).
WORKLIST: tuple[tuple[int, str, tuple[tuple[int, str], ...]], ...] = (
    (
        0x00400100,
        "one item",
        (
            (0x00400001, "all stations of the step"),
            (0x00400002, "by the station's clock, else its site's"),
            (0x00400003, "by the same clock"),
            (0x00080060, ""),
            (0x00400006, _EMPTY),
            (0x00400007, "procedure and side"),
            (0x00400008, "the procedure's code, as below"),
            (0x00400009, ""),
            (0x00400010, "name of the first station"),
            (0x00400011, "room"),
            (0x00400012, _EMPTY),
            (0x00321070, "`contrast`, or empty"),
            (0x00400020, "SCHEDULED, ARRIVED, STARTED"),
            (0x00400400, "protocol, where one is given"),
        ),
    ),
    (0x00401001, "", ()),
    (0x00321060, "procedure and side", ()),
    (0x00321064, "the procedure", _CODE),
    (0x0020000D, "exists from the order on", ()),
    (0x00081110, _EMPTY, ()),
    (0x00401003, "STAT, HIGH, ROUTINE", ()),
    (0x00401002, "the question, else the diagnoses, 64 characters", ()),
    (0x0040100A, "diagnoses, ICD-10-CM", ((0x00080100, ""), (0x00080102, "`I10C`"), (0x00080104, ""))),
    (0x00401004, _EMPTY, ()),
    (0x00401400, "the question", ()),
    (0x00080050, "", ()),
    (0x00080051, "", ((0x00400031, ""), (0x00400032, "where known"), (0x00400033, "where known"))),
    (0x00080090, "", ()),
    (0x00321032, "the referrer", ()),
    (0x00402016, "", ()),
    (0x00402017, "the accession number", ()),
    (0x00402400, _EMPTY, ()),
    (0x00380010, "visit number", ()),
    (0x00380014, "", ((0x00400031, ""),)),
    (0x00380300, "", ()),
    (0x00380008, _EMPTY, ()),
    (0x00100010, "alphabetic, ideographic and phonetic group", ()),
    (0x00100020, "the number that was asked by, else ours, else the first", ()),
    (0x00100021, "", ()),
    (0x00100024, "where known", ((0x00400032, ""), (0x00400033, ""))),
    (0x00101002, "all other numbers", ((0x00100020, ""), (0x00100021, ""), (0x00100022, "TEXT"))),
    (0x00100030, "empty where only the year is known", ()),
    (0x00100040, "", ()),
    (0x00101030, "latest", ()),
    (0x00101020, "latest", ()),
    (0x00102000, "alerts and implants", ()),
    (0x00102110, "", ()),
    (0x001021C0, "", ()),
    (0x00380050, _EMPTY, ()),
    (0x00380500, _EMPTY, ()),
    (0x00403001, _EMPTY, ()),
)

REJECTIONS = (
    ("the called AE title is not ours", "permanent", "service user", "called AE title not recognized"),
    (
        "the calling AE title is not registered, or called from another address where the address is checked",
        "permanent",
        "service user",
        "calling AE title not recognized",
    ),
    ("too many associations", "transient", "presentation", "local limit exceeded"),
)

STORE = (
    ("0000", "durable; also for the same object again, and for another content under a known UID, which is kept aside"),
    ("A700", "no room, or the database is busy; nothing stays, send it again"),
    ("A900", "the SOP class is not that of the presentation context"),
    ("C000", "no readable data set, or its UIDs are missing or not those of the command; kept in quarantine"),
    ("0117", "the SOP Instance UID of the command is none"),
    ("0110", "anything else"),
)

COMMITMENT = (
    ("0112", "no such instance"),
    ("0119", "the instance has another SOP class"),
)

RETRIEVE = (
    ("0000", "all were sent"),
    ("B000", "some were sent; the failed ones are listed"),
    ("A702", "none could be sent"),
    ("A801", "the destination is not known, or has no address"),
    ("A900", "the identifier has no level that the model knows, or not its unique key"),
    ("FE00", "cancelled"),
)

PERFORMED_STEP = (
    ("0000", "kept; what was out of order is shown on the exam"),
    ("0111", "N-CREATE of a UID that is there"),
    ("0112", "N-SET of a UID that is not there"),
    ("0110", "N-SET after COMPLETED or DISCONTINUED"),
    ("0120", "a required attribute is missing: status, Scheduled Step Attributes Sequence"),
    ("0106", "a status that does not exist, or a new step that is not IN PROGRESS"),
    ("0117", "a SOP Instance UID that is none"),
    ("0211", "another operation"),
)

SECURITY = (
    "DICOM over TLS 1.2 and 1.3 with forward secrecy on a port of its own, beside the plain one: the Modified BCP 195 "
    "profile of PS3.15 B.12. Associations that we open are encrypted in the same way to stations that are "
    "registered so, and never go on in the clear: their certificate must come from the authority (else from one "
    "that the machine trusts) and name their host; ours is shown.",
    "With an authority (`RIS_PACS_TLS_CA`) a certificate that a peer shows must come from it. A "
    "peer that shows none is "
    "refused where `RIS_PACS_TLS_CLIENT_CERTIFICATE` is `required`, and let in otherwise.",
    "Only registered AE titles are served, from their address where that is checked.",
    "Queries, retrievals and stored studies leave audit rows. There is no audit message to a repository (PS3.15 A.5).",
)
