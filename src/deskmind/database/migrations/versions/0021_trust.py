"""Legal holds on votes and corrections, and what readiness asks of privacy.

Revision ID: 0021
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0021_trust.up.sql")


def downgrade() -> None:
    run_file("0021_trust.down.sql")
