"""Who must approve what: the policy, and the rule that untrusted text decides no write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Literal, Protocol

from deskmind.agents.tool import Risk, Tool

__all__ = ["Approval", "Circumstances", "Rule", "Verdict", "judge"]

Approval = Literal["auto", "one", "two", "never"]
_STRICTNESS: tuple[Approval, ...] = ("auto", "one", "two", "never")
_RISKS: tuple[Risk, ...] = ("low", "medium", "high")


class Rule(Protocol):
    """Who must approve a write of ``tool`` that touches ``field``; ``*`` is any."""

    @property
    def tool(self) -> str:
        """Its name."""
        ...

    @property
    def field(self) -> str:
        """In the terms of what is changed."""
        ...

    @property
    def approval(self) -> Approval:
        """How many."""
        ...

    @property
    def risk(self) -> Risk:
        """It is about tools of this risk at least."""
        ...

    @property
    def hours(self) -> tuple[time, time] | None:
        """It holds from the one to the other time of the day, UTC, over midnight too; None is always."""
        ...

    @property
    def days(self) -> tuple[int, ...]:
        """It holds on these days, 1 is Monday, UTC."""
        ...

    @property
    def confidence(self) -> float:
        """It holds for writes that are so sure at least, 0 to 1; one of which nothing is known counts as 0."""
        ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of a call.

    Attributes:
        tainted: whether the run has read untrusted text.
        confidence: how sure the write is; None where nothing says.
        moment: when; now by default.
    """

    tainted: bool
    confidence: float | None = None
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many must approve, and why."""

    approval: Approval
    reason: str

    @property
    def needed(self) -> int:
        """Approvals, 0 to 2."""
        return {"auto": 0, "one": 1, "two": 2, "never": 0}[self.approval]


def judge(
    tool: Tool, fields: Iterable[str], circumstances: Circumstances, *, rules: Sequence[Rule]
) -> Verdict:
    """Who must approve a call.

    Of the rules that hold in the circumstances, one that names the tool goes before one that does not, and one that names the field before one that does not;
    of several fields, the strictest counts. Without a rule one must approve a write. Whatever the rules say, a
    proposal has one approver at least, and so has what a run that has read untrusted text writes or sends outside.

    Args:
        tool: that is called.
        fields: it would change.
        circumstances: of the call.
        rules: of the installation.
    """
    rules = [rule for rule in rules if _holds(rule, tool, circumstances)]
    if tool.effect == "ask":
        return Verdict("one", "a person is asked")
    outward = tool.audience == "outside"
    if tool.effect == "read":
        verdict = _strictest([_named(rules, tool.name, "*", "auto")])
    else:
        verdict = _strictest([_named(rules, tool.name, one, "one") for one in {*fields} or {"*"}])
    least: Approval = "auto"
    reason = "the policy asks for it"
    if tool.effect == "propose":
        least, reason = "one", "it is a proposal"
    if circumstances.tainted and (outward or tool.effect != "read"):
        least, reason = "one", "the run has read texts that others wrote"
    if _STRICTNESS.index(least) > _STRICTNESS.index(verdict):
        return Verdict(least, reason)
    return Verdict(verdict, "the policy asks for it" if verdict != "auto" else "")


def _holds(rule: Rule, tool: Tool, circumstances: Circumstances) -> bool:
    moment = (circumstances.moment or datetime.now(UTC)).astimezone(UTC)
    return (
        _RISKS.index(rule.risk) <= _RISKS.index(tool.risk)
        and moment.isoweekday() in rule.days
        and (rule.hours is None or _between(moment.time(), *rule.hours))
        and (circumstances.confidence or 0.0) >= rule.confidence
    )


def _between(one: time, start: time, end: time) -> bool:
    return start <= one < end if start <= end else one >= start or one < end


def _named(rules: Sequence[Rule], tool: str, field: str, default: Approval) -> Approval:
    for wanted in ((tool, field), (tool, "*"), ("*", field), ("*", "*")):
        found: list[Approval] = [rule.approval for rule in rules if (rule.tool, rule.field) == wanted]
        if found and not (default == "auto" and wanted[0] == "*"):
            return _strictest(found)
    return default


def _strictest(found: Sequence[Approval]) -> Approval:
    return max(found, key=_STRICTNESS.index)
