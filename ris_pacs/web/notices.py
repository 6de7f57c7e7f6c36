"""The drawer behind the bell: what waits for a person."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.uow import read_only
from ris_pacs.web import context, shell
from ris_pacs.web.answers import drawer_or_page
from ris_pacs.web.asking import own_page
from ris_pacs.web.context import signed_in

blueprint = Blueprint("notices", __name__)


@blueprint.get("/notices")
@signed_in
def index() -> Response:
    with read_only(context.system()) as uow:
        found = shell.waiting(uow, context.actor(), context.site().id) or []
    return drawer_or_page("notices/drawer.html", "notices/page.html", waiting=found, close_url=_came_from())


def _came_from() -> str:
    """The page that the drawer was opened over."""
    address = urlsplit(request.headers.get("HX-Current-URL", ""))
    page = f"{address.path}?{address.query}" if address.query else address.path
    return own_page(page, "/") if not page.startswith("/notices") else "/"
