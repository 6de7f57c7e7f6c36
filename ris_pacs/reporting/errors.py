from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ris_pacs.kernel.errors import Conflict, Invalid, Missing

if TYPE_CHECKING:
    from ris_pacs.reporting.rules.checks import Finding


class NoSuchReport(Missing):
    code = "no-such-report"


class NoSuchVersion(Missing):
    code = "no-such-version"


class ReadByOther(Conflict):
    """Somebody else has claimed the exam."""

    code = "read-by-other"


class StalePage(Conflict):
    """The page no longer has the say: it was opened again elsewhere, or the exam is no longer this reader's."""

    code = "stale-page"


class WrongPage(Conflict):
    """The page says that it shows another patient than the exam has."""

    code = "wrong-page"


class ReportChanged(Conflict):
    """Another version than the one that was looked at is there now."""

    code = "report-changed"


class WrongReportState(Conflict):
    code = "wrong-report-state"


class ForeignImage(Conflict):
    """An image that does not belong to the exam."""

    code = "foreign-image"


class BadText(Invalid):
    code = "bad-report-text"


class NotConfirmed(Invalid):
    """The signature came without a fresh password."""

    code = "not-confirmed"


class ChecksFailed(Invalid):
    """What stands against signing; `findings` holds all of it."""

    code = "checks-failed"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(" ".join(one.text for one in findings))
        self.findings = tuple(findings)
