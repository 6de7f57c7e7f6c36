"""The search over everything: patients, exams, actions, from providers that slices register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.text import fold
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
    actor = context.actor()
    providers = [one for one in shell.parts().search if may(actor, one.right)]
    with read_only(context.system()) as uow:
        groups = [(one.title, one.find(uow, text, actor)) for one in providers]
    groups.append(("Actions", _actions(text, actor)))
    shown = [(title, hits) for title, hits in groups if hits]
    return Response(render_template("search/results.html", groups=shown, text=text))


def _actions(text: str, actor: Actor) -> list[Hit]:
    """What can be done and where one can go; before anything is typed, all that the person does daily."""
    given = shell.parts()
    doing = [Hit(one.label, one.detail, one.url, one.icon) for one in given.actions if may(actor, one.right)]
    going = [
        Hit(one.label, "", one.url, one.icon)
        for one in given.places
        if may(actor, one.right) and (text or actor.role in one.roles)
    ]
    words = fold(text).split()
    return [
        hit
        for hit in doing + going
        if all(any(part.startswith(word) for part in fold(f"{hit.title} {hit.detail}").split()) for word in words)
    ]
