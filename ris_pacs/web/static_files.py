"""Static files, under addresses that change with their content so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Response, abort, request, send_file

from ris_pacs.web.context import public
from ris_pacs.web.security import for_pixels

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"

_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_MONTH = "public, max-age=2592000"  # Fonts and pictures that style sheets name without a digest.
_FOR_PIXELS = "js/viewer/"


@cache
def _digest(path: str) -> str:
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]


def asset(path: str) -> str:
    """The address of `static/<path>`, with the digest of what is in it."""
    return f"/static/{path}?v={_digest(path)}"


@public
def serve(filename: str) -> Response:
    """The view of the endpoint `static`."""
    target = (STATIC / filename).resolve()
    if STATIC not in target.parents or not target.is_file():
        abort(404)
    response = send_file(target, conditional=True)
    response.headers["Cache-Control"] = _FOR_EVER if "v" in request.args else _FOR_A_MONTH
    # A worker obeys the policy that comes with its own script.
    return for_pixels(response) if filename.startswith(_FOR_PIXELS) else response
