"""Prepared writes are kept with their claims; tenants' jobs take turns; cancelled runs may take back.

Revision ID: 0030
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0030_agents_fair.up.sql")


def downgrade() -> None:
    run_file("0030_agents_fair.down.sql")
