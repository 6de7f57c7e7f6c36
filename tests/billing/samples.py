"""A claim as values, changed by tests; and remittances as payers write them, with counts that agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ris_pacs.billing.rules.claims import Claim, Coverage, Diagnosis, Doctor, Entity, Line, Payer, Person

DAY = date(2026, 11, 24)
ENTITY = Entity(
    1, "Meridian Imaging", "1234567893", "123456789", "261QR0200X", "12 Mill Lane", "Springfield", "MA", "011011234",
    "Marion Achebe", "(555) 010-0100", "MERIDIAN", "MQ123456",
)  # fmt: skip
PAYER = Payer(1, "Northwind PPO", "NW001", "12", "Clearwater Exchange", "CLEARWATER", 90, ("MR",))
CARLA = Person("Bergamaschi", "Carla", "", "", "1971-09-22", "F", "1 Elm Street", "Springfield", "MA", "01101")
CARD = Coverage(1, PAYER, "NW-4410287", "G77", "18", CARLA)
SPOUSE = Person("Bergamaschi", "Ugo", "", "", "1969-02-01", "M", "1 Elm Street", "Springfield", "MA", "01101-4321")
LINE = Line(101, "global", "X2010", ("RT",), 1, 90_000, (1, 2))
CLAIM = Claim(
    id=1,
    number="C00000001",
    state="claim-ready",
    patient_id=3,
    patient=CARLA,
    accession_number="MI26000001",
    title="MR knee right",
    modality="MR",
    laterality="R",
    paired=True,
    service_day=date(2026, 11, 21),
    place_of_service="11",
    frequency="1",
    payer_claim_number="",
    authorisation="A-77",
    held="",
    entity=ENTITY,
    coverage=CARD,
    referring=Doctor(1, "Achterfeld", "Lena", "1234567893"),
    rendering=Doctor(1, "Solberg", "Ingrid", "1234567133", "2085R0202X"),
    diagnoses=(Diagnosis("M25.561"), Diagnosis("R93.6")),
    lines=(LINE,),
)


def remittance(*body: str, total: str = "800", trace: str = "TR1001", isa: str = "*:~", payer: str = "NW001") -> bytes:
    """An 835 around these segments (CLP … PLB); isa: element, component and segment delimiter."""
    element, component, terminator = isa
    inner = [
        f"BPR*I*{total}*C*ACH*CCP*01*999999999*DA*123456*1512345678**01*999988880*DA*98765*20261201",
        f"TRN*1*{trace}*1512345678",
        "DTM*405*20261130",
        f"N1*PR*NORTHWIND PPO*XV*{payer}",
        "N3*1 NORTH WIND WAY",
        "N4*BOSTON*MA*02101",
        "PER*BL*PROVIDER LINE*TE*8005550100",
        "N1*PE*MERIDIAN IMAGING*XX*1234567893",
        "LX*1",
        *body,
    ]
    segments = ["ST*835*0001*005010X221A1", *inner, f"SE*{len(inner) + 2}*0001"]
    whole = [
        "ISA*00*          *00*          *ZZ*NORTHWIND      *ZZ*MERIDIAN       *261201*0830*^*00501*000000777*0*P*:",
        "GS*HP*NORTHWIND*MERIDIAN*20261201*0830*777*X*005010X221A1",
        *segments,
        "GE*1*777",
        "IEA*1*000000777",
    ]
    text = f"{terminator}".join(whole) + terminator
    return text.replace("*", element).replace(":", component).encode()


def paid(number: str, charged: str, paid: str, contract: str, share: str, code: str = "X1010") -> list[str]:
    """A claim of one line: paid, less a contract's adjustment and the patient's share."""
    return [
        f"CLP*{number}*1*{charged}*{paid}*{share}*12*ICN{number}*11*1",
        "NM1*QC*1*OKONKWO*AMARA****MI*NW-4410287",
        f"SVC*HC:{code}*{charged}*{paid}**1",
        "DTM*472*20261124",
        f"CAS*CO*45*{contract}",
        f"CAS*PR*2*{share}",
        "AMT*B6*500",
    ]


def denied(number: str, charged: str, code: str = "X1010") -> list[str]:
    return [
        f"CLP*{number}*4*{charged}*0**12*ICN{number}*11*1",
        "NM1*QC*1*OKONKWO*AMARA****MI*NW-4410287",
        f"SVC*HC:{code}*{charged}*0**1",
        "DTM*472*20261124",
        f"CAS*CO*197*{charged}",
    ]


def changed(segments: bytes, *pairs: tuple[str, str]) -> bytes:
    text = segments.decode()
    for before, after in pairs:
        assert before in text, before
        text = text.replace(before, after)
    return text.encode()


def segments_of(content: bytes, name: str) -> list[Sequence[str]]:
    """Of a file of ours, the elements of each segment of this name."""
    found = [piece.strip().split("*") for piece in content.decode("ascii").split("~")]
    return [one for one in found if one[0] == name]


def anything(**facts: Any) -> dict[str, Any]:
    return facts
