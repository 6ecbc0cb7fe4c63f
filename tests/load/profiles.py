"""The profiles: how many requests a second are offered for how long, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deskmind.api.limits.classes import RouteClass

__all__ = ["KINDS", "PROFILES", "Limits", "Phase", "Profile"]

KINDS: dict[str, RouteClass] = {
    "search": "search",
    "ask": "models",
    "ask, streamed": "models",
    "chat": "models",
    "chat, streamed": "models",
    "read": "read",
    "approvals": "read",
    "sync status": "read",
    "write": "write",
    "agent run": "write",
    "mcp": "mcp",
}
"""Kinds of requests, and the class of the service's limits that each belongs to."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Some seconds with a number of users, each of whom sends one request a second (or waits for the last)."""

    name: str
    seconds: float
    users: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold.

    Attributes:
        errors: failed requests at most.
        steady_factor: 95th percentile of the phase ``steady`` against ``baseline``, for each class of requests.
        recovery_factor: the same of the phase ``recovery``.
        memory_growth: of the service between the first and the last quarter of the phase ``steady``, 0 to 1.
    """

    errors: int = 0
    steady_factor: float | None = None
    recovery_factor: float | None = None
    memory_growth: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of load. Every profile begins with the smoke profile's load, against which it is judged."""

    name: str
    phases: tuple[Phase, ...]
    limits: Limits

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(phase.seconds for phase in self.phases)

    def lasting(self, seconds: float) -> Profile:
        """The same with so many seconds of the phase ``steady``."""
        phases = (
            replace(phase, seconds=seconds) if phase.name == "steady" else phase for phase in self.phases
        )
        return replace(self, phases=tuple(phases))


_BASELINE = Phase("baseline", 15, 8)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("smoke", (_BASELINE,), Limits()),
        Profile("load", (_BASELINE, Phase("steady", 120, 15)), Limits(steady_factor=3.0)),
        Profile(
            "stress",
            (
                _BASELINE,
                *(Phase(f"step-{users}", 15, users) for users in (20, 40, 60, 80, 100)),
                Phase("drain", 10, 4),
                Phase("recovery", 15, 4),
            ),
            Limits(recovery_factor=2.0),
        ),
        Profile(
            "spike",
            (
                _BASELINE,
                Phase("before", 10, 10),
                Phase("spike", 15, 120),
                Phase("drain", 10, 10),
                Phase("recovery", 20, 10),
            ),
            Limits(recovery_factor=2.0),
        ),
        Profile(
            "soak",
            (_BASELINE, Phase("steady", 1800, 8)),
            Limits(steady_factor=3.0, memory_growth=0.05),
        ),
    )
}
