"""What the browser loads: built files are the ones that were committed, and obey the strict policy."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
# templates/documents are printed by WeasyPrint: no browser, no policy.
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if "documents" not in path.parts)
SHEETS = sorted((STATIC / "css").glob("*.css"))
GENERATED = {"calendar-grid.css", "fonts.css"}
CHECKSUMS = dict(reversed(line.split("  ")) for line in (STATIC / "checksums.sha256").read_text().splitlines())


@pytest.mark.parametrize("path", CHECKSUMS)
def test_built_file_is_the_committed_one(path: str) -> None:
    assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == CHECKSUMS[path]


def test_everything_built_has_a_checksum() -> None:
    scripts = [path for path in (STATIC / "js").rglob("*") if path.is_file()]
    built = [*(STATIC / "fonts").iterdir(), *scripts, STATIC / "img/icons.svg"]
    built += [STATIC / "css" / name for name in GENERATED]
    assert {str(path.relative_to(ROOT)) for path in built} <= set(CHECKSUMS)


@pytest.mark.skipif(not shutil.which("node") or not (ROOT / "node_modules/esbuild").exists(), reason="needs `npm ci`")
def test_a_fresh_build_gives_the_same_files() -> None:
    run = subprocess.run(["node", "scripts/build_assets.mjs", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["fonts/inter", "fonts/ibm-plex-mono", "img/tabler-icons", "js/htmx"])
def test_third_party_files_have_their_licence_beside_them(name: str) -> None:
    assert len((STATIC / f"{name}.LICENSE.txt").read_text()) > 300


def test_every_package_in_the_viewer_has_its_licence_told() -> None:
    told = (STATIC / "js/viewer/LICENSES.txt").read_text()
    for package in ("@cornerstonejs/core", "@kitware/vtk.js", "@cornerstonejs/codec-openjpeg", "comlink", "gl-matrix"):
        assert re.search(rf"^{re.escape(package)} \S+ \(", told, re.MULTILINE), package


def test_lock_file_holds_no_download_addresses() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_obeys_the_policy(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:|js:|data:image", source)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_icons_of_a_template_are_in_the_sprite(path: Path) -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "img/icons.svg").read_text()))
    source = path.read_text()
    named = re.findall(r'\b(?:icon|draw)\("([a-z0-9-]+)"|\bicon="([a-z0-9-]+)"|"icon": "([a-z0-9-]+)"', source)
    assert {"".join(name) for name in named} <= drawn


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_stylesheet_keeps_to_layers_and_tokens(path: Path) -> None:
    source = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert "!important" not in source
    assert "data:" not in source
    if path.name != "fonts.css":
        outside = re.sub(r"@layer [a-z]+ ?\{.*\n\}", "", source, flags=re.DOTALL).strip()
        assert outside in ("", "@layer reset, tokens, base, layout, parts, pages, util, print;")
    if path.name != "tokens.css":
        assert not re.findall(r"#[0-9a-f]{3,8}\b|rgb\(", source)
