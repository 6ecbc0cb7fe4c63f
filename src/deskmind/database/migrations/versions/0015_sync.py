"""Connected systems and what was read from them.

Revision ID: 0015
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0015_sync.up.sql")


def downgrade() -> None:
    run_file("0015_sync.down.sql")
