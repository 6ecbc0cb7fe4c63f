"""The audit log sealed: canonical bytes, positions, signed checkpoints.

Revision ID: 0010
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0010_audit_seal.up.sql")


def downgrade() -> None:
    run_file("0010_audit_seal.down.sql")
