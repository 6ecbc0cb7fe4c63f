"""A tenant's own patterns, actions and names for redaction.

Revision ID: 0014
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0014_redaction.up.sql")


def downgrade() -> None:
    run_file("0014_redaction.down.sql")
