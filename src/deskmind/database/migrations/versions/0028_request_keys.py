"""Requests that are to be done once.

Revision ID: 0028
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0028_request_keys.up.sql")


def downgrade() -> None:
    run_file("0028_request_keys.down.sql")
