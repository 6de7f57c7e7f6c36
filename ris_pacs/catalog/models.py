"""What a practice has: sites, rooms, devices, partners, procedures, doctors, codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.kernel.db import Base, HasId, Json, UtcDateTime


class Issuer(HasId, Base):
    """An assigning authority (HL7 HD; DICOM (0010,0021), (0010,0024), (0008,0051)).

    ours: numbers of this issuer are given out by this installation.
    """

    __tablename__ = "issuer"

    namespace: Mapped[str] = mapped_column(String(64), unique=True)
    universal_id: Mapped[str] = mapped_column(String(128), default="")
    universal_id_type: Mapped[str] = mapped_column(String(16), default="")
    ours: Mapped[bool] = mapped_column(default=False)


class Site(HasId, Base):
    """A place with its own door. zone: IANA name. The prefixes stand before the numbers that we give out."""

    __tablename__ = "site"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    zone: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(300), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    patient_issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    accession_issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    mrn_prefix: Mapped[str] = mapped_column(String(4), default="M")
    accession_prefix: Mapped[str] = mapped_column(String(6), default="")

    patient_issuer: Mapped[Issuer] = relationship(foreign_keys=[patient_issuer_id])
    accession_issuer: Mapped[Issuer] = relationship(foreign_keys=[accession_issuer_id])


class Resource(HasId, Base):
    """Something that can be booked: a room, a person, equipment. position orders the calendar's columns."""

    __tablename__ = "resource"

    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(16), default="")
    position: Mapped[int] = mapped_column(default=0)

    site: Mapped[Site] = relationship()
    hours: Mapped[list[ResourceHours]] = relationship(
        back_populates="resource", order_by="ResourceHours.id", cascade="all, delete-orphan"
    )

    __table_args__ = (
        UniqueConstraint("site_id", "name"),
        CheckConstraint("kind IN ('room', 'person', 'equipment')", name="kind"),
    )


class ResourceHours(HasId, Base):
    """Weekly hours in minutes after local midnight. weekday: 0 Monday … 6 Sunday. label: what a closed time is."""

    __tablename__ = "resource_hours"

    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"), index=True)
    weekday: Mapped[int]
    begins: Mapped[int]
    ends: Mapped[int]
    open: Mapped[bool]
    label: Mapped[str] = mapped_column(String(40), default="")

    resource: Mapped[Resource] = relationship(back_populates="hours")

    __table_args__ = (
        CheckConstraint("begins >= 0 AND begins < ends AND ends <= 1440", name="span"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
    )


class Device(HasId, Base):
    """A DICOM application entity that we know.

    modality: (0008,0060) of what it makes; empty for workstations and archives.
    host and port: where it listens, for C-MOVE and Storage Commitment reports; tls: what we send there goes over
    TLS only; address_check: refuse associations from another address. character_sets: defined terms it can read,
    best first; empty: as asked.
    quiet_minutes: without MPPS, an exam counts as performed after this long without a new image.
    """

    __tablename__ = "device"

    ae_title: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    modality: Mapped[str] = mapped_column(String(16), default="")
    room_id: Mapped[int | None] = mapped_column(ForeignKey("resource.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    host: Mapped[str] = mapped_column(String(200), default="")
    port: Mapped[int | None]
    address_check: Mapped[bool] = mapped_column(default=False)
    tls: Mapped[bool] = mapped_column(default=False, server_default=false())
    character_sets: Mapped[Any] = mapped_column(Json, default=list)
    zone: Mapped[str] = mapped_column(String(64), default="")
    patient_issuer_id: Mapped[int | None] = mapped_column(ForeignKey("issuer.id"))
    sends_mpps: Mapped[bool] = mapped_column(default=False)
    quiet_minutes: Mapped[int] = mapped_column(default=10)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    room: Mapped[Resource | None] = relationship()
    site: Mapped[Site | None] = relationship()

    __table_args__ = (Index("ix_device_room", "room_id"),)


class UnknownCaller(HasId, Base):
    """A calling AE title that was refused, for the page where one click registers it."""

    __tablename__ = "unknown_caller"

    calling: Mapped[str] = mapped_column(String(16))
    called: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(64))
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    times: Mapped[int] = mapped_column(default=1)

    __table_args__ = (UniqueConstraint("calling", "called", "address"),)


class Partner(HasId, Base):
    """A system that sends or takes HL7 messages: MSH-3 and MSH-4 of what it sends.

    order_ids_from_obr: OBR-18 and ZDS-1 of its orders count as accession number and Study Instance UID.
    time_is_wish: a time in its orders is a wish; otherwise it books.
    host and port: where its MLLP listener is, for order states that we send; empty: none are sent.
    """

    __tablename__ = "partner"

    application: Mapped[str] = mapped_column(String(64))
    facility: Mapped[str] = mapped_column(String(64))
    zone: Mapped[str] = mapped_column(String(64))
    character_set: Mapped[str] = mapped_column(String(32), default="")
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    patient_issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    order_issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    order_ids_from_obr: Mapped[bool] = mapped_column(default=False)
    time_is_wish: Mapped[bool] = mapped_column(default=False)
    host: Mapped[str] = mapped_column(String(200), default="")
    port: Mapped[int | None]

    site: Mapped[Site] = relationship()
    patient_issuer: Mapped[Issuer] = relationship(foreign_keys=[patient_issuer_id])
    order_issuer: Mapped[Issuer] = relationship(foreign_keys=[order_issuer_id])

    __table_args__ = (UniqueConstraint("application", "facility"),)


class Procedure(HasId, Base):
    """An entry of the procedure catalogue.

    code, scheme: as in (0032,1064) Requested Procedure Code Sequence; the starting catalogue's scheme is "99RISPACS".
    laterality: "" not applicable, "paired" a side must be named.
    folded: name, code and body part as people search them.
    """

    __tablename__ = "procedure"

    code: Mapped[str] = mapped_column(String(16))
    scheme: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(16))
    body_part: Mapped[str] = mapped_column(String(16), default="")
    region: Mapped[str] = mapped_column(String(16), default="")
    laterality: Mapped[str] = mapped_column(String(8), default="")
    contrast: Mapped[bool] = mapped_column(default=False)
    minutes: Mapped[int]
    preparation: Mapped[str] = mapped_column(Text, default="")
    folded: Mapped[str] = mapped_column(String(200))
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("scheme", "code"),
        CheckConstraint("laterality IN ('', 'paired')", name="laterality"),
        CheckConstraint("minutes BETWEEN 5 AND 720", name="minutes"),
    )


class Practitioner(HasId, Base):
    """A doctor who refers. npi: National Provider Identifier with its check digit, or empty."""

    __tablename__ = "practitioner"

    npi: Mapped[str | None] = mapped_column(String(10), unique=True)
    family: Mapped[str] = mapped_column(String(64))
    given: Mapped[str] = mapped_column(String(64), default="")
    suffix: Mapped[str] = mapped_column(String(32), default="")
    practice: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    folded: Mapped[str] = mapped_column(String(300), index=True)


class DiagnosisCode(Base):
    """ICD-10-CM. billable: a valid code of the current year, not a heading."""

    __tablename__ = "diagnosis_code"

    code: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(300))
    folded: Mapped[str] = mapped_column(String(320))
    billable: Mapped[bool]


class Payer(HasId, Base):
    """Who pays for patients: an insurer, a public programme.

    identifier: what the payer calls itself in claims (X12 NM109 with qualifier PI). filing_indicator: X12 SBR09.
    receiver_name, receiver_id: who takes the files, the payer or its clearing house (ISA08, 1000B); payers with one
    receiver share a file. filing_days: how long after the service a claim may come; none: no limit known.
    authorised_modalities: for which an authorisation number is asked, as ["CT", "MR"].
    side_required: paired body parts need RT, LT or 50.
    replaces: takes corrected claims (CLM05-3 7), not only originals.
    """

    __tablename__ = "payer"

    name: Mapped[str] = mapped_column(String(60), unique=True)
    identifier: Mapped[str] = mapped_column(String(20))
    filing_indicator: Mapped[str] = mapped_column(String(2), default="CI")
    receiver_name: Mapped[str] = mapped_column(String(60))
    receiver_id: Mapped[str] = mapped_column(String(15))
    filing_days: Mapped[int | None]
    authorised_modalities: Mapped[Any] = mapped_column(Json, default=list)
    side_required: Mapped[bool] = mapped_column(default=True)
    replaces: Mapped[bool] = mapped_column(default=True)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
