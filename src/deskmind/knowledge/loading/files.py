"""Finding files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deskmind.knowledge.loading.kinds import SUPPORTED_SUFFIXES
from deskmind.knowledge.loading.limits import LoadLimits

__all__ = ["FoundFile", "walk"]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to take in: where it is, how it is cited, its size in bytes."""

    path: Path
    uri: str
    size: int


def walk(paths: Sequence[Path], *, limits: LoadLimits) -> Iterator[FoundFile]:
    """Files named, and all supported ones below folders named; sorted, hidden ones and links to folders left out.

    A file that is named itself is returned whatever its kind, so that its problem is reported.
    """
    del limits
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            yield from (found for found in _below(path) if _new(found.path, seen))
        elif _new(path, seen):
            yield _found(path)


def _below(folder: Path) -> Iterator[FoundFile]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(root) / name
            if not name.startswith(".") and path.suffix.lower() in SUPPORTED_SUFFIXES:
                yield _found(path)


def _new(path: Path, seen: set[Path]) -> bool:
    resolved = path.resolve()
    if resolved in seen:
        return False
    seen.add(resolved)
    return True


def _found(path: Path) -> FoundFile:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return FoundFile(path, str(path.absolute()), size)
