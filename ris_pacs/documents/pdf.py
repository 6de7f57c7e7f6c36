"""HTML to PDF."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def pdf_of(html: str) -> io.BytesIO:
    """A PDF of a whole HTML document that refers to nothing outside itself."""
    from weasyprint import HTML, URLFetcher

    # Documents carry text that people typed: it must not make us read a file or fetch an address.
    file = io.BytesIO()
    HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=["data"])).write_pdf(file)
    file.seek(0)
    return file
