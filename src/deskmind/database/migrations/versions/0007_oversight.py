"""A version of each tenant's knowledge; usage over all tenants.

Revision ID: 0007
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0007_oversight.up.sql")


def downgrade() -> None:
    run_file("0007_oversight.down.sql")
