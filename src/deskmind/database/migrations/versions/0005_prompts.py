"""Prompts: versions, labels, experiments; conversations.

Revision ID: 0005
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0005_prompts.up.sql")


def downgrade() -> None:
    run_file("0005_prompts.down.sql")
