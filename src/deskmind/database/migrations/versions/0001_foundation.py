"""Foundation: scope, principals, access lists, knowledge, ingest, audit, row-level security.

Revision ID: 0001
"""

from __future__ import annotations

from deskmind.database.migrations.script import run_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("0001_foundation.up.sql")


def downgrade() -> None:
    run_file("0001_foundation.down.sql")
