"""Audit events whose personal fields are encrypted under a key for each person.

Revision ID: 0013
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0013_audit_subjects.up.sql")


def downgrade() -> None:
    run_file("0013_audit_subjects.down.sql")
