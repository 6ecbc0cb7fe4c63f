"""The usage ledger, budgets and their counters.

Revision ID: 0004
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0004_gateway.up.sql")


def downgrade() -> None:
    run_file("0004_gateway.down.sql")
