"""Which representation a request accepts (PS3.18 8.7), and multipart/related bodies (8.6.1.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import NotAcceptable

from ris_pacs.imaging.header import EXPLICIT_LITTLE

DICOM, OCTETS, JSON, JPEG, PNG, GIF, PDF = (
    "application/dicom",
    "application/octet-stream",
    "application/dicom+json",
    "image/jpeg",
    "image/png",
    "image/gif",
    "application/pdf",
)
ANY_SYNTAX = "*"

# Media types of compressed frames (PS3.18 Table 8.7.3-5) by transfer syntax.
FRAME_TYPES = {
    "1.2.840.10008.1.2.4.50": JPEG,
    "1.2.840.10008.1.2.4.51": JPEG,
    "1.2.840.10008.1.2.4.57": JPEG,
    "1.2.840.10008.1.2.4.70": JPEG,
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}


@dataclass(frozen=True)
class Accepted:
    """One media range. kind: "image/jpeg"; for multipart/related what its parts may be. syntax: "" when not said."""

    kind: str
    multipart: bool
    syntax: str
    quality: float


def accepted() -> list[Accepted]:
    """What the client takes, the best first; `*/*` when it does not say. The query may say it, too (PS3.18 8.3.3.1)."""
    said = ",".join([*request.args.getlist("accept"), request.headers.get("Accept", "")]).strip(", ")
    found = [_range(one) for one in _split(said)] if said else [Accepted("*/*", False, "", 1.0)]
    return sorted((one for one in found if one.quality > 0), key=lambda one: -one.quality)


def _split(text: str, at: str = ",") -> list[str]:
    """At separators that are not in quotes; the quotes stay."""
    parts, quoted, begin = [], False, 0
    for place, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == at and not quoted:
            parts.append(text[begin:place])
            begin = place + 1
    return [part.strip() for part in (*parts, text[begin:]) if part.strip()]


def _range(text: str) -> Accepted:
    """Clients write the type of the parts without quotes, too, although it holds a slash."""
    kind, *said = _split(text, ";")
    options = {name.strip().lower(): value.strip(' "') for name, _, value in (one.partition("=") for one in said)}
    kind = kind.lower()
    multipart = kind == "multipart/related"
    try:
        quality = float(options.get("q", 1))
    except ValueError:
        quality = 0.0
    if multipart:
        kind = options.get("type", "*/*").lower()
    return Accepted(kind, multipart, options.get("transfer-syntax", ""), quality)


def wanted_syntaxes(kind: str, *, multipart: bool) -> tuple[str, ...] | None:
    """Transfer syntaxes in which the client takes `kind`; None when it does not take it at all.

    Without one it is Explicit VR Little Endian (PS3.18 8.7.3.5.2).
    """
    ranges = [
        one
        for one in accepted()
        if (one.multipart == multipart and one.kind in (kind, "*/*")) or (not one.multipart and one.kind == "*/*")
    ]
    if not ranges:
        return None
    return tuple(one.syntax or EXPLICIT_LITTLE for one in ranges)


def takes(kind: str) -> bool:
    """Whether a single part of this type is taken."""
    family = kind.partition("/")[0] + "/*"
    return any(not one.multipart and one.kind in (kind, family, "*/*") for one in accepted())


def best_of(*kinds: str) -> str:
    """The first of ours that the client likes best. Raises NotAcceptable."""
    for one in accepted():
        for kind in kinds:
            if not one.multipart and one.kind in (kind, kind.partition("/")[0] + "/*", "*/*"):
                return kind
    raise not_acceptable(", ".join(kinds))


def not_acceptable(ours: str) -> NotAcceptable:
    return NotAcceptable(f"This resource comes as {ours}.")


@dataclass(frozen=True)
class Part:
    """content_type: with its parameters. location: of the resource that the part is (PS3.18 8.4.1.3)."""

    content_type: str
    location: str
    body: Callable[[], Iterable[bytes]]


def multipart(kind: str, parts: Iterable[Part]) -> Response:
    """Parts one after the other as they are read: however large the study, memory holds a piece of it."""
    boundary = secrets.token_hex(16)
    content_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    return Response(_written(parts, boundary), content_type=content_type)


def _written(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    for part in parts:
        head = f"--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Location: {part.location}\r\n\r\n"
        yield head.encode()
        yield from part.body()
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
