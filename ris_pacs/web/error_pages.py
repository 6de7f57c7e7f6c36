"""Errors as people see them: what happened, what was kept, what to do. Never a traceback."""

from __future__ import annotations

import secrets

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from ris_pacs.kernel.errors import DomainError, Kind
from ris_pacs.web import context
from ris_pacs.web.answers import toast_event
from ris_pacs.web.context import NotSignedIn, is_fragment

log = structlog.get_logger()

TITLES = {
    Kind.INVALID: "That does not fit",
    Kind.MISSING: "Not found",
    Kind.CONFLICT: "That is not possible now",
    Kind.FORBIDDEN: "Not allowed",
    Kind.BUSY: "Busy, try again",
    Kind.FULL: "No room left",
}
HTTP_WORDS = {
    400: ("The request was not understood", "Go back and try again."),
    404: ("Not found", "There is no such page. The search finds patients, exams and actions."),
    405: ("Not possible here", "This address does not take that kind of request."),
    413: ("Too large", "What was sent is larger than this page takes. Nothing was saved."),
}
UNAUTHORIZED = 401
FORM_EXPIRED = "The form was open for too long or its page was signed out meanwhile. Nothing was saved; load it again."


def register(app: Flask) -> None:
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(NotSignedIn, _not_signed_in)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _domain(error: DomainError) -> Response:
    return answer(error.answer.http, TITLES[error.kind], error.message, error.code)


def _csrf(error: CSRFError) -> Response:
    return answer(400, "This form is no longer valid", FORM_EXPIRED, "form-expired")


def _not_signed_in(error: NotSignedIn) -> Response:
    token = "Authorization" in request.headers
    if is_fragment() or wants_json() or token:
        text = "This token is not valid." if token else "Sign in again to go on."
        response = answer(401, "Signed out", text, "signed-out")
        if is_fragment():
            response.headers["HX-Redirect"] = context.to_sign_in().headers["Location"]
        else:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
    return make_response(context.to_sign_in())


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if code < 400:
        return make_response(error.get_response())
    title, text = HTTP_WORDS.get(code, (error.name, error.description or ""))
    return answer(code, title, text, f"http-{code}")


def _unexpected(error: Exception) -> Response:
    """A fault of ours: logged with a number that the person can name."""
    number = secrets.token_hex(4)
    # A statement's text and parameters may hold a patient's data: the type and place are enough.
    detail = type(error).__name__ if isinstance(error, SQLAlchemyError) else repr(error)[:200]
    log.error("unexpected error", number=number, path=request.path, error=detail, exc_info=True)
    text = f"The program made a mistake. What you saved before is kept; this step was not. Tell support: {number}."
    return answer(500, "A fault of ours", text, "fault")


def answer(code: int, title: str, text: str, slug: str) -> Response:
    if wants_json():
        return make_response(jsonify(error=slug, message=text), code)
    template = "errors/fragment.html" if is_fragment() else "errors/page.html"
    response = make_response(render_template(template, code=code, heading=title, text=text), code)
    if is_fragment() and code != UNAUTHORIZED:
        response.headers["HX-Trigger"] = toast_event(text, bad=True)
    response.headers["X-Error"] = slug
    return response


def wants_json() -> bool:
    return request.path.startswith(("/dicom-web", "/fhir")) or (
        request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    )
