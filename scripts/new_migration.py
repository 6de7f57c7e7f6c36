"""Write the next migration from the difference between the models and the migrations so far.

    .venv/bin/python scripts/new_migration.py "what changes"

Read it, and add by hand what autogenerate does not see: triggers, exclusion constraints, moved data.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from ris_pacs.cli import migrate
from ris_pacs.kernel.db import open_database


def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.db")
        migrate.upgrade(database)
        number = len(list(Path(migrate.MIGRATIONS, "versions").glob("*.py"))) + 1
        with database.engine.connect() as connection:
            config = migrate.config(connection)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    main(sys.argv[1])
