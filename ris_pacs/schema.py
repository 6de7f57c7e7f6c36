"""Every table of the one database, for migrations."""

from __future__ import annotations

import ris_pacs.accounts.models
import ris_pacs.archive.models
import ris_pacs.billing.models
import ris_pacs.catalog.models
import ris_pacs.kernel.tables
import ris_pacs.orders.models
import ris_pacs.patients.models
import ris_pacs.portal.models
import ris_pacs.reporting.models
import ris_pacs.scheduling.models
import ris_pacs.worklist.models  # noqa: F401
from ris_pacs.kernel.db import Base

metadata = Base.metadata
