"""What works in the background is shown to operators of its tenant; API keys get new secrets.

Revision ID: 0032
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0032_jobs_and_keys.up.sql")


def downgrade() -> None:
    run_file("0032_jobs_and_keys.down.sql")
