"""Schema migrations: Alembic, driven from Python, reviewed by hand, each with a working downgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deskmind.database.migrations.status import MigrationStatus, check_release, compare, revisions

if TYPE_CHECKING:
    from deskmind.database.migrations.runner import Migrations

__all__ = ["MigrationStatus", "Migrations", "check_release", "compare", "revisions"]


def __getattr__(name: str) -> Any:
    if name != "Migrations":
        raise AttributeError(f"module 'deskmind.database.migrations' has no attribute '{name}'")
    from deskmind.database.migrations.runner import Migrations

    return Migrations
