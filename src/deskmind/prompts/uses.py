"""The prompts that Deskmind itself uses, and the values it gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from deskmind.errors import PromptError
from deskmind.prompts.templates import PromptTemplate

__all__ = ["ANSWER", "CONDENSE", "SUMMARISE", "check_use", "taken"]

ANSWER = "answer"
CONDENSE = "condense"
SUMMARISE = "summarise"


@dataclass(frozen=True, slots=True)
class _Use:
    """What a prompt is used for.

    Attributes:
        purpose: for people.
        needed: variables without which it makes no sense.
        sample: a value for each variable that it is given.
    """

    purpose: str
    needed: tuple[str, ...]
    sample: Mapping[str, Any]


_TURNS = ({"role": "user", "content": "The VPN fails."}, {"role": "assistant", "content": "Restart it."})
_USES: Mapping[str, _Use] = MappingProxyType(
    {
        ANSWER: _Use(
            "words answers",
            ("question", "passages"),
            {
                "question": "How do I reset my password?",
                "passages": [{"number": 1, "title": "Passwords", "text": "Open the portal."}],
                "history": "Asked about the VPN.",
            },
        ),
        CONDENSE: _Use(
            "makes a question of its own of one that follows up",
            ("question", "turns"),
            {"question": "And on macOS?", "turns": _TURNS, "summary": "Asked about the VPN."},
        ),
        SUMMARISE: _Use(
            "sums up the older turns of a conversation",
            ("turns",),
            {"turns": _TURNS, "previous": "Asked about the VPN.", "words": 100},
        ),
    }
)


def taken(template: PromptTemplate, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that a template takes.

    Raises:
        PromptError: it does not take one that it makes no sense without.
    """
    use = _USES.get(template.name)
    lacking = [name for name in use.needed if name not in template.variables] if use else []
    if use and lacking:
        raise PromptError(
            f"The prompt '{template.name}' does not take '{lacking[0]}'.",
            why=f"It {use.purpose}, and is given {', '.join(use.sample)}.",
            remedy=f"Declare the variable '{lacking[0]}' and use it.",
        )
    return {name: value for name, value in values.items() if name in template.variables}


def check_use(template: PromptTemplate) -> None:
    """See that a prompt of a name that Deskmind uses can be rendered with what it is given.

    Raises:
        PromptError: it cannot; says why.
    """
    use = _USES.get(template.name)
    if use is None:
        return
    try:
        template.render(taken(template, use.sample))
    except PromptError as error:
        raise PromptError(
            f"This version of '{template.name}' cannot be put to use.",
            why=f"It {use.purpose}. {error.what} {error.why}".rstrip(),
            remedy=f"It is given {', '.join(use.sample)}; other variables need a default. {error.remedy}".rstrip(),
        ) from error
