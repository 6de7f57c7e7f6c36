"""Rendered objects and thumbnails (PS3.18 8.3.5, 10.4.1.1.3, 10.4.1.1.4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from ris_pacs.archive.dicomweb import media
from ris_pacs.archive.dicomweb.asking import (
    BASE,
    asked_place,
    entity_tag,
    file_of,
    found_at,
    found_middle,
    no_change,
    tagged,
)
from ris_pacs.archive.errors import FileMissing
from ris_pacs.archive.queries.objects import WebObject
from ris_pacs.imaging.display import bulk_value
from ris_pacs.imaging.problems import CannotDecode, HeaderError, NotAPicture
from ris_pacs.imaging.tone import Window
from ris_pacs.kernel.cache import kept_or_made
from ris_pacs.kernel.rights import Right
from ris_pacs.web import context
from ris_pacs.web.context import requires
from ris_pacs.web.static_files import asset

blueprint = Blueprint("rendered", __name__, url_prefix=BASE)

ENCAPSULATED_PDF, _DOCUMENT = "1.2.840.10008.5.1.4.1.1.104.1", "00420011"
FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
LARGEST_SIDE = 8192
THUMBNAIL = 256


@dataclass(frozen=True)
class _Wish:
    """What the query asks of the picture. box: width and height to fit into."""

    window: Window | None
    box: tuple[int, int] | None
    quality: int

    def __str__(self) -> str:
        return f"{self.window}-{self.box}-{self.quality}"


@blueprint.get("/studies/<study>/rendered")
@blueprint.get("/studies/<study>/series/<series>/rendered")
@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/rendered")
@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/frames/<int:frame>/rendered")
@requires(Right.IMAGES_VIEW)
def rendered(study: str, series: str = "", instance: str = "", frame: int = 1) -> Response:
    """A picture as a screen shows it; of a study or series the one in the middle. A document as itself."""
    place = asked_place(study, series, instance)
    one = found_at(place)[0] if instance else found_middle(place)
    if one.sop_class_uid == ENCAPSULATED_PDF:
        return _document(one)
    kind = media.best_of(media.JPEG, media.PNG, media.GIF)
    wish = _wish()
    tag = entity_tag("rendered", one.digest, frame, kind, wish)
    return no_change(tag) or tagged(Response(_drawn(one, frame, kind, wish), content_type=kind), tag)


@blueprint.get("/studies/<study>/thumbnail")
@blueprint.get("/studies/<study>/series/<series>/thumbnail")
@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/thumbnail")
@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/frames/<int:frame>/thumbnail")
@requires(Right.IMAGES_VIEW)
def thumbnail(study: str, series: str = "", instance: str = "", frame: int = 0) -> AnyResponse:
    """A small JPEG; what has no pixels has a drawn stand-in."""
    place = asked_place(study, series, instance)
    one = found_at(place)[0] if instance else found_middle(place)
    box = _box("viewport") or (THUMBNAIL, THUMBNAIL)
    tag = entity_tag("thumbnail", one.digest, frame, box)
    if same := no_change(tag):
        return same
    try:
        picture = _drawn(one, frame, media.JPEG, _Wish(None, box, 82))
    except (NotAPicture, CannotDecode, HeaderError, FileMissing, OSError):
        return redirect(asset("img/no-picture.svg"))
    return tagged(Response(picture, content_type=media.JPEG), tag)


def _document(one: WebObject) -> Response:
    media.best_of(media.PDF)
    tag = entity_tag("document", one.digest)
    if same := no_change(tag):
        return same
    value = bulk_value(file_of(one), [_DOCUMENT])
    response = Response(value.rstrip(b"\0"), content_type=media.PDF)
    response.headers["Content-Disposition"] = "inline"
    return tagged(response, tag)


def _drawn(one: WebObject, frame: int, kind: str, wish: _Wish) -> bytes:
    """Kept by content and wish. frame: 0 for the middle one.

    Raises NotFound, NotAPicture, CannotDecode, HeaderError, OSError.
    """
    system = context.system()
    name = entity_tag(one.digest, frame, kind, wish)

    def make() -> bytes:
        from ris_pacs.imaging import render  # Only who draws pays for the codecs.
        from ris_pacs.imaging.pixels import open_picture

        picture = open_picture(file_of(one))
        if frame > picture.frames:
            raise NotFound(f"The object has {picture.frames} frames.")
        drawn = render.draw(picture, frame or (picture.frames + 1) // 2, wish.window, wish.box)
        encode: dict[str, Callable[[], bytes]] = {
            media.JPEG: lambda: render.encode_jpeg(drawn, wish.quality),
            media.PNG: lambda: render.encode_png(drawn),
            media.GIF: lambda: render.encode_gif(drawn),
        }
        return encode[kind]()

    return kept_or_made(system.cache / "rendered" / name[:2] / name, make)


def _wish() -> _Wish:
    """Raises BadRequest."""
    quality = _numbers("quality", 1, 1) or (90.0,)
    if not 1 <= quality[0] <= 100:
        raise BadRequest("quality is a number from 1 to 100.")
    return _Wish(_window(), _box("viewport"), int(quality[0]))


def _window() -> Window | None:
    """PS3.18 8.3.5.1.4: centre, width, function."""
    said = request.args.get("window", "")
    if not said:
        return None
    numbers, _, function = said.rpartition(",")
    if function.strip().lower() not in FUNCTIONS:
        numbers, function = said, "linear"
    parts = [_number(part) for part in numbers.split(",")]
    if len(parts) != 2 or None in parts or (parts[1] or 0) < 1:
        raise BadRequest("window is centre, width (at least 1) and one of linear, linear-exact, sigmoid.")
    return Window(parts[0] or 0.0, parts[1] or 1.0, FUNCTIONS[function.strip().lower()])


def _box(name: str) -> tuple[int, int] | None:
    """PS3.18 8.3.5.1.3: the width and height to fit into. A part of the picture cannot be asked for."""
    values = _numbers(name, 2, 6)
    if not values:
        return None
    if not all(1 <= value <= LARGEST_SIDE for value in values[:2]):
        raise BadRequest(f"{name} is a width and a height from 1 to {LARGEST_SIDE} pixels.")
    return int(values[0]), int(values[1])


def _numbers(name: str, least: int, most: int) -> tuple[float, ...]:
    said = request.args.get(name, "")
    if not said:
        return ()
    values = [_number(part) for part in said.split(",")]
    found = tuple(value for value in values if value is not None)
    if len(found) != len(values) or not least <= len(found) <= most:
        raise BadRequest(f"{name} is not understood: {said[:40]!r}.")
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
