"""The sign dialog: what stands against it, what is other than in the preliminary report, and the password."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import ChecksFailed, NoSuchReport
from ris_pacs.reporting.forms import SignForm
from ris_pacs.reporting.queries import workspace
from ris_pacs.reporting.rules import text
from ris_pacs.reporting.service import sign
from ris_pacs.reporting.views import asked
from ris_pacs.reporting.views.cases import to_next
from ris_pacs.web import context
from ris_pacs.web.answers import UNPROCESSABLE, say, show_on
from ris_pacs.web.context import requires

blueprint = Blueprint("signing", __name__, url_prefix="/reading")


@blueprint.post("/<int:exam_id>/checks")
@requires(Right.REPORT_WRITE)
def checks(exam_id: int) -> Response:
    """The inside of the dialog, for the text that is saved."""
    return _dialog(exam_id, SignForm(formdata=None), request.form.get("kind", ""))


@blueprint.post("/<int:exam_id>/sign")
@requires(Right.REPORT_WRITE)
def sign_report(exam_id: int) -> Response:
    """Signed, and on to the next case; else the dialog again, with what is wrong."""
    form = SignForm()
    kind = form.kind.data or ""
    if not form.validate_on_submit():
        return _dialog(exam_id, form, kind, UNPROCESSABLE)
    page, revision = asked.page(exam_id), asked.number("revision")
    verb = sign.sign_preliminary if kind == "preliminary" else sign.sign_final
    try:
        signature = sign.Signature(
            page, revision, asked.confirmed(form.password.data), frozenset(request.form.getlist("accept"))
        )
        with unit_of_work(context.system()) as uow:
            verb(uow, signature, context.actor())
    except ChecksFailed as problem:
        return _dialog(exam_id, form, kind, problem.answer.http)
    except DomainError as problem:
        show_on(form, problem)  # A wrong password stands at its field; the rest goes to the error page.
        return _dialog(exam_id, form, kind, problem.answer.http)
    say("Signed as preliminary" if kind == "preliminary" else "Signed")
    response = to_next(exam_id)
    return Response(status=204, headers={"HX-Redirect": response.headers["Location"]})


def _dialog(exam_id: int, form: SignForm, kind: str, status: int = 200) -> Response:
    actor = context.actor()
    kind = kind if kind == "preliminary" or not may(actor, Right.REPORT_SIGN) else "final"
    kind = kind if may(actor, Right.REPORT_SIGN) else "preliminary"
    with read_only(context.system()) as uow:
        report = queries.live_report(uow, exam_id)
        if report is None:
            raise NoSuchReport("Nobody has begun to report this exam.")
        said = queries.current_text(uow, report.id)
        found = sign.findings(uow, report, said.sections, queries.claim_of(uow, exam_id), actor)
        case = workspace.workspace(uow, exam_id, actor)
        changes, before = _changes(uow, report.id, said.sections)
    html = render_template(
        "reporting/sign.html",
        form=form,
        who=actor.name,
        kind=kind,
        case=case,
        findings=found,
        accepted=request.form.getlist("accept"),
        revision=report.revision,
        changes=changes,
        before=before,
    )
    return make_response(html, status)


def _changes(
    uow: UnitOfWork, report_id: int, sections: dict[str, str]
) -> tuple[list[text.SectionDifference], queries.ReportVersion | None]:
    """Against what was signed before: the preliminary report."""
    signed = queries.signed_versions(uow, report_id)
    if not signed:
        return [], None
    return [one for one in text.difference(signed[-1].sections, sections) if one.changed], signed[-1]
