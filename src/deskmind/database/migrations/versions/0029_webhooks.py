"""Webhooks: what happens, told to other systems.

Revision ID: 0029
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0029_webhooks.up.sql")


def downgrade() -> None:
    run_file("0029_webhooks.down.sql")
