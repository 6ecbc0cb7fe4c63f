"""What may become a memory: a person's own words; what others wrote only where a rule of the installation says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deskmind.agents.memory.memory import Audience, Draft
from deskmind.errors import PermissionDeniedError

__all__ = ["RememberRule", "check_allowed", "may_be_remembered"]


class RememberRule(Protocol):
    """Lets texts of an origin become memories; ``*`` is any."""

    @property
    def origin(self) -> str:
        """See ``Origin``."""
        ...

    @property
    def source(self) -> str:
        """Name of the agent or the tool."""
        ...

    @property
    def kind(self) -> str:
        """See ``Kind``."""
        ...

    @property
    def audience(self) -> str:
        """For whom: no wider than this."""
        ...


def may_be_remembered(draft: Draft, audience: Audience, rules: Sequence[RememberRule]) -> bool:
    """Whether a text may become a memory for an audience.

    Without a rule: what a person tells, for whom the person may tell it; and what a run made of trusted text alone, for its
    own user. A rule lets more pass, and never makes it trusted.
    """
    if draft.trust == "trusted" and (draft.origin == "person" or audience == "user"):
        return True
    return any(_covers(rule, draft, audience) for rule in rules)


def check_allowed(draft: Draft, audience: Audience, rules: Sequence[RememberRule]) -> None:
    """The same as an error.

    Raises:
        PermissionDeniedError: no rule allows it.
    """
    if not may_be_remembered(draft, audience, rules):
        raise PermissionDeniedError(
            "This text may not become a memory.",
            why=f"It is {draft.trust}, its origin is '{draft.origin}', and no rule lets that be remembered for a {audience}.",
            remedy="Add a rule to [[agents.remember]], or have a person tell it.",
        )


def _covers(rule: RememberRule, draft: Draft, audience: Audience) -> bool:
    widths = ("user", "group", "tenant")
    return (
        rule.origin in ("*", draft.origin)
        and rule.source in ("*", draft.source)
        and rule.kind in ("*", draft.kind)
        and widths.index(audience) <= widths.index(rule.audience)
    )
