"""Placeholders of one request or conversation: out with them, back with the values."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from deskmind.governance.redaction.entities import EntityType

if TYPE_CHECKING:
    from deskmind.governance.redaction.redactor import Redacted, Redactor

__all__ = ["Restorer", "Session"]

_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]{1,24}_\d{1,6}>")
_BEGUN = re.compile(r"<(?:[A-Z][A-Z_]{0,25}(?:_\d{0,6})?)?\Z")


class Session:
    """Texts of one request or conversation, in which equal values have equal placeholders; from ``Redactor.session``.

    Values live in this object only and are gone with it. What looks like a placeholder but was in a text from the
    beginning is never given back as somebody's value.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._values: dict[str, str] = {}
        self._names: dict[tuple[EntityType, str], str] = {}
        self._literal: set[str] = set()
        self._numbers: Counter[EntityType] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """Values replaced so far, by type; what may be shown and logged."""
        return {
            str(entity): number
            for entity, number in sorted(Counter(entity for entity, _ in self._names).items())
        }

    def protect(self, text: str) -> str:
        """The text as it may leave.

        Raises:
            ContentBlockedError: it holds what the policy refuses.
        """
        return self.redact(text).text

    def redact(self, text: str) -> Redacted:
        """The same with what was found."""
        self._literal.update(_PLACEHOLDER.findall(text))
        return self._redactor.redact(text, session=self)

    def placeholder(self, entity: EntityType, value: str) -> str:
        """The placeholder of a value: the same for the same value, never one that a text had of its own."""
        key = (entity, " ".join(value.casefold().split()))
        known = self._names.get(key)
        if known is not None:
            return known
        while True:
            self._numbers[entity] += 1
            name = f"<{entity}_{self._numbers[entity]}>"
            if name not in self._literal:
                break
        self._names[key] = name
        self._values[name] = value
        return name

    def restore(self, text: str) -> str:
        """The text with the values back in it."""
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), text)

    def restore_json(self, text: str) -> str:
        """The same inside JSON, or a piece of it: values are escaped as a JSON string holds them."""
        return _PLACEHOLDER.sub(
            lambda found: json.dumps(self._values[found[0]])[1:-1] if found[0] in self._values else found[0],
            text,
        )

    def restorer(self, *, in_json: bool = False) -> Restorer:
        """For a stream whose pieces may cut a placeholder in two."""
        return Restorer(self, in_json=in_json)


class Restorer:
    """Puts values back into a stream, holding back only what may be the beginning of a placeholder."""

    def __init__(self, session: Session, *, in_json: bool = False) -> None:
        self._restore = session.restore_json if in_json else session.restore
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown after one more piece; may be empty."""
        text = self._held + piece
        begun = _BEGUN.search(text, max(0, len(text) - 40))
        cut = begun.start() if begun else len(text)
        self._held = text[cut:]
        return self._restore(text[:cut])

    def finish(self) -> str:
        """What was held back, at the end of the stream."""
        rest, self._held = self._held, ""
        return self._restore(rest)
