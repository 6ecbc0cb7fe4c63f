"""Lexical candidates at a bounded cost; erasing a tenant.

Revision ID: 0008
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0008_search_and_erasure.up.sql")


def downgrade() -> None:
    run_file("0008_search_and_erasure.down.sql")
