"""The Flask application: made by `bootstrap`, which brings the slices' pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Blueprint, Flask, g, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf
from werkzeug.routing import IntegerConverter, Map
from werkzeug.wrappers import Response

from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.uow import System, read_only
from ris_pacs.web import context, error_pages, health, live, notices, search, security, static_files, words
from ris_pacs.web.asking import LARGEST_ID
from ris_pacs.web.context import Recognise, SitePlace
from ris_pacs.web.proxies import TrustedProxies
from ris_pacs.web.shell import ShellParts, start_page

MOST_BYTES = 64 * 1024 * 1024
LONGEST_FORM = 2 * 1024 * 1024


class IdConverter(IntegerConverter):
    """An id in an address: what the database cannot hold is no page of ours."""

    regex = "[0-9]{1,19}"

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


@dataclass(frozen=True)
class WebParts:
    """Everything that the pages need from the rest of the program."""

    system: System
    secret_key: str
    secure_cookies: bool
    proxies: Sequence[str]
    recognise: Recognise
    shell: ShellParts
    checks: health.Checks
    gauges: Callable[[Any], None]
    blueprints: Iterable[Blueprint]
    extensions: dict[str, Any]


def create_app(given: WebParts) -> Flask:
    app = Flask("ris_pacs", static_folder=None, template_folder=str(static_files.TEMPLATES))
    app.config.update(
        SECRET_KEY=given.secret_key,
        SESSION_COOKIE_NAME="ris_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=given.secure_cookies,
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=LONGEST_FORM,
        WTF_CSRF_TIME_LIMIT=None,  # As long as the sign-in: an open form must not spoil what was typed.
        WTF_CSRF_SSL_STRICT=given.secure_cookies,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters["int"] = IdConverter
    if given.proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, given.proxies)  # type: ignore[method-assign]
    app.extensions.update(given.extensions)
    app.extensions["ris_pacs_system"] = given.system
    app.extensions["ris_pacs_shell"] = given.shell
    app.extensions["ris_pacs_checks"] = given.checks
    app.extensions["ris_pacs_gauges"] = given.gauges
    app.extensions["ris_pacs_topics"] = live.TopicWatcher(given.system)
    csrf = CSRFProtect(app)
    _prepare_templates(app)
    app.before_request(_begin(given))
    app.before_request(context.refuse_unmarked_view)
    app.after_request(security.add_headers)
    error_pages.register(app)
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=static_files.serve)
    for blueprint in (health.blueprint, search.blueprint, notices.blueprint, *given.blueprints):
        app.register_blueprint(blueprint)
        if getattr(blueprint, "machine", False):  # Bearer tokens, no cookies: nothing to forge.
            csrf.exempt(blueprint)
    return app


def _prepare_templates(app: Flask) -> None:
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.globals.update(
        asset=static_files.asset,
        csrf_token=generate_csrf,
        may=lambda right: bool((visitor := context.visitor()) and may(visitor.actor, Right(right))),
        start_page=lambda: start_page(context.actor().role),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _begin(given: WebParts) -> Callable[[], Response | None]:
    def begin() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request.headers.get("X-Request-Id", "")[:64] or None)
        if request.endpoint == "static":
            return
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        token = bearer.strip() if scheme.lower() == "bearer" else None
        key = session.get(context.SESSION_KEY)
        address = request.remote_addr or ""
        g.visitor = given.recognise(key, token, address) if key or token else None
        g.site = _chosen_site(given)

    return begin


def _chosen_site(given: WebParts) -> SitePlace:
    with read_only(given.system) as uow:
        sites = given.shell.sites(uow)
    chosen = session.get(context.SITE_KEY)
    return next((one for one in sites if one.id == chosen), sites[0])
