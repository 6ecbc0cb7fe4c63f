"""Checks of what was deployed, by the release's signed record; what nobody can know here says so."""

from __future__ import annotations

import asyncio
from typing import Any

from deskmind import __version__
from deskmind.app import Deskmind
from deskmind.governance.audit.checkpoint import VerifyKey
from deskmind.governance.audit.verify import read_keys
from deskmind.governance.evidence.release import PACKAGED_KEY, PACKAGED_RECORD, ReleaseRecord
from deskmind.readiness.report import Check
from deskmind.settings import Settings

__all__ = ["backups", "coverage", "documentation", "release", "tests"]

_NO_RECORD = "No signed record of this release is at hand."
_LEAST_COVERAGE = 92.0


async def release(app: Deskmind) -> Check:
    """The files that are running are those of a release that somebody signed for."""
    found = await asyncio.to_thread(_record, app.settings)
    if found is None:
        return Check(
            "release",
            "not assessed",
            f"Deskmind {__version__}. {_NO_RECORD}",
            "Make one when the package is built: `deskmind release record`.",
            {"version": __version__},
        )
    record, key, problem = found
    evidence = {**_facts(record), "key": str(key) if key else None}
    if problem:
        return Check("release", "red", problem, "Install the release anew, or correct release.key.", evidence)
    finding = f"Deskmind {record.statement['version']} of commit {str(record.statement['commit'])[:12]}, as it was built."
    return Check("release", "green", finding, evidence=evidence)


async def tests(app: Deskmind) -> Check:
    """The tests passed when the release was built."""
    found = await _stated(app, "tests")
    if found is None:
        return Check("tests", "not assessed", _NO_RECORD)
    finding = f"{found['passed']} passed, {found['failed']} failed, {found['skipped']} were skipped, when it was built."
    if found["failed"]:
        return Check("tests", "red", finding, "Install a release whose tests passed.", found)
    return Check("tests", "green", finding, evidence=found)


async def coverage(app: Deskmind) -> Check:
    """The tests ran most of the code."""
    percent = await _stated(app, "coverage")
    if percent is None:
        return Check("coverage", "not assessed", _NO_RECORD)
    evidence = {"percent": percent, "least": _LEAST_COVERAGE}
    finding = f"{percent:g} % of lines and branches were run by the tests."
    if percent < _LEAST_COVERAGE:
        return Check("coverage", "red", finding, "Install a release that was tested better.", evidence)
    return Check("coverage", "green", finding, evidence=evidence)


async def documentation(app: Deskmind) -> Check:
    """The documentation's examples ran when the release was built."""
    found = await _stated(app, "documentation")
    if found is None:
        return Check("documentation", "not assessed", _NO_RECORD)
    finding = f"{found['passed']} of its tests passed, {found['failed']} failed, when the release was built."
    if found["failed"]:
        return Check("documentation", "red", finding, "Read it with care, or install another release.", found)
    return Check("documentation", "green", finding, evidence=found)


async def backups(app: Deskmind) -> Check:
    """Nobody can know here."""
    del app
    return Check(
        "backups", "not assessed", "Deskmind cannot see how the database is backed up.", "Test a restore."
    )


async def _stated(app: Deskmind, fact: str) -> Any:
    """What a record that holds states; None where none does."""
    found = await asyncio.to_thread(_record, app.settings)
    return None if found is None or found[2] else found[0].statement.get(fact)


def _record(settings: Settings) -> tuple[ReleaseRecord, VerifyKey | None, str] | None:
    """The record, who signed it, and why it is not to be believed, or nothing; None where there is no record."""
    path = settings.release.record or PACKAGED_RECORD
    if settings.release.record is None and not path.exists():
        return None
    try:
        record = ReleaseRecord.parse(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        empty = ReleaseRecord({"version": "?", "commit": "?", "built_at": "?"}, "")
        return empty, None, f"The record {path.name} cannot be read: {error}."
    key = record.signed_by(_keys(settings))
    if key is None:
        return record, None, "The record of the release is not signed with a key that is trusted here."
    if record.statement["version"] != __version__:
        return record, key, f"The record is of {record.statement['version']}, and {__version__} is running."
    if not record.of_this_package:
        return record, key, "The files that are running are not those that were built and tested."
    return record, key, ""


def _keys(settings: Settings) -> tuple[VerifyKey, ...]:
    given = settings.release.key or (str(PACKAGED_KEY) if PACKAGED_KEY.exists() else "")
    try:
        return read_keys([given] if given else [])
    except (OSError, ValueError):
        return ()


def _facts(record: ReleaseRecord) -> dict[str, Any]:
    return {name: record.statement[name] for name in ("version", "commit", "built_at")}
