"""The reading room: the list, the page of one case, signing, versions, phrases."""

from __future__ import annotations

from ris_pacs.reporting.views import cases, papers, phrases, room, signing, versions

blueprints = (
    cases.blueprint,
    room.blueprint,
    signing.blueprint,
    versions.blueprint,
    phrases.blueprint,
    papers.blueprint,
)
