"""A tenant that the planner does not know is counted sooner.

Revision ID: 0035
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0035_unknown_tenants.up.sql")


def downgrade() -> None:
    run_file("0035_unknown_tenants.down.sql")
