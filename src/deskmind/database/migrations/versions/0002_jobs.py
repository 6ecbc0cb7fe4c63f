"""Jobs: procrastinate's schema in ours, out of the application role's sight.

Revision ID: 0002
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file, run_procrastinate

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_procrastinate()
    run_file("0002_jobs.up.sql")


def downgrade() -> None:
    run_file("0002_jobs.down.sql")
