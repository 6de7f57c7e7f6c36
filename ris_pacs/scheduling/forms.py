"""Forms that order and book."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, IntegerField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from ris_pacs.catalog.rules import check_npi
from ris_pacs.orders.rules import PRIORITIES
from ris_pacs.orders.service.place import Diagnosis
from ris_pacs.web.asking import id_in


class DiagnosesField(SelectMultipleField):  # type: ignore[misc]
    """Codes chosen from the search; the service checks each against the list."""

    def pre_validate(self, form: FlaskForm) -> None:
        if len(self.data or []) > 12:
            raise ValidationError("At most 12 diagnoses.")


class OrderForm(FlaskForm):  # type: ignore[misc]
    procedure = HiddenField("Procedure", validators=[InputRequired("Choose a procedure from the list.")])
    laterality = RadioField(
        "Side", choices=[("R", "Right"), ("L", "Left"), ("B", "Both")], validators=[Optional()], default=""
    )
    priority = RadioField("Priority", choices=list(PRIORITIES.items()), default="routine")
    diagnoses = DiagnosesField("Diagnosis", choices=[], validate_choice=False)
    question = TextAreaField("Clinical question", validators=[Length(max=4000)])
    referrer = HiddenField("Referrer")
    doctor_family = StringField("Family name", validators=[Length(max=64)])
    doctor_given = StringField("Given name", validators=[Length(max=64)])
    npi = StringField("NPI", validators=[Length(max=10)])
    practice = StringField("Practice", validators=[Length(max=120)])
    slot = HiddenField("Time")
    starts_at = HiddenField()

    def validate_procedure(self, field: Field) -> None:
        if id_in(field.data) is None:
            raise ValidationError("Choose a procedure from the list.")

    def validate_referrer(self, field: Field) -> None:
        if field.data and id_in(field.data) is None:
            raise ValidationError("Choose a doctor from the list, or fill in a new one.")

    def validate_npi(self, field: Field) -> None:
        if field.data and field.data.strip():
            check_npi(field.data)

    def chosen_diagnoses(self) -> tuple[Diagnosis, ...]:
        return tuple(Diagnosis(code) for code in dict.fromkeys(self.diagnoses.data or []) if code)


class EmergencyForm(FlaskForm):  # type: ignore[misc]
    """Somebody nobody can name, onto the worklist at once."""

    sex = RadioField("Sex", choices=[("F", "Female"), ("M", "Male"), ("U", "Unknown")], default="U")
    estimated_age = IntegerField(
        "Age, estimated", validators=[Optional(), NumberRange(0, 120, "Between 0 and 120 years.")]
    )
    procedure = HiddenField("Procedure", validators=[InputRequired("Choose a procedure from the list.")])
    laterality = RadioField(
        "Side", choices=[("R", "Right"), ("L", "Left"), ("B", "Both")], validators=[Optional()], default=""
    )
    question = StringField("What happened", validators=[Length(max=400)])

    def validate_procedure(self, field: Field) -> None:
        if id_in(field.data) is None:
            raise ValidationError("Choose a procedure from the list.")


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """A change that needs its reason."""

    reason = StringField("Reason", validators=[InputRequired("A reason is needed."), Length(max=400)])
