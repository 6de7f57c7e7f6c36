"""What the HL7 profile says that no table of the code says. A test holds the fields to the readers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadField:
    """usage: R, C or O, see the profile."""

    segment: str
    field: int
    usage: str
    words: str


WORK = {
    "ADT^A01": "registers the patient, or brings the record up to what it says",
    "ADT^A04": "as A01",
    "ADT^A05": "as A01",
    "ADT^A08": "as A01",
    "ADT^A28": "as A01",
    "ADT^A31": "as A01",
    "OMG^O19": "orders, by ORC-1",
    "OMI^O23": "orders, by ORC-1",
    "ORM^O01": "orders, by ORC-1",
    "NMQ^N01": "a ping: answered when the database answers, with our clock; kept nowhere, open to anyone",
    "NW": "places; with a time it is booked at once",
    "CA": "cancels; off the worklist at once",
    "DC": "as CA",
    "XO": "changes priority, question, referrer, time; not the procedure",
    "HD": "holds an order that has no time yet",
    "RL": "releases a held order",
}

FIELDS = tuple(
    ReadField(*line)
    for line in (
        ("MSH", 3, "R", "sender: with MSH-4 the name of a registered partner"),
        ("MSH", 4, "R", "see MSH-3"),
        ("MSH", 5, "O", "copied into the answer"),
        ("MSH", 6, "O", "copied into the answer"),
        ("MSH", 9, "R", "message and event"),
        ("MSH", 10, "R", "handled once for each sender"),
        ("MSH", 11, "R", "P, T or D, which make no difference"),
        ("MSH", 12, "R", "version"),
        ("MSH", 15, "O", "enhanced mode"),
        ("MSH", 16, "O", "enhanced mode"),
        ("MSH", 18, "O", "character set; else the partner's, else UTF-8 is tried first"),
        ("PID", 3, "R", "all identifiers with their authority; the partner's own where none is named"),
        ("PID", 5, "R", "names, in up to three scripts"),
        ("PID", 7, "O", "birth date; the year alone will do"),
        ("PID", 8, "O", "F, M, O, U; A and N count as O"),
        ("PID", 11, "O", "the first address"),
        ("PID", 13, "O", "telephone, e-mail"),
        ("PID", 14, "O", "e-mail, where PID-13 has none"),
        ("PID", 15, "O", "language"),
        ("PV1", 2, "O", "patient class; without it outpatient"),
        ("PV1", 3, "O", "location"),
        ("PV1", 8, "O", "referring doctor, where the order names none"),
        ("PV1", 19, "O", "visit number; without it there is no visit"),
        ("AL1", 3, "O", "allergy"),
        ("AL1", 4, "O", "how severe"),
        ("ORC", 1, "R", "order control"),
        ("ORC", 2, "C", "placer's number; finds the order again"),
        ("ORC", 3, "O", "our accession number; finds the order where ORC-2 does not"),
        ("ORC", 7, "O", "component 4: time of the exam, 6: priority"),
        ("ORC", 12, "O", "ordering doctor, where OBR-16 has none"),
        ("ORC", 16, "O", "why it is cancelled or held"),
        ("TQ1", 7, "O", "time of the exam, before all others"),
        ("TQ1", 9, "O", "priority, before all others"),
        ("OBR", 2, "O", "placer's number, where ORC-2 has none"),
        ("OBR", 4, "C", "procedure: code or alternative code, by name of the code system"),
        ("OBR", 5, "O", "priority, the last that counts"),
        ("OBR", 13, "O", "clinical question"),
        ("OBR", 15, "O", "component 5: side, where OBR-45 has none"),
        ("OBR", 16, "O", "ordering doctor with NPI"),
        ("OBR", 18, "O", "accession number, for partners set so"),
        ("OBR", 24, "O", "modality, where IPC-5 has none"),
        ("OBR", 27, "O", "component 4: time, 6: priority"),
        ("OBR", 31, "O", "reason: diagnosis"),
        ("OBR", 36, "O", "time of the exam, the last that counts"),
        ("OBR", 45, "O", "side: RT, LT, 50"),
        ("NTE", 3, "O", "goes on with the question"),
        ("DG1", 3, "O", "diagnosis, ICD-10-CM; other lists are kept as text; at most 12"),
        ("IPC", 1, "O", "accession number: at most 16 characters, no control character, no backslash"),
        ("IPC", 3, "O", "Study Instance UID"),
        ("IPC", 5, "O", "modality, where IPC-9 names no station"),
        ("IPC", 9, "O", "AE title of the station to book"),
        ("ZDS", 1, "O", "Study Instance UID, for partners set so"),
    )
)

RULES = (
    'A field that is absent leaves what is known as it is; `""` deletes it (birth date, sex, '
    "address, phone, language).",
    "Priority: S, ST, STAT are now; A, ASAP, U, UR are urgent; everything else is routine.",
    "A time without an offset is on the partner's clock. A date alone is no time.",
    "An order that names its time and a known station, or a modality with one station, is booked, "
    "over a taken slot too "
    '(overbooked, "time set by EMR"). Otherwise it waits for a time and says why. For a partner '
    "set so, a time is a wish.",
    "A message is done whole or not at all, however many orders it has.",
    "An order never changes the patient's record. Where the number is known, but name and birth date are both another "
    "person's, it is answered AE.",
    "The accession number or Study Instance UID of another patient's order is answered AE.",
    "The same MSH-10 with the same content gets the same answer again and does nothing; with other content it gets AE, "
    "condition 205. A message that was refused may be sent again under its MSH-10.",
)

SENT = (
    ("PID", "1, 3, 5, 7, 8"),
    ("ORC", "1, 2, 3, 5"),
    ("OBR", "1, 2, 3, 4, 18"),
)
