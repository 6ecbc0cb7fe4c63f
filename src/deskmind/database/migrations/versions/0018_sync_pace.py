"""The pace of connections is shared by all workers; how connections fare, across tenants.

Revision ID: 0018
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0018_sync_pace.up.sql")


def downgrade() -> None:
    run_file("0018_sync_pace.down.sql")
