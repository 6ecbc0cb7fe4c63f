"""Outcomes of experiments by the request they came of.

Revision ID: 0009
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0009_outcomes.up.sql")


def downgrade() -> None:
    run_file("0009_outcomes.down.sql")
