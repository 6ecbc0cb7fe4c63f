"""Versions of agents and the labels that point at them.

Revision ID: 0025
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0025_agent_definitions.up.sql")


def downgrade() -> None:
    run_file("0025_agent_definitions.down.sql")
