"""Forms of the administration."""

from __future__ import annotations

from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ris_pacs.catalog.queries import Device, Partner, Resource, Site
from ris_pacs.catalog.rules import MODALITIES, WEEKDAYS, Hours, hours_text, read_hours
from ris_pacs.catalog.service.devices import DeviceFacts
from ris_pacs.catalog.service.partners import PartnerFacts
from ris_pacs.catalog.service.sites import RoomFacts, SiteFacts
from ris_pacs.kernel.actor import Role
from ris_pacs.web.shell import ROLE_WORDS

CHARACTER_SETS = [
    ("", "As the device asks"),
    ("ISO_IR 192", "Unicode, UTF-8"),
    ("ISO_IR 100", "Latin 1, Western Europe"),
    ("ISO_IR 101", "Latin 2, Central Europe"),
    ("ISO_IR 144", "Cyrillic"),
    ("ISO_IR 126", "Greek"),
    ("ISO_IR 127", "Arabic"),
    ("ISO_IR 138", "Hebrew"),
    ("ISO_IR 148", "Turkish"),
    ("ISO_IR 13", "Japanese, half-width katakana"),
    ("\\ISO 2022 IR 87", "Japanese, kanji"),
    ("\\ISO 2022 IR 149", "Korean"),
    ("GB18030", "Chinese"),
    ("ISO_IR 166", "Thai"),
]

# HL7 table 0211, for partners whose messages do not say it in MSH-18.
MESSAGE_CHARACTER_SETS = [
    ("", "As each message says, else UTF-8"),
    ("UNICODE UTF-8", "Unicode, UTF-8"),
    ("8859/1", "Latin 1, Western Europe"),
    ("8859/2", "Latin 2, Central Europe"),
    ("8859/5", "Cyrillic"),
    ("8859/6", "Arabic"),
    ("8859/7", "Greek"),
    ("8859/8", "Hebrew"),
    ("8859/9", "Turkish"),
    ("8859/15", "Latin 9, Western Europe with €"),
    ("ISO IR87", "Japanese, kanji"),
    ("GB 18030-2000", "Chinese"),
    ("KS X 1001", "Korean"),
    ("BIG-5", "Taiwanese"),
]


class DeviceForm(FlaskForm):  # type: ignore[misc]
    ae_title = StringField("AE title", validators=[InputRequired("Type the AE title."), Length(max=16)])
    name = StringField("Name", validators=[Length(max=100)])
    modality = SelectField("Modality", choices=[("", "None, a workstation or archive"), *MODALITIES.items()])
    room_id = SelectField("Room", coerce=int, default=0)
    host = StringField("Address", validators=[Length(max=200)])
    port = IntegerField("Port", validators=[Optional(), NumberRange(1, 65535, "Between 1 and 65535.")])
    address_check = BooleanField("Refuse other addresses under this title")
    tls = BooleanField("Send to it over TLS only")
    character_set = SelectField("Character set", choices=CHARACTER_SETS)
    sends_mpps = BooleanField("Reports performed steps (MPPS)")
    quiet_minutes = IntegerField(
        "Quiet minutes",
        default=10,
        validators=[NumberRange(1, 720, "Between 1 and 720 minutes.")],
    )

    def facts(self, site_id: int) -> DeviceFacts:
        return DeviceFacts(
            ae_title=self.ae_title.data.strip(),
            name=self.name.data or "",
            modality=self.modality.data or "",
            room_id=self.room_id.data or None,
            site_id=site_id,
            host=self.host.data or "",
            port=self.port.data,
            address_check=self.address_check.data,
            tls=self.tls.data,
            character_sets=(self.character_set.data,) if self.character_set.data else (),
            sends_mpps=self.sends_mpps.data,
            quiet_minutes=self.quiet_minutes.data or 10,
        )

    @staticmethod
    def of(device: Device) -> DeviceForm:
        return DeviceForm(
            ae_title=device.ae_title,
            name=device.name,
            modality=device.modality,
            room_id=device.room_id or 0,
            host=device.host,
            port=device.port,
            address_check=device.address_check,
            tls=device.tls,
            character_set=(device.character_sets or [""])[0],
            sends_mpps=device.sends_mpps,
            quiet_minutes=device.quiet_minutes,
        )


class PartnerForm(FlaskForm):  # type: ignore[misc]
    application = StringField("Application", validators=[InputRequired("Type what stands in MSH-3."), Length(max=64)])
    facility = StringField("Facility", validators=[InputRequired("Type what stands in MSH-4."), Length(max=64)])
    site_id = SelectField("Site", coerce=int)
    zone = StringField("Time zone", validators=[Length(max=64)])
    patient_namespace = StringField(
        "Patient numbers by", validators=[InputRequired("Who gives out its patient numbers?"), Length(max=64)]
    )
    order_namespace = StringField(
        "Order numbers by", validators=[InputRequired("Who gives out its order numbers?"), Length(max=64)]
    )
    order_ids_from_obr = BooleanField("OBR-18 and ZDS-1 are accession number and Study Instance UID")
    time_is_wish = BooleanField("A time in an order is a wish, not a booking")
    character_set = SelectField("Character set", choices=MESSAGE_CHARACTER_SETS)
    host = StringField("Address", validators=[Length(max=200)])
    port = IntegerField("Port", validators=[Optional(), NumberRange(1, 65535, "Between 1 and 65535.")])

    def facts(self) -> PartnerFacts:
        return PartnerFacts(
            application=self.application.data or "",
            facility=self.facility.data or "",
            site_id=self.site_id.data,
            patient_namespace=self.patient_namespace.data or "",
            order_namespace=self.order_namespace.data or "",
            order_ids_from_obr=self.order_ids_from_obr.data,
            time_is_wish=self.time_is_wish.data,
            character_set=self.character_set.data or "",
            host=self.host.data or "",
            port=self.port.data,
            zone=self.zone.data or "",
        )

    @staticmethod
    def of(partner: Partner) -> PartnerForm:
        return PartnerForm(
            application=partner.application,
            facility=partner.facility,
            site_id=partner.site_id,
            zone="" if partner.zone == partner.site.zone else partner.zone,
            patient_namespace=partner.patient_issuer.namespace,
            order_namespace=partner.order_issuer.namespace,
            order_ids_from_obr=partner.order_ids_from_obr,
            time_is_wish=partner.time_is_wish,
            character_set=partner.character_set,
            host=partner.host,
            port=partner.port,
        )


class UserForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail", validators=[InputRequired("Type the e-mail address."), Length(max=200)])
    name = StringField("Name", validators=[InputRequired("Type the name."), Length(max=200)])
    role = SelectField("Role", choices=[(str(role), ROLE_WORDS[role]) for role in Role if role is not Role.SYSTEM])
    doctor = IntegerField("Doctor", validators=[Optional()])
    mrn = StringField("MRN", validators=[Length(max=64)])
    password = PasswordField("First password", validators=[InputRequired("Type a first password."), Length(max=200)])


class PasswordForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField("New password", validators=[InputRequired("Type a new password."), Length(max=200)])


class DoctorForm(FlaskForm):  # type: ignore[misc]
    doctor = IntegerField("Doctor", validators=[InputRequired("Choose a doctor from the list.")])


class SiteForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", validators=[InputRequired("Type the name of the site."), Length(max=100)])
    zone = StringField("Time zone", validators=[InputRequired("Type its time zone."), Length(max=64)])
    address = StringField("Address", validators=[Length(max=300)])
    phone = StringField("Phone", validators=[Length(max=40)])
    patient_namespace = StringField(
        "Patient numbers by", validators=[InputRequired("Who gives out its patient numbers?"), Length(max=64)]
    )
    accession_namespace = StringField(
        "Accession numbers by", validators=[InputRequired("Who gives out its accession numbers?"), Length(max=64)]
    )
    accession_prefix = StringField("Prefix", validators=[Length(max=6)])

    def facts(self) -> SiteFacts:
        return SiteFacts(
            name=self.name.data or "",
            zone=self.zone.data or "",
            patient_namespace=self.patient_namespace.data or "",
            accession_namespace=self.accession_namespace.data or "",
            accession_prefix=self.accession_prefix.data or "",
            address=self.address.data or "",
            phone=self.phone.data or "",
        )

    @staticmethod
    def of(site: Site) -> SiteForm:
        return SiteForm(
            name=site.name,
            zone=site.zone,
            address=site.address,
            phone=site.phone,
            patient_namespace=site.patient_issuer.namespace,
            accession_namespace=site.accession_issuer.namespace,
            accession_prefix=site.accession_prefix,
        )


class RoomForm(FlaskForm):  # type: ignore[misc]
    WEEK = tuple(day.lower() for day in WEEKDAYS)

    name = StringField("Name", validators=[InputRequired("Type the name of the room."), Length(max=64)])
    modality = SelectField("Modality", choices=[*MODALITIES.items()])
    position = IntegerField("Column", validators=[InputRequired("Type a number."), NumberRange(0, 999, "0 to 999.")])
    monday = StringField("Monday", validators=[Length(max=200)])
    tuesday = StringField("Tuesday", validators=[Length(max=200)])
    wednesday = StringField("Wednesday", validators=[Length(max=200)])
    thursday = StringField("Thursday", validators=[Length(max=200)])
    friday = StringField("Friday", validators=[Length(max=200)])
    saturday = StringField("Saturday", validators=[Length(max=200)])
    sunday = StringField("Sunday", validators=[Length(max=200)])

    @property
    def week(self) -> list[Field]:
        return [self[day] for day in self.WEEK]

    def facts(self) -> RoomFacts:
        """Raises Invalid for hours that cannot be read, with the weekday as field."""
        return RoomFacts(
            name=self.name.data or "",
            modality=self.modality.data or "",
            position=self.position.data or 0,
            hours=tuple(
                one for weekday, field in enumerate(self.week) for one in read_hours(weekday, field.data or "")
            ),
        )

    @staticmethod
    def of(room: Resource, hours: Sequence[Hours]) -> RoomForm:
        said = {day: hours_text(hours, weekday) for weekday, day in enumerate(RoomForm.WEEK)}
        return RoomForm(name=room.name, modality=room.modality, position=room.position, **said)


class SampleForm(FlaskForm):  # type: ignore[misc]
    """The form of /admin/design: every control, with an error in one."""

    family_name = StringField("Family name", default="Okonkwo")
    born = StringField("Born", default="31 Feb 1986")
    sex = SelectField("Sex", choices=[("F", "Female"), ("M", "Male")])
    find = StringField("Find")
    found = HiddenField("Patient")
    note = TextAreaField("Note", default="Needs a wheelchair.")
    contact = RadioField("Contact by", choices=[("phone", "Phone"), ("mail", "E-mail")], default="phone")
    text_preparation = BooleanField("Send preparation by text", default=True)
