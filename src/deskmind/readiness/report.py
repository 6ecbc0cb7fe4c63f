"""Running all checks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from deskmind import __version__
from deskmind.errors import DeskmindError

if TYPE_CHECKING:
    from deskmind.app import Deskmind

__all__ = ["SECTIONS", "Check", "CheckFunction", "Report", "Section", "State", "assess"]

State = Literal["green", "red", "not assessed"]
Section = Literal[
    "core", "observability", "security", "database", "error handling", "performance", "deployment"
]
SECTIONS: tuple[Section, ...] = (
    *("core", "observability", "security", "database"),
    *("error handling", "performance", "deployment"),
)
"""In the order of the report."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: what was checked.
        state: ``green``, ``red`` (a blocker) or ``not assessed``.
        finding: what was found, in a sentence.
        remedy: what to do; empty when green.
        evidence: the figures that the finding rests on, by name.
        section: of the report.
        at: when the check had run; None before it has.
        seconds: that it took.
    """

    name: str
    state: State
    finding: str
    remedy: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    section: Section = "core"
    at: datetime | None = None
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "evidence": dict(self.evidence),
            "at": self.at.isoformat() if self.at else None,
            "seconds": round(self.seconds, 4),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All findings.

    Attributes:
        checks: by section, in the order of ``SECTIONS``.
        at: when the first check began.
        release: that was assessed.
        recorded: whether the result is in the installation's audit log.
    """

    checks: tuple[Check, ...]
    at: datetime
    release: str = __version__
    recorded: bool = False

    @property
    def blockers(self) -> tuple[Check, ...]:
        """What is red."""
        return tuple(check for check in self.checks if check.state == "red")

    @property
    def ready(self) -> bool:
        """Whether nothing is red. What was not assessed does not count."""
        return not self.blockers

    def count(self, state: State) -> int:
        """How many checks are in a state."""
        return sum(check.state == state for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ready": self.ready,
            "release": self.release,
            "at": self.at.isoformat(),
            "recorded": self.recorded,
            "blockers": [check.name for check in self.blockers],
            "counts": {state: self.count(state) for state in ("green", "red", "not assessed")},
            "checks": [check.as_dict() for check in self.checks],
        }


CheckFunction = Callable[["Deskmind"], Awaitable[Check]]


async def assess(app: Deskmind) -> Report:
    """Run every check, one after another; one that cannot run is red."""
    from deskmind.readiness.registry import CHECKS

    begun = datetime.now(UTC)
    checks = [
        await _run(name, section, check, app)
        for section in SECTIONS
        for name, check in CHECKS[section].items()
    ]
    return Report(tuple(checks), begun)


async def _run(name: str, section: Section, check: CheckFunction, app: Deskmind) -> Check:
    begun = time.perf_counter()
    try:
        found = await check(app)
    except DeskmindError as error:
        found = Check(name, "red", error.what, error.remedy)
    except (psycopg.Error, OSError) as error:
        found = Check(
            name,
            "red",
            f"The check could not run ({type(error).__name__}).",
            "See the checks database and scope.",
        )
    return replace(found, section=section, at=datetime.now(UTC), seconds=time.perf_counter() - begun)
