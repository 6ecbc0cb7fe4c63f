"""Patterns with checks: what has a form of its own is found by its form and believed by its checksum or context."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from deskmind.governance.redaction.detector import Prepared
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding

__all__ = ["Pattern", "PatternDetector"]

_CONTEXT_CHARS = 48

Check = Callable[["re.Match[str]"], float | None]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A form.

    Attributes:
        type: what it is the form of.
        expression: must need time linear in the text: no repetition within a repetition. A group named ``value`` is the
            finding, else the whole match.
        score: how sure without context, 0 to 1.
        check: gives the score after a checksum, None where it fails.
        context: words before it (or just behind) that speak for it; with one of them the score is ``with_context``.
        with_context: 0 to 1.
        reason: for explanations.
        needs: a character without which the pattern cannot match, tried first because that is fast; ``0`` stands for any
            digit, nothing for no such character.
        words: in lower case, of which one must be in the text (as part of a word, too), tried next for the same reason.
    """

    type: EntityType
    expression: re.Pattern[str]
    score: float
    reason: str
    check: Check | None = None
    context: re.Pattern[str] | None = None
    with_context: float = 0.0
    needs: str = "0"
    words: tuple[str, ...] = ()


class PatternDetector:
    """Finds what patterns describe.

    >>> from deskmind.governance.redaction import PatternDetector, Prepared
    >>> [found.type for found in PatternDetector().find(Prepared("mail ann@example.com"))]
    [<EntityType.EMAIL: 'EMAIL_ADDRESS'>]
    """

    name = "pattern"

    def __init__(self, extra: Sequence[Pattern] = (), *, least: float = 0.4) -> None:
        """The shipped patterns and a tenant's own.

        Args:
            extra: such as the form of employee numbers.
            least: score below which nothing is reported.
        """
        from deskmind.governance.redaction.detectors import contact, identifiers, network, payment, secrets

        self._patterns = (
            *contact.PATTERNS,
            *payment.PATTERNS,
            *network.PATTERNS,
            *identifiers.PATTERNS,
            *secrets.PATTERNS,
            *extra,
        )
        self._least = least

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """Places that fit a pattern and pass its check."""
        text, lowered, digits = prepared.text, prepared.lowered, prepared.digits
        known: dict[tuple[str, ...], bool] = {(): True}
        for pattern in self._patterns:
            if not (digits if pattern.needs == "0" else pattern.needs in text):
                continue
            words = pattern.words
            there = known.get(words)
            if there is None:
                there = known[words] = _any_in(words, lowered)
            if there:
                yield from self._matches(pattern, text)

    def _matches(self, pattern: Pattern, text: str) -> Iterator[Finding]:
        group = "value" if "value" in pattern.expression.groupindex else 0
        for match in pattern.expression.finditer(text):
            score, reason = pattern.score, pattern.reason
            if pattern.check is not None:
                checked = pattern.check(match)
                if checked is None:
                    continue
                score = max(score, checked)
            start, end = match.span(group)
            if (
                pattern.context is not None
                and score < pattern.with_context
                and _near(pattern.context, text, start, end)
            ):
                score, reason = pattern.with_context, f"{reason}, in context"
            if score >= self._least:
                yield Finding(start, end, pattern.type, score, reason, self.name)


def _any_in(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110  # three times as fast as any()
        if word in text:
            return True
    return False


def _near(context: re.Pattern[str], text: str, start: int, end: int) -> bool:
    return (
        context.search(text, max(0, start - _CONTEXT_CHARS), start) is not None
        or context.search(text, end, end + _CONTEXT_CHARS // 3) is not None
    )
