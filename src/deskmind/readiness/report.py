"""Running all checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from deskmind.errors import DeskmindError

if TYPE_CHECKING:
    from deskmind.app import Deskmind

__all__ = ["Check", "Report", "State", "assess"]

State = Literal["green", "red", "not assessed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: what was checked.
        state: ``green``, ``red`` or ``not assessed``.
        finding: what was found, in a sentence.
        remedy: what to do; empty when green.
    """

    name: str
    state: State
    finding: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing is red."""
        return all(check.state != "red" for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"ready": self.ready, "checks": [asdict(check) for check in self.checks]}


async def assess(app: Deskmind) -> Report:
    """Run every check; one that fails to run is red with its error."""
    from deskmind.readiness.checks import CHECKS, NOT_ASSESSED

    checks = [await _run(name, check, app) for name, check in CHECKS.items()]
    return Report((*checks, *NOT_ASSESSED))


async def _run(name: str, check: Callable[[Deskmind], Awaitable[Check]], app: Deskmind) -> Check:
    try:
        return await check(app)
    except DeskmindError as error:
        return Check(name, "red", error.what, error.remedy)
