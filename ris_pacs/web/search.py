"""The search over everything: patients, exams, actions, from providers that slices register."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.uow import UnitOfWork, read_only
from ris_pacs.web import context, shell
from ris_pacs.web.context import signed_in

blueprint = Blueprint("search", __name__)


@dataclass(frozen=True)
class Hit:
    """A line of the result. state: key of a status chip, or empty; picture: address of a thumbnail, or empty."""

    title: str
    detail: str
    url: str
    icon: str = ""
    state: str = ""
    picture: str = ""
    key: str = ""


@dataclass(frozen=True)
class SearchProvider:
    """A group of hits. find gets the text as typed, stripped."""

    title: str
    right: Right
    find: Callable[[UnitOfWork, str, Actor], Sequence[Hit]]


@blueprint.get("/search")
@signed_in
def results() -> Response:
    text = request.args.get("q", "").strip()[:100]
    begun = time.perf_counter()
    actor = context.actor()
    providers = [one for one in shell.parts().search if may(actor, one.right)]
    with read_only(context.system()) as uow:
        groups = [(one.title, one.find(uow, text, actor)) for one in providers]
    return Response(
        render_template(
            "search/results.html",
            groups=[(title, hits) for title, hits in groups if hits],
            text=text,
            milliseconds=round((time.perf_counter() - begun) * 1000),
        )
    )
