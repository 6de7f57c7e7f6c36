"""Figures are read once and kept in the process until an exam of their sites moves, so that one can wander from a
chart to its exams and back. Every move of an exam touches its site's topic in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import current_app

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.uow import UnitOfWork
from ris_pacs.tracking.queries.figures import Scope, exam_facts
from ris_pacs.tracking.rules import ExamFact

MOST_KEPT = 3
_PLACE = "ris_pacs_figures"


def facts_of(uow: UnitOfWork, scope: Scope, versions: Mapping[str, int], actor: Actor) -> list[ExamFact]:
    """The facts of a scope. versions: of the topics, read before the transaction began: what is kept under them is
    never older than they are.
    """
    if not actor.is_staff:  # Others see single exams: what was read for one is not for another.
        return exam_facts(uow, scope, actor)
    kept: dict[object, list[ExamFact]] = current_app.extensions.setdefault(_PLACE, {})
    sites = tuple(sorted(scope.zones))
    key = (scope.period, sites, tuple(versions.get(f"site:{one}", 0) for one in sites))
    found = kept.get(key)
    if found is None:
        found = exam_facts(uow, replace(scope, modality=""), actor)
        for old in list(kept)[: 1 - MOST_KEPT]:
            kept.pop(old, None)
        kept[key] = found
    return [one for one in found if one.modality == scope.modality] if scope.modality else found
