"""What the listener counts, for whoever keeps the numbers."""

from __future__ import annotations

from typing import Protocol

from ris_pacs.dicom.connection import Ending


class Metrics(Protocol):
    """Called from the associations' threads; must be quick and must not raise."""

    def association_opened(self) -> None:
        """An association was accepted."""

    def association_closed(self, ending: Ending, received: int, sent: int) -> None:
        """It ended; bytes over its connection in both directions."""

    def association_rejected(self, reason: str) -> None:
        """One was refused; the standard's reason in words."""

    def operation(self, name: str, status: int, seconds: float, size: int) -> None:
        """A request was answered: "C-STORE" and so on, the final status, bytes of its data set."""


class NoMetrics:
    """Counts nothing."""

    def association_opened(self) -> None:
        pass

    def association_closed(self, ending: Ending, received: int, sent: int) -> None:
        pass

    def association_rejected(self, reason: str) -> None:
        pass

    def operation(self, name: str, status: int, seconds: float, size: int) -> None:
        pass
