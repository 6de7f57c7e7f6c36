"""Labels with a barcode, as PDF, in their own page size."""

from __future__ import annotations

import io
from dataclasses import dataclass

from markupsafe import Markup

from ris_pacs.documents.pdf import environment, pdf_of


@dataclass(frozen=True)
class Label:
    """What stands on an exam's label; all as people read it."""

    name: str
    born: str
    sex: str
    mrn: str
    accession_number: str
    exam: str
    when: str
    room: str


def label_pdf(label: Label) -> io.BytesIO:
    """A label of 62 × 29 mm with the accession number as Code 128 (ISO/IEC 15417)."""
    html = (
        environment().get_template("documents/label.html").render(label=label, barcode=code_128(label.accession_number))
    )
    return pdf_of(html)


def code_128(text: str) -> Markup:
    """An SVG of a Code 128 barcode; modules of 0.25 mm, which desk scanners and phones read."""
    from barcode import Code128
    from barcode.writer import SVGWriter

    file = io.BytesIO()
    options = {"module_width": 0.25, "module_height": 8.0, "quiet_zone": 2.5, "write_text": False}
    Code128(text, writer=SVGWriter()).write(file, options)
    svg = file.getvalue().decode("utf-8")
    return Markup(svg[svg.index("<svg") :])  # noqa: S704, drawn by us from the library's output
