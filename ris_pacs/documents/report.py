"""A signed report as PDF: letterhead, text, key images, and a code by which anybody can check the text (F5)."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from markupsafe import Markup

from ris_pacs.documents.pdf import environment, pdf_of


class ReportFacts(Protocol):
    """What stands on the paper; reporting.queries.printed fills it."""

    @property
    def hash(self) -> str: ...
    @property
    def images(self) -> Sequence[Any]: ...


def report_pdf(facts: ReportFacts, pictures: Mapping[int, bytes], public_url: str) -> bytes:
    """pictures: JPEG of each key image by its place in `facts.images`. public_url: whose /verify the code leads to."""
    verify_at = f"{public_url.rstrip('/')}/verify/{facts.hash}"
    shown = [
        (Markup("data:image/jpeg;base64,") + base64.b64encode(pictures[place]).decode(), image.caption)
        for place, image in enumerate(facts.images)
        if place in pictures
    ]
    html = (
        environment()
        .get_template("documents/report.html")
        .render(report=facts, pictures=shown, code=qr_code(verify_at), verify_at=verify_at)
    )
    return pdf_of(html).getvalue()


def qr_code(text: str) -> Markup:
    """An SVG of a QR code (ISO/IEC 18004), error correction M."""
    import segno

    file = io.BytesIO()
    segno.make(text, error="m").save(file, kind="svg", border=2, xmldecl=False, svgns=True, nl=False)
    return Markup(file.getvalue().decode())  # noqa: S704, drawn by us from the library's output
