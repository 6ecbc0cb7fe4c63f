"""Workers look for writes whose outcome is not known.

Revision ID: 0033
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0033_write_looks.up.sql")


def downgrade() -> None:
    run_file("0033_write_looks.down.sql")
