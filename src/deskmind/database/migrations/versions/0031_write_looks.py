"""Workers look for writes whose outcome is not known.

Revision ID: 0031
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0031_write_looks.up.sql")


def downgrade() -> None:
    run_file("0031_write_looks.down.sql")
