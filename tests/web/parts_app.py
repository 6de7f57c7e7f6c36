"""A small program that shows every part with invented data, under the product's strict policy.

The tests drive it; to look at it: `.venv/bin/python -m tests.web.parts_app` and open the printed address.
The pages under parts_pages/ are the mockups of the design guide, made of nothing but the parts.
"""

from __future__ import annotations

import hashlib
import io
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from flask import Flask, Response, flash, jsonify, make_response, render_template, request, url_for
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import ChoiceLoader, FileSystemLoader
from PIL import Image
from wtforms import BooleanField, HiddenField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, ValidationError

from tests.web.parts_data import (
    BOARD,
    CALENDAR,
    LOAD,
    MESSAGES,
    OFFERS,
    PAGES,
    PHANTOMS,
    PROCEDURES,
    SEARCH,
    TECHNOLOGIST,
    places_of,
)

ROOT = Path(__file__).resolve().parents[2]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def choices(**words: str) -> list[SelectChoice]:
    return [SelectChoice(value, word) for value, word in words.items()]


class OrderForm(FlaskForm):
    procedure = StringField("Procedure", [DataRequired()])
    side = RadioField("Side", choices=choices(right="Right", left="Left", both="Both"))
    priority = RadioField("Priority", choices=choices(routine="Routine", urgent="Urgent", now="Now"))
    diagnosis = SelectMultipleField("Diagnosis", choices=[], validate_choice=False)
    question = TextAreaField("Clinical question", [DataRequired()])
    referrer = StringField("Referrer", [DataRequired()])
    coverage = SelectField("Coverage", choices=choices(first="Northwind PPO, first", none="Self-pay"))
    authorisation = StringField("Authorisation number")

    def validate_authorisation(self, field: StringField) -> None:
        digits = field.data.removeprefix("NW-")
        if field.data and not (digits.isdecimal() and len(digits) == 9):
            raise ValidationError("Northwind numbers have 9 digits after NW-. Leave empty to request one.")


class PersonForm(FlaskForm):
    family_name = StringField("Family name", [DataRequired()])
    born = StringField("Born", [DataRequired()])
    sex = SelectField("Sex", choices=choices(F="Female", M="Male", O="Other", U="Unknown"))
    find = StringField("Find")
    note = TextAreaField("Note")
    text_preparation = BooleanField("Send preparation by text")
    contact = RadioField("Contact by", choices=choices(phone="Phone", mail="E-mail"))
    found = HiddenField("Patient")

    def validate_born(self, field: StringField) -> None:
        if field.data.startswith("31 Feb"):
            raise ValidationError("February has no 31st")


class SignInForm(FlaskForm):
    email = StringField("E-mail", [DataRequired()])
    password = StringField("Password", [DataRequired()])
    keep = BooleanField("Keep me signed in on this workstation")


def filled(form_class: type[FlaskForm], values: dict[str, object], check: bool = False) -> FlaskForm:
    form = form_class(formdata=None, data=values, meta={"csrf": False})
    if check:
        form.validate()
    return form


@cache
def asset_digest(path: str) -> str:
    return hashlib.sha256((ROOT / "static" / path).read_bytes()).hexdigest()[:10]


def shell(role: str, current: str) -> SimpleNamespace:
    """What stands around a page; the product builds the same from the session and the registered places."""
    person, places, group = places_of(role, current)
    return SimpleNamespace(
        product="Riverside RIS",
        language="en",
        theme=request.args.get("theme") or request.cookies.get("theme", "light"),
        home_url="/",
        search_url="/search",
        settings_url="/settings",
        sign_out_url="/logout",
        site=SimpleNamespace(name="Main Street", zone="America/New_York", zone_short="EST"),
        sites=[("Main Street", "?site=1", True), ("Harbour View", "?site=2", False), ("Both sites", "?site=0", False)],
        now=SimpleNamespace(day="Tue 24 Nov 2026", time="10:42"),
        person=person,
        places=places,
        group=group,
        notices=SimpleNamespace(count=0, url="/notices"),
        demo=False,
        not_for_diagnosis=False,
        languages=[("English", "?l=en", True), ("Español", "?l=es", False), ("Deutsch", "?l=de", False)],
    )


def draw_phantom(kind: str, size: int = 240) -> bytes:
    """A drawn picture with no person in it."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    picture = np.zeros((size, size))
    for cx, cy, rx, ry, grey in PHANTOMS[kind]:
        picture[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1] = grey
    noise = np.random.default_rng(7).normal(0, 6, picture.shape) * (picture > 4)
    out = io.BytesIO()
    Image.fromarray(np.clip(picture + noise, 0, 255).astype("u1")).save(out, "PNG")
    return out.getvalue()


def build_app() -> Flask:
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    app.config.update(SECRET_KEY="only for this test program", TESTING=True)
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), FileSystemLoader(Path(__file__).parent / "parts_pages")]
    )
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_null_translations(newstyle=True)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["asset"] = lambda path: f"/static/{path}?v={asset_digest(path)}"
    CSRFProtect(app)

    # What the live board says; tests change it.
    app.board = list(BOARD)
    app.board_version = 0
    app.moves = []
    app.undone = []
    app.broken = False

    @app.after_request
    def set_policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    def page(template: str, role: str, current: str, **values: object) -> str:
        return render_template(template, shell=shell(role, current), **values)

    @app.get("/")
    def index() -> str:
        return page("index.html", "frontdesk", "", pages=PAGES)

    @app.get("/login")
    def sign_in() -> str:
        form = filled(SignInForm, {"email": "d.whitlock@demo.example", "password": "invented-password"})
        return page("signin.html", "frontdesk", "", form=form)

    @app.get("/schedule")
    def schedule() -> str:
        drawer = request.args.get("find") == "1"
        if request.headers.get("HX-Target") == "div#drawer-place":
            return page("schedule_drawer.html", "frontdesk", "Schedule", offers=OFFERS)
        return page("schedule.html", "frontdesk", "Schedule", calendar=CALENDAR, offers=OFFERS, drawer=drawer)

    @app.get("/schedule/slots")
    def schedule_slots() -> Response:
        return make_response("", 304)

    @app.get("/schedule/check")
    def schedule_check() -> Response:
        fits = request.args["room"] != "NM1"
        return jsonify(fits=fits, words="fits" if fits else "closed until 11:00")

    @app.post("/schedule/move/<slot>")
    def schedule_move(slot: str) -> Response:
        if request.form["room"] == "NM1":
            response = make_response("", 409)
            response.headers["HX-Trigger"] = json.dumps({"toast": {"text": "NM1 is closed then.", "bad": True}})
            return response
        app.moves.append((slot, request.form["room"], request.form["start"]))
        response = make_response("", 204)
        text = f"Moved to {request.form['start']} in {request.form['room']}"
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": text, "undo_url": "/undo/1"}})
        return response

    @app.post("/undo/<int:number>")
    def undo(number: int) -> Response:
        app.undone.append(number)
        return make_response("", 204)

    @app.get("/board")
    def board() -> str:
        return page("board.html", "frontdesk", "Board", rows=app.board)

    @app.get("/board/rows")
    def board_rows() -> Response:
        if app.broken:
            return make_response("", 503)
        tag = f'"{app.board_version}"'
        if request.headers.get("If-None-Match") == tag:
            return make_response("", 304)
        template = "board_cards.html" if request.args.get("as") == "cards" else "board_rows.html"
        response = make_response(render_template(template, rows=app.board))
        response.headers["ETag"] = tag
        return response

    @app.get("/wall")
    def wall() -> str:
        return page("wall.html", "frontdesk", "")

    @app.get("/exam")
    def exam() -> str:
        return page("exam.html", "frontdesk", "Orders")

    @app.route("/order", methods=["GET", "POST"])
    def order() -> str | tuple[str, int]:
        wrong = {
            "procedure": "mr-knee",
            "side": "right",
            "priority": "routine",
            "question": "Locking after a fall on 2 Nov 2026, effusion. Meniscus tear?",
            "coverage": "first",
            "referrer": "Lena Achterberg, MD",
            "authorisation": "NW-88",
        }
        if request.method == "POST":
            form = OrderForm(meta={"csrf": False})
            return page("order.html", "frontdesk", "Orders", form=form), 200 if form.validate() else 422
        return page("order.html", "frontdesk", "Orders", form=filled(OrderForm, wrong, check=True))

    @app.get("/procedures")
    def procedures() -> str:
        typed = request.args["q"].lower().split()
        found = [entry for entry in PROCEDURES if all(part in entry[1].lower() for part in typed)]
        return render_template("procedure_options.html", found=found, typed=request.args["q"])

    @app.get("/technologist")
    def technologist() -> str:
        chosen = request.args.get("exam", "")
        if request.headers.get("HX-Target") == "div#drawer-place":
            return page("technologist_drawer.html", "technologist", "Room list", chosen=chosen)
        return page("technologist.html", "technologist", "Room list", rows=TECHNOLOGIST, chosen=chosen)

    @app.get("/reconcile")
    def reconcile() -> str:
        if request.args.get("linked"):
            flash({"text": "Linked ABARA^C to RIV26004402", "undo_url": url_for("undo", number=4)})
        return page("reconcile.html", "technologist", "Reconcile")

    @app.get("/messages")
    def messages() -> str:
        return page("messages.html", "admin", "Messages", rows=MESSAGES, chosen=request.args.get("message", ""))

    @app.get("/claim")
    def claim() -> str:
        return page("claim.html", "biller", "Claims")

    @app.get("/dashboard")
    def dashboard() -> str:
        return page("dashboard.html", "manager", "Dashboard", rooms=LOAD)

    @app.get("/portal")
    def portal() -> str:
        return page("portal.html", "patient", "Home")

    @app.get("/letter")
    def letter() -> str:
        return page("letter.html", "frontdesk", "")

    @app.get("/admin/design")
    def design() -> str:
        person = {"family_name": "Okafor", "born": "31 Feb 1986", "sex": "F", "note": "Needs a wheelchair."}
        form = filled(PersonForm, {**person, "text_preparation": True, "contact": "phone"}, check=True)
        return page("admin/design.html", "admin", "", form=form)

    @app.get("/search")
    def search() -> str:
        typed = request.args.get("q", "").lower()
        found = SEARCH if typed and typed in "okafor, amara chidinma" else None
        return render_template("search_results.html", found=found, typed=typed)

    @app.get("/phantom/<kind>.png")
    def phantom(kind: str) -> Response:
        return Response(draw_phantom(kind), mimetype="image/png", headers={"Cache-Control": "max-age=3600"})

    return app


if __name__ == "__main__":
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, build_app(), threaded=True)
    print(f"http://127.0.0.1:{server.server_port}/")
    server.serve_forever()
