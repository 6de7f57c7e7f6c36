"""Forms at the door."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length


class SignInForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail", validators=[InputRequired("Type your e-mail address."), Length(max=200)])
    password = PasswordField("Password", validators=[InputRequired("Type your password."), Length(max=200)])
    next = HiddenField()


class OwnPasswordForm(FlaskForm):  # type: ignore[misc]
    present = PasswordField("Present password", validators=[InputRequired("Type your present password.")])
    password = PasswordField("New password", validators=[InputRequired("Type a new password."), Length(max=200)])
    again = PasswordField("New password again", validators=[EqualTo("password", "This is not the same password.")])
