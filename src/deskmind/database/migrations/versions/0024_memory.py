"""What agents remember.

Revision ID: 0024
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0024_memory.up.sql")


def downgrade() -> None:
    run_file("0024_memory.down.sql")
