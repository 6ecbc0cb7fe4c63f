"""Statistics for the planner are brought up to date after large changes.

An embedded server seldom runs long enough for autovacuum to do it, and plans for a tenant the planner has never
heard of read all its documents.

Revision ID: 0003
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0003_statistics.up.sql")


def downgrade() -> None:
    run_file("0003_statistics.down.sql")
