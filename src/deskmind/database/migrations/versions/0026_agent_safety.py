"""Approvers edit what agents propose, proposals escalate, blocks outlast runs.

Revision ID: 0026
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0026_agent_safety.up.sql")


def downgrade() -> None:
    run_file("0026_agent_safety.down.sql")
