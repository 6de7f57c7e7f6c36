"""Every template compiles in the environment that will render it, refers to files that exist, and obeys the policy.

    .venv/bin/python scripts/check_templates.py

The content security policy stops inline scripts, styles and event attributes in the browser; here they are found
before anybody opens the page.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, meta

from ris_pacs.bootstrap.core import build_system
from ris_pacs.bootstrap.web import build_web
from ris_pacs.config import read_settings
from ris_pacs.documents import pdf

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
# Printed by WeasyPrint: no browser, no policy.
DOCUMENTS = "documents/"

# Templates that may write markup as it is, each with the reason why no text of anybody else gets there.
MAY_BE_SAFE = {
    "admin/design.html": "the page that shows the parts: its texts stand in the template",
    "parts/body_figure.html": "the shapes stand in the template",
}

FORBIDDEN = {
    r"\sstyle\s*=": "inline style",
    r"<style\b": "style element",
    r"\son[a-z]+\s*=": "event attribute",
    r"\bhx-on\b": "hx-on",
    r"\bjs:|javascript:": "script in an attribute",
    r"data:image": "data: picture",
    r"<script\b(?![^>]*\ssrc=)": "inline script",
}
# The same, handed to a macro as attrs={"onclick": …}.
FORBIDDEN_IN_CODE = {
    r"""["'](?:style|on[a-z]+|hx-on[^"']*)["']\s*:""": "attribute that the policy stops",
    r"""["'](?:js|javascript):""": "script in an attribute",
}
MARKED_SAFE = re.compile(r"\|\s*safe\b|\bautoescape\s+false\b|\bMarkup\(")
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"RIS_PACS_DATA_DIR": folder}, dotenv=None)
        pages = build_web(settings, build_system(settings)).jinja_env
        names = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
        found = [
            fault
            for name in names
            for fault in (of_template(pdf.environment(), name) if name.startswith(DOCUMENTS) else of_page(pages, name))
        ]
    print("\n".join(found) or f"{len(names)} templates are in order.")
    return 1 if found else 0


def of_page(environment: Environment, name: str) -> Iterator[str]:
    yield from of_template(environment, name)
    # Line numbers stay: what is taken out leaves its line ends behind.
    source = COMMENT.sub(_line_ends, read(name))
    yield from _matches(name, CODE.sub(_line_ends, source), FORBIDDEN)
    yield from _matches(name, "".join(CODE.findall(source)), FORBIDDEN_IN_CODE, lines=False)
    if name not in MAY_BE_SAFE and MARKED_SAFE.search(source):
        yield f"templates/{name}: writes markup as it is; escape it, or add the file to MAY_BE_SAFE with the reason"


def of_template(environment: Environment, name: str) -> Iterator[str]:
    """It compiles (so its filters and tests exist), and what it extends, includes or imports exists."""
    source = read(name)
    try:
        environment.compile(source, name, name)
        tree = environment.parse(source, name, name)
    except TemplateSyntaxError as problem:
        yield f"templates/{name}:{problem.lineno}: {problem.message}"
        return
    for other in meta.find_referenced_templates(tree):
        if other is not None and not (TEMPLATES / other).is_file():
            yield f"templates/{name}: there is no template {other}"


def read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _matches(name: str, source: str, patterns: dict[str, str], *, lines: bool = True) -> Iterator[str]:
    for pattern, what in patterns.items():
        for match in re.finditer(pattern, source):
            line = f":{source.count(chr(10), 0, match.end()) + 1}" if lines else ""
            yield f"templates/{name}{line}: {what}: {match.group().strip()}"


def _line_ends(match: re.Match[str]) -> str:
    return "\n" * match.group().count("\n")


if __name__ == "__main__":
    sys.exit(main())
