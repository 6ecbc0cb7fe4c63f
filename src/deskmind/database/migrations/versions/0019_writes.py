"""Writes to connected systems, each claimed before it is sent.

Revision ID: 0019
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0019_writes.up.sql")


def downgrade() -> None:
    run_file("0019_writes.down.sql")
