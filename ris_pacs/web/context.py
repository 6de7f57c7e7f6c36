"""Who asks, from where: what every view needs to know about its request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.uow import System

View = TypeVar("View", bound=Callable[..., Any])

SESSION_KEY = "key"
SITE_KEY = "site"


@dataclass(frozen=True)
class SitePlace:
    """A site as pages show it."""

    id: int
    name: str
    zone: ZoneInfo


@dataclass(frozen=True)
class Visitor:
    """A request's person or machine. session_id: the sign-in; None for a token."""

    actor: Actor
    theme: str = "auto"
    session_id: int | None = None


# Finds who holds a session key or bearer token: (key, token, address) → the visitor, or None for a stranger.
Recognise = Callable[[str | None, str | None, str], Visitor | None]


class NotSignedIn(Exception):
    """The page needs a sign-in: browsers are sent there, machines get 401."""


def system() -> System:
    found: System = current_app.extensions["ris_pacs_system"]
    return found


def visitor() -> Visitor | None:
    found: Visitor | None = g.get("visitor")
    return found


def actor() -> Actor:
    """Raises NotSignedIn."""
    found = visitor()
    if found is None:
        raise NotSignedIn
    return found.actor


def session_id() -> int | None:
    """Of the browser's sign-in; None for a token."""
    here = visitor()
    return here.session_id if here else None


def site() -> SitePlace:
    """The site that the person works at now."""
    found: SitePlace = g.site
    return found


def now() -> datetime:
    return system().clock()


def requires(right: Right) -> Callable[[View], View]:
    """Let only roles with this right into the view."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            demand(actor(), right)
            return view(*args, **kwargs)

        guarded.right = right  # type: ignore[attr-defined]  # The matrix test reads it.
        return guarded  # type: ignore[return-value]

    return decorate


def public(view: View) -> View:
    """Mark a view that nobody has to sign in for."""
    view.right = None  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Let everyone in who is signed in, whatever the role."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        actor()
        return view(*args, **kwargs)

    guarded.right = "signed in"  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def refuse_unmarked_view() -> None:
    """Before each request: a view without a right is a mistake of ours, not an open door."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is not None and not hasattr(view, "right"):
        raise Forbidden("This page has no access rule.")


def to_sign_in() -> Response:
    target = request.full_path if request.method == "GET" and not is_fragment() else None
    return redirect(url_for("accounts.login", next=target.rstrip("?") if target else None))


def is_fragment() -> bool:
    """Whether htmx or our script asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"
