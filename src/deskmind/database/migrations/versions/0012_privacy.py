"""Privacy: erasures, suppression marks, legal holds, retention.

Revision ID: 0012
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0012_privacy.up.sql")


def downgrade() -> None:
    run_file("0012_privacy.down.sql")
