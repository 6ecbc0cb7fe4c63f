"""Where a database's schema stands, told without loading the migration tools."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deskmind import __version__
from deskmind.errors import SchemaVersionError

__all__ = ["MigrationStatus", "check_release", "compare", "revisions"]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where a database stands.

    Attributes:
        current: revision of the database, None before the first migration.
        head: revision this release brings.
        pending: revisions still to be applied, oldest first.
        min_compatible_release: the oldest release that may use this database.
    """

    current: str | None
    head: str
    pending: tuple[str, ...]
    min_compatible_release: str | None

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is pending."""
        return self.current == self.head


@cache
def revisions() -> tuple[str, ...]:
    """Every revision this release knows, oldest first; files are named ``{revision}_{subject}.py``."""
    return tuple(
        sorted(path.stem.split("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
    )


def compare(current: str | None, min_compatible_release: str | None) -> MigrationStatus:
    """The status of a database at revision ``current``; unknown revisions are a newer release's."""
    known = revisions()
    pending = known if current is None else known[known.index(current) + 1 :] if current in known else ()
    return MigrationStatus(current, known[-1], pending, min_compatible_release)


def check_release(status: MigrationStatus, release: str = __version__) -> None:
    """Refuse to run on a database that does not fit this release.

    Raises:
        SchemaVersionError: the schema is older than this release needs, or no longer serves this release.
    """
    if status.min_compatible_release is not None and _numbers(release) < _numbers(
        status.min_compatible_release
    ):
        raise SchemaVersionError(
            f"The database needs Deskmind {status.min_compatible_release} or newer; this is {release}.",
            why="A newer release has migrated it.",
            remedy=f'Upgrade with: pip install "deskmind>={status.min_compatible_release}"',
        )
    if status.pending:
        raise SchemaVersionError(
            f"The database lacks {len(status.pending)} migration(s): {', '.join(status.pending)}.",
            why="This release is newer than the database's schema.",
            remedy="Run `deskmind migrate up`.",
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("+", maxsplit=1)[0].split(".")[:3] if part.isdigit())
