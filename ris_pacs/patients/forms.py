"""Forms about patients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from ris_pacs.catalog.queries import Payer
from ris_pacs.kernel.person import NameGroup, PersonName
from ris_pacs.patients import rules
from ris_pacs.patients.models import Patient
from ris_pacs.patients.service.coverage import CoverageFacts
from ris_pacs.patients.service.register import PatientFacts
from ris_pacs.web.asking import day_in

_FORMS = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d")


class BirthDateField(StringField):  # type: ignore[misc]
    """A date as people write it, kept as typed; `iso` is what it means. A year alone is possible."""

    iso: str = ""

    def pre_validate(self, form: Any) -> None:
        text = re.sub(r"\s+", " ", (self.data or "").strip())
        if not text or re.fullmatch(r"\d{4}(-\d{2})?", text):
            self.iso = text
            return
        for pattern in _FORMS:
            try:
                self.iso = datetime.strptime(text, pattern).date().isoformat()  # noqa: DTZ007, a day has no zone
            except ValueError:
                continue
            return
        # Let the rule name what is wrong where the text is a date by its shape: "February has no 31st".
        if shape := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
            self.iso = f"{shape[1]}-{int(shape[2]):02}-{int(shape[3]):02}"
            return
        months = "jan feb mar apr may jun jul aug sep oct nov dec".split()
        if (shape := re.fullmatch(r"(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4})", text)) and shape[2].lower() in months:
            self.iso = f"{shape[3]}-{months.index(shape[2].lower()) + 1:02}-{int(shape[1]):02}"
            return
        raise ValidationError(f"“{text}” is not a date. Write 3 Jun 1968, 1968-06-03 or 6/3/1968.")


class PatientForm(FlaskForm):  # type: ignore[misc]
    family = StringField("Family name", validators=[InputRequired("Type the family name."), Length(max=64)])
    given = StringField("Given names", validators=[Length(max=64)])
    middle = StringField("Middle name", validators=[Length(max=64)])
    prefix = StringField("Title", validators=[Length(max=16)])
    suffix = StringField("Suffix", validators=[Length(max=16)])
    ideographic_family = StringField("Family name, ideographic", validators=[Length(max=32)])
    ideographic_given = StringField("Given name, ideographic", validators=[Length(max=32)])
    phonetic_family = StringField("Family name, phonetic", validators=[Length(max=32)])
    phonetic_given = StringField("Given name, phonetic", validators=[Length(max=32)])
    birth_date = BirthDateField("Born")
    sex = RadioField("Sex", choices=[("F", "Female"), ("M", "Male"), ("O", "Other"), ("U", "Unknown")], default="U")
    phone = StringField("Phone", validators=[Length(max=40)])
    email = StringField("E-mail", validators=[Length(max=200)])
    language = SelectField("Language", choices=[("", "Not known"), *rules.LANGUAGES.items()])
    street = StringField("Street", validators=[Length(max=200)])
    city = StringField("City", validators=[Length(max=100)])
    state = StringField("State", validators=[Length(max=40)])
    zip = StringField("ZIP", validators=[Length(max=16)])
    somebody_else = BooleanField("It is somebody else")

    def validate_zip(self, field: Field) -> None:
        rules.check_zip(field.data or "")

    def facts(self) -> PatientFacts:
        return PatientFacts(
            name=PersonName(
                NameGroup(_(self.family), _(self.given), _(self.middle), _(self.prefix), _(self.suffix)),
                NameGroup(_(self.ideographic_family), _(self.ideographic_given)),
                NameGroup(_(self.phonetic_family), _(self.phonetic_given)),
            ),
            birth_date=self.birth_date.iso,
            sex=self.sex.data,
            language=self.language.data or "",
            phone=_(self.phone),
            email=_(self.email),
            street=_(self.street),
            city=_(self.city),
            state=_(self.state),
            zip=_(self.zip),
        )

    def keep(self, patient: Patient) -> PatientForm:
        """For a known patient: what an EMR said and no choice of ours holds may stay."""
        if patient.language and patient.language not in rules.LANGUAGES:
            self.language.choices = [*self.language.choices, (patient.language, patient.language)]
        return self

    @staticmethod
    def of(patient: Patient) -> PatientForm:
        """The form filled with what is known."""
        name = patient.name
        form = PatientForm(
            family=name.alphabetic.family,
            given=name.alphabetic.given,
            middle=name.alphabetic.middle,
            prefix=name.alphabetic.prefix,
            suffix=name.alphabetic.suffix,
            ideographic_family=name.ideographic.family,
            ideographic_given=name.ideographic.given,
            phonetic_family=name.phonetic.family,
            phonetic_given=name.phonetic.given,
            birth_date=patient.birth_date or "",
            sex=patient.sex,
            phone=patient.phone,
            email=patient.email,
            language=patient.language,
            street=patient.street,
            city=patient.city,
            state=patient.state,
            zip=patient.zip,
        )
        return form.keep(patient)


class CoverageForm(FlaskForm):  # type: ignore[misc]
    payer_id = SelectField("Payer", coerce=int)
    rank = SelectField("Asked", coerce=int, choices=[(1, "First"), (2, "Second"), (3, "Third")], default=1)
    member_id = StringField("Number on the card", validators=[Length(max=40)])
    group_number = StringField("Group number", validators=[Length(max=40)])
    plan_name = StringField("Plan", validators=[Length(max=60)])
    begins = StringField("From", validators=[Length(max=20)])
    ends = StringField("Until", validators=[Length(max=20)])
    relationship_code = RadioField(
        "The patient is the subscriber's", choices=[*rules.RELATIONSHIPS.items()], default="18"
    )
    subscriber_family = StringField("Family name", validators=[Length(max=60)])
    subscriber_given = StringField("Given name", validators=[Length(max=35)])
    subscriber_birth_date = BirthDateField("Born")
    subscriber_sex = RadioField("Sex", choices=[*rules.SEXES.items()], default="U")
    subscriber_street = StringField("Street", validators=[Length(max=200)])
    subscriber_city = StringField("City", validators=[Length(max=100)])
    subscriber_state = StringField("State", validators=[Length(max=40)])
    subscriber_zip = StringField("ZIP", validators=[Length(max=16)])

    def offer(self, payers: Sequence[Payer]) -> CoverageForm:
        self.payer_id.choices = [(one.id, one.name) for one in payers]
        return self

    def facts(self) -> CoverageFacts:
        texts = {
            name: _(getattr(self, name))
            for name in self._fields
            if name.startswith("subscriber_") or name in ("member_id", "group_number", "plan_name")
        }
        return CoverageFacts(
            payer_id=self.payer_id.data,
            rank=self.rank.data,
            relationship_code=self.relationship_code.data,
            begins=_day(self.begins),
            ends=_day(self.ends),
            **{**texts, "subscriber_birth_date": self.subscriber_birth_date.iso},
        )


def _day(field: Field) -> date | None:
    """Raises Invalid."""
    return day_in(field.data, field.name) if (field.data or "").strip() else None


def _(field: Field) -> str:
    return (field.data or "").strip()
