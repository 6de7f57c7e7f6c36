"""Small things that views answer with: errors beside their field, undo, CSV, fragments."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.errors import DomainError
from ris_pacs.web import shell
from ris_pacs.web.context import is_fragment

UNPROCESSABLE = 422


def show_on(form: Any, error: DomainError) -> None:
    """Put an error beside the field that it names; the typed value stays. Raises it where no field has that name."""
    field = getattr(form, error.field or "", None)
    if field is None:
        raise error
    field.errors = [*field.errors, error.message]


def refused(form: Any, save: Callable[[], object], again: Callable[[], Response]) -> Response | None:
    """Saves what a form says; None when that is done. Else the page `again`, with what is wrong beside its field."""
    if form.validate_on_submit():
        try:
            save()
        except DomainError as problem:
            show_on(form, problem)
        else:
            return None
    response = again()
    response.status_code = UNPROCESSABLE
    return response


def say(text: str, undo_url: str = "") -> None:
    """A toast on the next page, with an Undo that posts to `undo_url`."""
    flash({"text": text, "undo_url": undo_url, "bad": False})  # type: ignore[arg-type]


def done(text: str, target: str, undo_url: str = "") -> Response:
    """What a button answers: to a form the page it goes on to, with a toast; to a script the toast alone."""
    if is_fragment():
        return Response(status=204, headers={"HX-Trigger": toast_event(text, undo_url)})
    say(text, undo_url)
    return redirect(target)


def toast_event(text: str, undo_url: str = "", bad: bool = False) -> str:
    """The value of HX-Trigger that shows a toast; plain ASCII, as a header has to be."""
    return json.dumps({"toast": {"text": text, "undo_url": undo_url, "bad": bad}})


def drawer_or_page(drawer: str, page: str, /, **values: Any) -> Response:
    """The drawer alone when a list asks for it, else the page with the drawer open in it."""
    if request.headers.get("HX-Target", "").endswith("drawer-place"):
        return make_response(render_template(drawer, **values))
    return shell.render(page, **values)


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV download. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    response = make_response("\ufeff" + text.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
