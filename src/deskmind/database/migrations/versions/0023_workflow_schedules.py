"""Schedules of workflows, and the events that began them.

Revision ID: 0023
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0023_workflow_schedules.up.sql")


def downgrade() -> None:
    run_file("0023_workflow_schedules.down.sql")
