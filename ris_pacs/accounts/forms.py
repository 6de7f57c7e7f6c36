"""Forms at the door."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length


class SignInForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail", validators=[InputRequired("Type your e-mail address."), Length(max=200)])
    password = PasswordField("Password", validators=[InputRequired("Type your password."), Length(max=200)])
    next = HiddenField()
