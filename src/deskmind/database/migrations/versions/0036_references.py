"""Records that call others by name are read again when those are renamed or gone.

Revision ID: 0036
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0036_references.up.sql")


def downgrade() -> None:
    run_file("0036_references.down.sql")
