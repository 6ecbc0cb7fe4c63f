"""Roles, grants and policies of tenants, and what tells that they changed.

Revision ID: 0011
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0011_access.up.sql")


def downgrade() -> None:
    run_file("0011_access.down.sql")
