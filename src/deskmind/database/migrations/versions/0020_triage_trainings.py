"""Trainings of triage as jobs.

Revision ID: 0020
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0020_triage_trainings.up.sql")


def downgrade() -> None:
    run_file("0020_triage_trainings.down.sql")
