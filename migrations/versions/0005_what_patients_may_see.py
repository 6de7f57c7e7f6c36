"""what patients may see"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import ris_pacs.kernel.db

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "portal_code",
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", ris_pacs.kernel.db.UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("ends_at", ris_pacs.kernel.db.UtcDateTime(), nullable=False),
        sa.Column("used_at", ris_pacs.kernel.db.UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_portal_code_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portal_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_portal_code_code_hash")),
    )
    with op.batch_alter_table("portal_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_portal_code_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "result_release",
        sa.Column("requested_procedure_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("signed_at", ris_pacs.kernel.db.UtcDateTime(), nullable=True),
        sa.Column("held_until", ris_pacs.kernel.db.UtcDateTime(), nullable=True),
        sa.Column("ground", sa.String(length=20), nullable=False),
        sa.Column("held_why", sa.String(length=500), nullable=False),
        sa.Column("held_by", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.CheckConstraint("held_until IS NULL OR ground <> ''", name=op.f("ck_result_release_ground")),
        sa.ForeignKeyConstraint(
            ["requested_procedure_id"],
            ["requested_procedure.id"],
            name=op.f("fk_result_release_requested_procedure_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_release")),
        sa.UniqueConstraint("requested_procedure_id", name=op.f("uq_result_release_requested_procedure_id")),
    )

    op.create_index(op.f("ix_report_version_hash"), "report_version", ["hash"])  # Without a new table: it has triggers.
    # Reports that were signed before releases were kept: as they would have been, from their signature on.
    op.execute(
        """
        INSERT INTO result_release (requested_procedure_id, signed_at, ground, held_why, held_by)
        SELECT report_exam.requested_procedure_id, min(report_version.signed_at), '', '', ''
        FROM report
        JOIN report_exam ON report_exam.report_id = report.id AND report_exam.live
        JOIN report_version ON report_version.report_id = report.id AND report_version.kind = 'final'
        WHERE report.state = 'final'
        GROUP BY report_exam.requested_procedure_id
        """
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_report_version_hash"), "report_version")
    op.drop_table("result_release")
    with op.batch_alter_table("portal_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_portal_code_patient_id"))

    op.drop_table("portal_code")
