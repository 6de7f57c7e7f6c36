"""What every process stands on: database, archive, clock, and who reacts to which event."""

from __future__ import annotations

import ris_pacs.archive.subscribers
import ris_pacs.billing.subscribers
import ris_pacs.messages.subscribers
import ris_pacs.reporting.subscribers
import ris_pacs.scheduling.subscribers
import ris_pacs.tracking.subscribers
from ris_pacs.archive.events import CaseOpened, InstancesStored, StudyLinked, StudyUnlinked
from ris_pacs.config import Settings
from ris_pacs.kernel.blobs import open_store
from ris_pacs.kernel.clock import Clock, system_clock
from ris_pacs.kernel.db import open_database
from ris_pacs.kernel.events import Subscription, Subscriptions, When
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System
from ris_pacs.orders.events import ExamMoved, OrderChanged, OrderPlaced
from ris_pacs.patients.events import CoverageChanged, PatientChanged
from ris_pacs.reporting.events import ReportSigned, ReportWithdrawn
from ris_pacs.worklist.events import StepCompleted

SUBSCRIPTIONS = (
    Subscription(OrderPlaced, ris_pacs.scheduling.subscribers.make_steps_of_order, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.scheduling.subscribers.follow_exam, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.reporting.subscribers.exam_moved, When.SAME_TX),
    Subscription(StepCompleted, ris_pacs.archive.subscribers.step_completed, When.SAME_TX),
    Subscription(StudyLinked, ris_pacs.archive.subscribers.study_linked, When.SAME_TX),
    Subscription(StudyUnlinked, ris_pacs.archive.subscribers.study_unlinked, When.SAME_TX),
    Subscription(OrderPlaced, ris_pacs.tracking.subscribers.order_placed, When.SAME_TX),
    Subscription(OrderChanged, ris_pacs.tracking.subscribers.order_changed, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.tracking.subscribers.exam_moved, When.SAME_TX),
    Subscription(InstancesStored, ris_pacs.tracking.subscribers.images_came, When.SAME_TX),
    Subscription(CaseOpened, ris_pacs.tracking.subscribers.case_opened, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.messages.subscribers.tell_placer, When.SAME_TX),
    Subscription(ReportSigned, ris_pacs.reporting.subscribers.report_signed, When.SAME_TX),
    Subscription(ReportWithdrawn, ris_pacs.reporting.subscribers.report_withdrawn, When.SAME_TX),
    Subscription(PatientChanged, ris_pacs.tracking.subscribers.patient_changed, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.billing.subscribers.exam_moved, When.SAME_TX),
    Subscription(PatientChanged, ris_pacs.billing.subscribers.patient_changed, When.SAME_TX),
    Subscription(CoverageChanged, ris_pacs.billing.subscribers.coverage_changed, When.SAME_TX),
)


def build_system(settings: Settings, clock: Clock = system_clock) -> System:
    """Connects lazily: nothing is read, written or listened to here but the archive's folders."""
    return System(
        database=open_database(settings.database_url),
        blobs=open_store(settings.storage_url),
        cache=settings.data_dir / "cache",
        clock=clock,
        mint_uid=uid_mint(settings.uid_root),
        subscriptions=Subscriptions(SUBSCRIPTIONS),
    )
