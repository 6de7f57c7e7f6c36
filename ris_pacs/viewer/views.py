"""The page that shows the images of a study."""

from __future__ import annotations

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from ris_pacs.archive import queries as archive
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.viewer import queries
from ris_pacs.web import context, shell
from ris_pacs.web.context import requires
from ris_pacs.web.security import for_pixels

blueprint = Blueprint("viewer", __name__)


@blueprint.get("/viewer/studies/<int:study_id>")
@requires(Right.STUDY_VIEW)
def study(study_id: int) -> Response:
    """The images of a study, with the patient's earlier studies to compare with."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        found = archive.view_study(uow, study_id, actor)
        priors = queries.priors(uow, found, actor)
    return for_pixels(shell.render("viewer/study.html", study=found, priors=priors))


@blueprint.get("/viewer/instances/<uid>")
@requires(Right.STUDY_VIEW)
def instance(uid: str) -> Response:
    """The page of an object whose UID the viewer knows: what has no image is looked at there."""
    with read_only(context.system()) as uow:
        found = queries.instance_id(uow, uid, context.actor())
    return redirect(f"/studies/instances/{found}")
