"""Schema migrations: Alembic, driven from Python, reviewed by hand, each with a working downgrade."""

from deskmind.database.migrations.runner import Migrations, MigrationStatus

__all__ = ["MigrationStatus", "Migrations"]
