"""Runs of agents, what they propose, and who decides.

Revision ID: 0017
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0017_agents.up.sql")


def downgrade() -> None:
    run_file("0017_agents.down.sql")
