"""What a decision costs: a role check, one with 20 Cedar policies, and the whole door of an operation."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from deskmind.app import Deskmind
from deskmind.governance.access import BUILT_IN, Asked, CedarPolicy, Grant, Holding, Permission, Rights

_BATCH = 200

_RULES = "\n".join(
    f'@id("rule-{number}") forbid (principal in Deskmind::Group::"contractors-{number}",'
    f' action in Deskmind::Action::"knowledge:*", resource)'
    f" unless {{ context.hour >= {number % 9} && !context.key }};"
    for number in range(20)
)


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows: microseconds of processor time a decision."""
    batches = 20 if quick else 200
    roles = [
        (Grant(name, "user ann"), BUILT_IN[name].permissions)
        for name in ("requester", "technician", "auditor")
    ]
    rights = Rights(Holding("ann", roles))
    both = Rights(Holding("ann", roles), Holding("bot", roles))
    policy = CedarPolicy(_RULES, BUILT_IN["owner"].permissions)
    groups = frozenset(f"group-{number}" for number in range(10))
    asked = Asked("knowledge:ask", "ann", rights.roles(), groups, context={"hour": 12})

    def judged() -> None:
        assert rights.decide("knowledge:ask").allowed
        assert policy.judge(asked).allowed

    return [
        _row("a role check", _timed(lambda: rights.decide("knowledge:ask"), batches)),
        _row("a role check that refuses", _timed(lambda: rights.decide("keys:write"), batches)),
        _row("a role check of a user and an agent", _timed(lambda: both.decide("knowledge:ask"), batches)),
        _row("a role check and 20 Cedar policies", _timed(judged, batches)),
        *await _at_the_door(batches),
    ]


async def _at_the_door(batches: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        async with Deskmind.open(home=folder, knowledge={"embedder": "none"}) as app:
            await app.tenants.create("acme")
            operator = await app.desk(tenant="acme")
            await operator.principals.add_user("ann", groups=[f"group-{number}" for number in range(10)])
            scope = (await app.desk(tenant="acme", user="ann")).scope

            async def admitted() -> None:
                await app.authority.admit(scope, Permission.KNOWLEDGE_ASK)

            by_roles = await _awaited(admitted, batches)
            await operator.access.set_policy(_RULES)
            by_policy = await _awaited(admitted, batches)
    return [
        _row("the door of an operation, grants in the database", by_roles),
        _row("the door of an operation, with 20 Cedar policies", by_policy),
    ]


def _timed(act: Callable[[], object], batches: int) -> list[float]:
    found: list[float] = []
    for _ in range(batches):
        started = time.process_time()
        for _ in range(_BATCH):
            act()
        found.append((time.process_time() - started) / _BATCH * 1e6)
    return found


async def _awaited(act: Callable[[], Awaitable[None]], batches: int) -> list[float]:
    found: list[float] = []
    for _ in range(batches):
        started = time.process_time()
        for _ in range(_BATCH):
            await act()
        found.append((time.process_time() - started) / _BATCH * 1e6)
    return found


def _row(case: str, microseconds: list[float]) -> dict[str, Any]:
    return {
        "case": case,
        "p50 us of CPU": round(statistics.median(microseconds), 1),
        "p95 us of CPU": round(statistics.quantiles(microseconds, n=20)[-1], 1),
    }
