"""Stories of requests, feedback on answers.

Revision ID: 0006
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0006_explain.up.sql")


def downgrade() -> None:
    run_file("0006_explain.down.sql")
