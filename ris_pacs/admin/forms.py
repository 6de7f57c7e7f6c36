"""Forms of the administration."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ris_pacs.catalog.queries import Device
from ris_pacs.catalog.rules import MODALITIES
from ris_pacs.catalog.service.devices import DeviceFacts
from ris_pacs.kernel.actor import Role

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


class DeviceForm(FlaskForm):  # type: ignore[misc]
    ae_title = StringField("AE title", validators=[InputRequired("Type the AE title."), Length(max=16)])
    name = StringField("Name", validators=[Length(max=100)])
    modality = SelectField("Modality", choices=[("", "None, a workstation or archive"), *MODALITIES.items()])
    room_id = SelectField("Room", coerce=int, default=0)
    host = StringField("Address", validators=[Length(max=200)])
    port = IntegerField("Port", validators=[Optional(), NumberRange(1, 65535, "Between 1 and 65535.")])
    address_check = BooleanField("Refuse other addresses under this title")
    character_set = SelectField("Character set", choices=CHARACTER_SETS)
    sends_mpps = BooleanField("Reports performed steps (MPPS)")
    quiet_minutes = IntegerField(
        "Minutes without a new image until an exam counts as performed",
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
            character_set=(device.character_sets or [""])[0],
            sends_mpps=device.sends_mpps,
            quiet_minutes=device.quiet_minutes,
        )


class UserForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail", validators=[InputRequired("Type the e-mail address."), Length(max=200)])
    name = StringField("Name", validators=[InputRequired("Type the name."), Length(max=200)])
    role = SelectField("Role", choices=[(str(role), role.capitalize()) for role in Role if role is not Role.SYSTEM])
    password = PasswordField("First password", validators=[InputRequired("Type a first password."), Length(max=200)])


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
