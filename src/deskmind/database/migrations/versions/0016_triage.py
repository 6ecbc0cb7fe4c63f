"""Triage models of tenants.

Revision ID: 0016
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0016_triage.up.sql")


def downgrade() -> None:
    run_file("0016_triage.down.sql")
