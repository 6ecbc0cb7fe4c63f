"""Fewer chunks are scored by their words where vectors propose candidates too.

Revision ID: 0034
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0034"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0034_lexical_bound.up.sql")


def downgrade() -> None:
    run_file("0034_lexical_bound.down.sql")
