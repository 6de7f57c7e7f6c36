"""A signed version as it leaves the house: what a PDF, a message or a stored document has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from ris_pacs.archive.models import Instance, Series, Study
from ris_pacs.archive.rules import object_key
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.person import PersonName
from ris_pacs.orders import queries as orders
from ris_pacs.orders.queries import Order
from ris_pacs.patients.rules import SEXES
from ris_pacs.reporting import queries
from ris_pacs.reporting.models import ReportVersion
from ris_pacs.reporting.rules.states import Kind
from ris_pacs.reporting.rules.text import SECTIONS

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

KIND_WORDS = {
    Kind.PRELIMINARY: "Preliminary report",
    Kind.FINAL: "Report",
    Kind.ADDENDUM: "Report with addendum",
    Kind.CORRECTED: "Corrected report",
    Kind.WITHDRAWN: "Report withdrawn",
}


@dataclass(frozen=True)
class PrintedImage:
    """A key image: where its file is, the frame (from 1), the window to show it with, and what stands below it."""

    object_key: str
    frame: int
    window: tuple[float, float] | None
    caption: str


@dataclass(frozen=True)
class Printed:
    """texts: heading and text of each section that has one. version, of: which of the signed versions it is.

    Names, dates and numbers are those of the version, as they were when it was signed.
    """

    version_id: int
    report_id: int
    kind: str
    heading: str
    exams: tuple[str, ...]
    patient_id: int
    patient: str
    name: PersonName
    born: str
    sex: str
    mrn: str
    mrn_issuer: str
    accession_numbers: tuple[str, ...]
    accession_issuer: str
    referrer: str
    site: str
    site_address: str
    site_phone: str
    zone: ZoneInfo
    texts: tuple[tuple[str, str], ...]
    addenda: Sequence[dict[str, Any]]
    images: tuple[PrintedImage, ...]
    author: str
    author_id: int | None
    reason: str
    signed_at: datetime
    version: int
    of: int
    hash: str
    exam_ids: tuple[int, ...]

    @property
    def withdrawn(self) -> bool:
        return self.kind == Kind.WITHDRAWN

    @property
    def superseded(self) -> bool:
        return self.version < self.of

    @property
    def born_on(self) -> str:
        try:
            return f"{date.fromisoformat(self.born):%d %b %Y}"
        except ValueError:
            return self.born or "not known"

    @property
    def sex_word(self) -> str:
        return SEXES.get(self.sex, self.sex)

    @property
    def signed(self) -> str:
        """With the zone of the site."""
        return f"{self.signed_at.astimezone(self.zone):%d %b %Y, %H:%M %Z}"


def printed(uow: UnitOfWork, version_id: int) -> Printed:
    """For whom the caller has found entitled to see it. Raises NoSuchReport."""
    row = queries.version(uow, version_id)
    versions = queries.signed_versions(uow, row.report_id)
    exam_ids = queries.exams_of_report(uow, row.report_id)
    ordered = tuple(orders.exam_order(uow, one, PROGRAM) for one in exam_ids)
    site, referrer = ordered[0].site, ordered[0].referrer
    identity = row.identity
    name = PersonName.from_dicom(identity["name"])
    assert row.signed_at is not None
    assert row.number is not None
    withdrawn = row.kind == Kind.WITHDRAWN
    return Printed(
        version_id=row.id,
        report_id=row.report_id,
        kind=row.kind,
        heading=KIND_WORDS[Kind(row.kind)],
        exams=tuple(_titles(ordered, exam_ids)),
        patient_id=identity["patient_id"],
        patient=name.shown,
        name=name,
        born=identity["birth_date"],
        sex=identity["sex"],
        mrn=identity["mrn"],
        mrn_issuer=identity["issuer"],
        accession_numbers=tuple(number for number, _ in identity["accession_numbers"]),
        accession_issuer=identity["accession_numbers"][0][1],
        referrer=f"{referrer.given} {referrer.family}".strip() if referrer else "",
        site=site.name,
        site_address=site.address,
        site_phone=site.phone,
        zone=ZoneInfo(site.zone),
        # What was withdrawn is not said again: it was about somebody or something else.
        texts=() if withdrawn else tuple(_texts(row)),
        addenda=[] if withdrawn else row.addenda,
        images=() if withdrawn else tuple(_images(uow, row)),
        author=row.author_name,
        author_id=row.author_id,
        reason=row.reason,
        signed_at=row.signed_at,
        version=row.number,
        of=len(versions),
        hash=row.hash or "",
        exam_ids=tuple(exam_ids),
    )


def _titles(ordered: Sequence[Order], exam_ids: Sequence[int]) -> list[str]:
    wanted = set(exam_ids)
    return [exam.procedure_name for order in ordered for exam in order.exams if exam.id in wanted]


def _texts(row: ReportVersion) -> list[tuple[str, str]]:
    return [(heading, row.sections[key]) for key, heading in SECTIONS.items() if row.sections.get(key)]


def _images(uow: UnitOfWork, row: ReportVersion) -> list[PrintedImage]:
    """Those that the archive still holds."""
    uids = [one["instance"] for one in row.key_images]
    rows = uow.session.execute(
        select(Instance.sop_instance_uid, Instance.digest, Study.study_instance_uid)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Instance.sop_instance_uid.in_(uids))
    )
    keys = {uid: object_key(study, uid, digest) for uid, digest, study in rows}
    return [
        PrintedImage(
            keys[one["instance"]],
            one["frame"],
            (one["window"][0], one["window"][1]) if one["window"] else None,
            one["caption"],
        )
        for one in row.key_images
        if one["instance"] in keys
    ]


def version_by_hash(uow: UnitOfWork, digest: str) -> ReportVersion | None:
    return uow.session.scalar(select(ReportVersion).where(ReportVersion.hash == digest))
