"""Response headers: what a browser may load and who may frame us."""

from __future__ import annotations

from typing import TypeVar

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

Answer = TypeVar("Answer", bound=AnyResponse)

_ALLOWED = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Decoders of pixel data are WebAssembly in a worker; pictures that they draw come as data: and blob: addresses.
_FOR_PIXELS = {
    "script-src": "'self' 'wasm-unsafe-eval'",
    "worker-src": "'self'",
    "img-src": "'self' data: blob:",
}


def _policy(allowed: dict[str, str]) -> str:
    return "; ".join(f"{what} {where}" for what, where in allowed.items())


POLICY = _policy(_ALLOWED)
POLICY_FOR_PIXELS = _policy(_ALLOWED | _FOR_PIXELS)


def for_pixels(response: Answer) -> Answer:
    """A page that shows images with the viewer; no other page is allowed this much."""
    response.headers["Content-Security-Policy"] = POLICY_FOR_PIXELS
    return response


def add_headers(response: Response) -> Response:
    """On every response. Pages about patients are never kept by a browser or proxy; our static files always."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    return response
