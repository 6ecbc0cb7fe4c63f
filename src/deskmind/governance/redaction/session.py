"""Placeholders of one request or conversation: out with them, back with the values."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding
from deskmind.governance.redaction.known import KnownValues
from deskmind.governance.redaction.policy import Action

if TYPE_CHECKING:
    from deskmind.governance.redaction.redactor import Redacted, Redactor

__all__ = ["Restorer", "Session"]

_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]{1,24}_\d{1,6}>")
_BEGUN = re.compile(r"<(?:[A-Z][A-Z_]{0,25}(?:_\d{0,6})?)?\Z")
# Go's encoder, for one, writes the brackets as escapes
_IN_JSON = re.compile(r"(?:<|\\u003[cC])([A-Z][A-Z_]{1,24}_\d{1,6})(?:>|\\u003[eE])")
_BEGUN_IN_JSON = re.compile(
    r"(?:<|\\(?:\Z|u(?:\Z|0(?:\Z|0(?:\Z|3(?:\Z|[cC]))))))(?:[A-Z][A-Z_]{0,25}(?:_\d{0,6}(?:\\(?:u(?:0(?:0(?:3)?)?)?)?)?)?)?\Z"
)
_LONGEST = 52
_EXACT = frozenset({EntityType.PASSWORD, EntityType.SECRET, EntityType.URL, EntityType.USERNAME})
"""Where case tells two values apart."""


class Session:
    """Texts of one request or conversation, in which equal values have equal placeholders; from ``Redactor.session``.

    Values live in this object only and are gone with it. What looks like a placeholder but was in a text from the
    beginning is never given back as somebody's value.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._values: dict[str, str] = {}
        self._types: dict[str, EntityType] = {}
        self._names: dict[tuple[EntityType, str], str] = {}
        self._literal: set[str] = set()
        self._numbers: Counter[EntityType] = Counter()
        self._replaced: Counter[EntityType] = Counter()
        self._restored: Counter[EntityType] = Counter()

    @property
    def replaced(self) -> Mapping[EntityType, int]:
        """Places replaced so far, by type, masked and hashed ones too; what may be shown and logged."""
        return self._replaced

    def take_restored(self) -> Mapping[EntityType, int]:
        """Values put back since the last look, by type."""
        taken, self._restored = self._restored, Counter()
        return taken

    @property
    def reversible(self) -> bool:
        """Whether there is any value to be put back."""
        return bool(self._values)

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
        return self._replace(text, self._redactor.find(text))

    def protect_all(self, texts: Iterable[str]) -> dict[str, str]:
        """Texts that go out together, each with what may leave of it.

        What is found in one is replaced in all of them: a password is told by the words before it, in the arguments of a
        tool it stands alone. Numbers of placeholders follow the order of the texts.

        Raises:
            ContentBlockedError: one holds what the policy refuses.
        """
        found = {text: self._redactor.find(text) for text in texts}
        known, action = KnownValues(), self._redactor.policy.action
        for text, findings in found.items():
            self._literal.update(_PLACEHOLDER.findall(text))
            known.add(text, (item for item in findings if action(item.type) is not Action.ALLOW))
        if known:
            found = {text: known.added(text, findings) for text, findings in found.items()}
        return {text: self._replace(text, findings).text for text, findings in found.items()}

    def placeholder(self, entity: EntityType, value: str) -> str:
        """The placeholder of a value: the same for the same value, never one that a text had of its own."""
        key = (entity, value if entity in _EXACT else " ".join(value.casefold().split()))
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
        self._types[name] = entity
        return name

    def restore(self, text: str) -> str:
        """The text with the values back in it."""
        return _PLACEHOLDER.sub(lambda found: self._value(found[0]) or found[0], text)

    def restore_json(self, text: str) -> str:
        """The same inside JSON, or a piece of it: values are escaped as a JSON string holds them."""

        def restored(found: re.Match[str]) -> str:
            value = self._value(f"<{found[1]}>")
            return found[0] if value is None else json.dumps(value)[1:-1]

        return _IN_JSON.sub(restored, text)

    def restorer(self, *, in_json: bool = False) -> Restorer:
        """For a stream whose pieces may cut a placeholder in two."""
        return Restorer(self, in_json=in_json)

    def _replace(self, text: str, findings: Sequence[Finding]) -> Redacted:
        redacted = self._redactor.replace(text, findings, self)
        self._replaced.update(finding.type for finding in redacted.findings)
        return redacted

    def _value(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is not None:
            self._restored[self._types[name]] += 1
        return value


class Restorer:
    """Puts values back into a stream, holding back only what may be the beginning of a placeholder."""

    def __init__(self, session: Session, *, in_json: bool = False) -> None:
        self._restore = session.restore_json if in_json else session.restore
        self._begun = _BEGUN_IN_JSON if in_json else _BEGUN
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown after one more piece; may be empty."""
        text = self._held + piece
        begun = self._begun.search(text, max(0, len(text) - _LONGEST))
        cut = begun.start() if begun else len(text)
        self._held = text[cut:]
        return self._restore(text[:cut])

    def finish(self) -> str:
        """What was held back, at the end of the stream."""
        rest, self._held = self._held, ""
        return self._restore(rest)
