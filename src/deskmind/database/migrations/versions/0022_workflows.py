"""Runs of workflows and their steps.

Revision ID: 0022
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0022_workflows.up.sql")


def downgrade() -> None:
    run_file("0022_workflows.down.sql")
