"""A text as it may be kept: without erased people, and without secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deskmind.agents.memory.memory import KINDS, MOST_CHARS, Draft
from deskmind.errors import InvalidRequestError
from deskmind.governance.privacy.mentions import Mentions
from deskmind.governance.redaction import EntityType

if TYPE_CHECKING:
    from deskmind.governance.redaction import Redactor

__all__ = ["cleaned"]

_SECRETS = frozenset(
    {EntityType.SECRET, EntityType.PASSWORD, EntityType.CARD, EntityType.IBAN, EntityType.SSN}
)
_MOST_SUBJECT = 120


def cleaned(draft: Draft, erased: Mentions, redactor: Redactor, *, everything: bool = False) -> Draft:
    """A draft that may be kept.

    Args:
        draft: as it was told.
        erased: the mentions of people who were erased.
        redactor: the tenant's.
        everything: take out personal data too, not secrets alone.

    Raises:
        InvalidRequestError: the text is empty or too long, or the importance is not 0 to 1.
    """
    text = draft.text.strip()
    if not text or len(text) > MOST_CHARS or _unstorable(text + draft.subject):
        raise InvalidRequestError(
            "The text cannot be remembered.",
            why=f"It is empty, longer than {MOST_CHARS:,} characters, or holds NUL or half of a surrogate pair.",
        )
    if draft.kind not in KINDS or not 0 <= draft.importance <= 1:
        raise InvalidRequestError(
            "The memory's kind or importance is not possible.",
            why=f"Kinds are {', '.join(KINDS)}; importance is 0 to 1.",
        )
    subject = " ".join(draft.subject.lower().split())[:_MOST_SUBJECT]
    return replace(
        draft,
        text=_masked(erased.masked(text), redactor, everything=everything)[:MOST_CHARS],
        subject=_masked(erased.masked(subject), redactor, everything=everything),
        source=erased.masked(draft.source[:_MOST_SUBJECT]),
    )


def _masked(text: str, redactor: Redactor, *, everything: bool) -> str:
    pieces: list[str] = []
    end = 0
    for finding in redactor.find(text):
        if everything or finding.type in _SECRETS:
            pieces += (text[end : finding.start], f"<{finding.type}>")
            end = finding.end
    return "".join([*pieces, text[end:]])


def _unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
