"""Forms of patients."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from ris_pacs.patients.forms import BirthDateField


class EnrolForm(FlaskForm):  # type: ignore[misc]
    code = StringField("Code from the practice", validators=[InputRequired("Type the code."), Length(max=40)])
    birth_date = BirthDateField("Your birth date", validators=[InputRequired("Type your birth date.")])
    email = StringField("E-mail", validators=[InputRequired("Type your e-mail address."), Length(max=200)])
    password = PasswordField("Choose a password", validators=[InputRequired("Choose a password."), Length(max=200)])
    again = PasswordField("The password again", validators=[EqualTo("password", "This is not the same password.")])
