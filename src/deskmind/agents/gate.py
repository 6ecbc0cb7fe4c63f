"""Who must approve what: the policy, and the rule that untrusted text decides no write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from deskmind.agents.tool import Tool

__all__ = ["Approval", "Rule", "Verdict", "judge"]

Approval = Literal["auto", "one", "two", "never"]
_STRICTNESS: tuple[Approval, ...] = ("auto", "one", "two", "never")


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many must approve, and why."""

    approval: Approval
    reason: str

    @property
    def needed(self) -> int:
        """Approvals, 0 to 2."""
        return {"auto": 0, "one": 1, "two": 2, "never": 0}[self.approval]


def judge(tool: Tool, fields: Iterable[str], *, tainted: bool, rules: Sequence[Rule]) -> Verdict:
    """Who must approve a call.

    A rule that names the tool goes before one that does not, and one that names the field before one that does not;
    of several fields, the strictest counts. Without a rule one must approve a write. Whatever the rules say, a
    proposal has one approver at least, and so has what a run that has read untrusted text writes or sends outside.

    Args:
        tool: that is called.
        fields: it would change.
        tainted: whether the run has read untrusted text.
        rules: of the installation.
    """
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
    if tainted and (outward or tool.effect != "read"):
        least, reason = "one", "the run has read texts that others wrote"
    if _STRICTNESS.index(least) > _STRICTNESS.index(verdict):
        return Verdict(least, reason)
    return Verdict(verdict, "the policy asks for it" if verdict != "auto" else "")


def _named(rules: Sequence[Rule], tool: str, field: str, default: Approval) -> Approval:
    for wanted in ((tool, field), (tool, "*"), ("*", field), ("*", "*")):
        found: list[Approval] = [rule.approval for rule in rules if (rule.tool, rule.field) == wanted]
        if found and not (default == "auto" and wanted[0] == "*"):
            return _strictest(found)
    return default


def _strictest(found: Sequence[Approval]) -> Approval:
    return max(found, key=_STRICTNESS.index)
