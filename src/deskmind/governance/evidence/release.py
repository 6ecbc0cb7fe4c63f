"""The record of a release: what was tested when it was built, signed, and bound to the files that were tested.

An installation cannot know whether tests passed. Whoever builds the release does, and says so in ``release.json``, which
lies in the package or where ``release.record`` says. The signature is checked with ``release.key``, or with
``release.key`` in the package. A key that comes with what it vouches for proves that nothing was changed by accident; to prove
more, take the key from elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import deskmind
from deskmind.governance.audit.checkpoint import VerifyKey
from deskmind.governance.evidence.bundle import EvidenceKey, json_bytes
from deskmind.governance.evidence.verify import signer_of

__all__ = [
    "PACKAGED_KEY",
    "PACKAGED_RECORD",
    "ReleaseRecord",
    "TestedRun",
    "coverage_of",
    "make_record",
    "package_digest",
    "run_of",
]

KIND = "deskmind.release"
_PACKAGE = Path(deskmind.__file__).parent
PACKAGED_RECORD = _PACKAGE / "release.json"
PACKAGED_KEY = _PACKAGE / "release.key"
_OWN = frozenset({PACKAGED_RECORD.name, PACKAGED_KEY.name})


@dataclass(frozen=True, slots=True)
class TestedRun:
    """A run of the tests: how many passed, failed or were skipped, and in how many seconds."""

    passed: int
    failed: int
    skipped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """What was recorded when a release was built.

    Attributes:
        statement: the facts, as they were signed.
        text: the whole record, one JSON document.
    """

    statement: Mapping[str, Any]
    text: str

    @classmethod
    def parse(cls, text: str) -> ReleaseRecord:
        """Read a record; what it states is not to be believed before ``signed_by``.

        Raises:
            ValueError: it is no record of a release.
        """
        try:
            statement: Any = json.loads(text)["statement"]
            if statement["kind"] != KIND or not {"version", "commit", "files", "built_at"} <= {*statement}:
                raise ValueError("it has another form")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("this is no record of a release") from error
        return cls(cast("dict[str, Any]", statement), text)

    def signed_by(self, keys: Iterable[VerifyKey]) -> VerifyKey | None:
        """The first of these keys that signed it; None when none did."""
        return signer_of(json_bytes(dict(self.statement)), self.text.encode(), keys)

    @property
    def of_this_package(self) -> bool:
        """Whether the files that are running are those it was made of."""
        return self.statement["files"] == package_digest()


def make_record(
    key: EvidenceKey,
    *,
    version: str,
    commit: str,
    tests: TestedRun,
    coverage: float | None = None,
    documentation: TestedRun | None = None,
    built_at: datetime | None = None,
) -> ReleaseRecord:
    """A signed record of the package as it lies here.

    Args:
        key: of whoever builds releases.
        version: of the release.
        commit: what it was built of.
        tests: all of them.
        coverage: percent of lines and branches.
        documentation: those of ``tests`` that ran the documentation's examples.
        built_at: now unless given.
    """
    statement: dict[str, Any] = {
        "kind": KIND,
        "version": version,
        "commit": commit,
        "files": package_digest(),
        "built_at": (built_at or datetime.now(UTC)).astimezone(UTC).isoformat(),
        "tests": _counts(tests),
        "documentation": _counts(documentation) if documentation else None,
        "coverage": coverage,
    }
    signature = json.loads(key.signature(json_bytes(statement)))
    return ReleaseRecord(statement, json_bytes({"statement": statement, **signature}).decode())


def package_digest(package: Path = _PACKAGE) -> str:
    """SHA-256 over the names and contents of the package's files; what Python writes itself is left out. About 30 ms."""
    digest = sha256()
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and name not in _OWN:
            digest.update(f"{name}\0".encode() + sha256(path.read_bytes()).digest())
    return base64.b64encode(digest.digest()).decode()


def run_of(reports: Sequence[bytes], only: str) -> TestedRun:
    """What JUnit reports (``pytest --junitxml``) say together; of the tests whose class name holds ``only``.

    Raises:
        ValueError: one is no such report, or none holds such a test.
    """
    if any(b"<!DOCTYPE" in report or b"<!ENTITY" in report for report in reports):
        raise ValueError("a JUnit report declares no entities")
    try:
        cases = [
            case
            for report in reports
            for case in ElementTree.fromstring(report).iter("testcase")  # noqa: S314 - no entities, see above
            if only in case.get("classname", "")
        ]
    except ElementTree.ParseError as error:
        raise ValueError("this is no JUnit report") from error
    if not cases:
        raise ValueError("no report holds such a test")
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    seconds = sum(float(case.get("time", 0)) for case in cases)
    return TestedRun(len(cases) - failed - skipped, failed, skipped, round(seconds, 1))


def coverage_of(report: bytes) -> float:
    """Percent covered, of ``coverage json``.

    Raises:
        ValueError: it is no such report.
    """
    try:
        return round(float(json.loads(report)["totals"]["percent_covered"]), 2)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("this is no report of `coverage json`") from error


def _counts(run: TestedRun) -> dict[str, Any]:
    return {"passed": run.passed, "failed": run.failed, "skipped": run.skipped, "seconds": run.seconds}
