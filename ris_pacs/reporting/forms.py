"""Forms of the reading room."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from ris_pacs.reporting.rules.text import LONGEST_SECTION, SECTIONS


class SignForm(FlaskForm):  # type: ignore[misc]
    """kind: "final" or "preliminary"."""

    password = PasswordField("Your password", validators=[InputRequired("Sign with your password."), Length(max=200)])
    kind = HiddenField()


class AmendForm(FlaskForm):  # type: ignore[misc]
    """What is needed whatever is amended. patient, version: what the page shows."""

    patient = HiddenField()
    version = HiddenField()
    password = PasswordField("Your password", validators=[InputRequired("Sign with your password."), Length(max=200)])


class AddendumForm(AmendForm):
    text = TextAreaField("Addendum", validators=[InputRequired("The addendum is empty."), Length(max=LONGEST_SECTION)])


class CorrectionForm(AmendForm):
    """Has a field for each section, called like it."""

    reason = StringField(
        "What was wrong", validators=[InputRequired("Say what was wrong in a few words."), Length(max=500)]
    )


for _key, _title in SECTIONS.items():
    setattr(CorrectionForm, _key, TextAreaField(_title, validators=[Length(max=LONGEST_SECTION)]))


class WithdrawalForm(AmendForm):
    reason = StringField("Why", validators=[InputRequired("Say why in a few words."), Length(max=500)])
    confirm = StringField("Accession number", validators=[InputRequired("Type the accession number.")])


class AutoTextForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", validators=[InputRequired("It needs a name."), Length(max=40)])
    text = TextAreaField("Text", validators=[InputRequired("What is it to become?"), Length(max=4000)])
    shared = BooleanField("For everybody")
