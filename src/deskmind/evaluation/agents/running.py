"""Running cases: the world is set up, the agent runs, people decide, and what came of it is looked at."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from deskmind.agents import Proposed, Run, RunDetails
from deskmind.errors import DeskmindError
from deskmind.evaluation.agents.cases import Case, CaseFile, GivenTicket
from deskmind.evaluation.agents.judge import Judged, judged
from deskmind.evaluation.agents.judging import Seen, failures_of
from deskmind.evaluation.agents.world import MODEL, World, open_world
from deskmind.settings import Settings

__all__ = ["Outcome", "evaluate_agents", "run_case"]

_ROUNDS = 12
_NAME = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case.

    Attributes:
        failures: what was expected and did not come; empty where the case passed.
        state: of the run.
        tools: that were called and answered, in order.
        refused: tools of which a call was refused.
        proposals: how many approvals were asked for.
        usd: what it cost.
        milliseconds: how long it took.
        judged: what models said of the answer.
    """

    name: str
    failures: tuple[str, ...]
    state: str
    tools: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    proposals: int = 0
    steps: int = 0
    usd: Decimal = field(default=Decimal(0))
    milliseconds: float = 0.0
    judged: tuple[Judged, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything came as expected."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            **asdict(self),
            "failures": list(self.failures),
            "tools": list(self.tools),
            "refused": list(self.refused),
            "usd": str(self.usd),
            "milliseconds": round(self.milliseconds, 1),
            "judged": [one.as_dict() for one in self.judged],
            "passed": self.passed,
        }


async def evaluate_agents(
    file: CaseFile, *, home: Path | None = None, settings: Settings | None = None
) -> list[Outcome]:
    """Run all cases of a file, one after the other, in one world that is thrown away.

    Args:
        file: the cases.
        home: data folder.
        settings: a ready configuration instead, whose database is used; its agents are the file's, and so are its models, but
            for those that judge.
    """
    judges = {judge.model for case in file.cases for judge in case.expect.judge}
    async with open_world(home, settings, file.settings, judges) as world:
        return [await run_case(world, one) for one in file.cases]


async def run_case(world: World, case: Case) -> Outcome:
    """Run one case."""
    began = time.monotonic()
    names = await _set_up(world, case)
    try:
        seen = await _happened(world, case, names)
        expected = _filled(case.expect.model_dump(), names)
        expected["tickets"] = {names[name]: wanted for name, wanted in expected["tickets"].items()}
        failures = await failures_of(world, expected, seen)
        verdicts = await _judged(world, case, names, seen)
        failures += [one.failure for one in verdicts if one.failure is not None]
    finally:
        await world.withdraw()
    run = seen.details.run if seen.details else None
    return Outcome(
        case.name,
        tuple(failures),
        run.state if run else "failed",
        seen.tools,
        seen.refused,
        len(seen.proposals),
        run.steps if run else 0,
        run.cost if run else Decimal(0),
        (time.monotonic() - began) * 1000,
        verdicts,
    )


async def _judged(world: World, case: Case, names: Mapping[str, str], seen: Seen) -> tuple[Judged, ...]:
    """What the judges of the case say of its answer."""
    run = seen.details.run if seen.details else None
    output = run.output if run is not None else None
    answer = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    verdicts: list[Judged] = []
    for one in case.expect.judge:
        wanted = one.model_copy(update={"rubric": _text(one.rubric, names)})
        configured = one.model in world.app.settings.models
        task = _text(case.prompt, names)
        verdicts.append(await judged(world.operator, wanted, task=task, answer=answer, configured=configured))
    return tuple(verdicts)


async def _set_up(world: World, case: Case) -> dict[str, str]:
    """The tickets, documents and texts of a case; what its ``$names`` stand for."""
    world.begin()
    names = dict(world.names)
    for name, given in case.given.tickets.items():
        made = await world.tickets.add(_named(given, names))
        names[name], names[f"{name}_number"] = made["sys_id"], made["number"]
    for one in case.given.articles:
        await world.publish(one.title, _text(one.text, names), one.readers)
    world.memories = tuple(_text(one, names) for one in case.given.memories)
    world.page = _text(case.given.page, names)
    script = [_filled(one, names) if isinstance(one, Mapping) else one for one in case.model]
    world.brain.begin(script, obeys=case.obeys, schema=case.tool_calling == "schema")
    return names


async def _happened(world: World, case: Case, names: Mapping[str, str]) -> Seen:
    agent = world.user.agent(
        "evaluated",
        instructions=case.instructions,
        model=MODEL,
        tools=case.tools,
        checks=case.checks,
        tool_calling=case.tool_calling,
    )
    problem, details = "", None
    proposals: list[Proposed] = []
    try:
        run: Run[Any] = await agent.run(
            _text(case.prompt, names), untrusted=_text(case.given.untrusted, names)
        )
        for _ in range(_ROUNDS):
            if run.state != "waiting":
                break
            proposals = await world.approvers[0].approvals.list(run_id=run.run_id, waiting=False)
            if case.approver == "absent":
                break
            await _decide(world, case, names, proposals)
            run = await agent.resume(run.run_id)
        details = await world.user.agents.show(run.run_id)
    except DeskmindError as error:
        problem = error.code
        (newest,) = await world.user.agents.list(limit=1)
        details = await world.user.agents.show(newest.run_id)
    return Seen(details, proposals, problem, *_called(details))


async def _decide(world: World, case: Case, names: Mapping[str, str], proposals: Sequence[Proposed]) -> None:
    for proposal in proposals:
        if proposal.state != "open":
            continue
        first, second = world.approvers
        if case.approver == "reject":
            await first.approvals.reject(proposal.proposal_id, reason="not wanted")
            continue
        if case.edit and proposal.kind == "write":
            now = await first.approvals.edit(proposal.proposal_id, _filled(case.edit, names))
        else:
            now = await first.approvals.approve(proposal.proposal_id, answer="yes, go on")
        if now.state == "open":
            await second.approvals.approve(proposal.proposal_id)


def _called(details: RunDetails[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tools whose calls were answered, and those whose calls were refused."""
    results = [step for step in details.steps if step.kind == "result"]
    return (
        tuple(step.tool for step in results if step.outcome == "ok"),
        tuple(step.tool for step in results if step.outcome == "refused"),
    )


def _named(given: GivenTicket, names: Mapping[str, str]) -> GivenTicket:
    return GivenTicket.model_validate(_filled(given.model_dump(), names))


def _text(text: str, names: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: names.get(found[1], found[0]), text)


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, Mapping):
        return {key: _filled(one, names) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_filled(one, names) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value
