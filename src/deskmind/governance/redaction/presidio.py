"""Presidio's analyzers and recognizers as a detector: what a team has already written for it goes on working."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Protocol, cast

from deskmind.errors import MissingExtraError
from deskmind.governance.redaction.detector import Prepared
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding

__all__ = ["PresidioDetector", "PresidioResult"]

_KNOWN: Final[Mapping[str, EntityType]] = {
    **{str(entity): entity for entity in EntityType},
    "GPE": EntityType.LOCATION,
    "ORG": EntityType.ORGANISATION,
    "PER": EntityType.PERSON,
    "AGE": EntityType.DATE_OF_BIRTH,
    "CRYPTO": EntityType.SECRET,
    "US_ITIN": EntityType.SSN,
    "US_BANK_NUMBER": EntityType.IBAN,
    "DOMAIN_NAME": EntityType.URL,
}
_LEFT = frozenset({"DATE_TIME", "NRP"})
"""Types that say nothing of a person by themselves."""


class PresidioResult(Protocol):
    """A ``RecognizerResult``."""

    entity_type: str
    start: int
    end: int
    score: float


class PresidioDetector:
    """Wraps an ``AnalyzerEngine`` or one recognizer of ``presidio-analyzer``.

    Its types are known by their names; numbers of countries (``UK_NHS``, ``IN_PAN``, …) are national ids; dates and
    nationalities are left alone. As fast, or slow, as what it wraps; nothing of Presidio is imported here.
    """

    name = "presidio"
    slow = True

    def __init__(
        self,
        engine: Any,
        *,
        language: str = "en",
        entities: Sequence[str] | None = None,
        types: Mapping[str, EntityType] | None = None,
    ) -> None:
        """A detector.

        Args:
            engine: an ``AnalyzerEngine``, or an ``EntityRecognizer`` that needs no language model.
            language: of the texts.
            entities: Presidio's names of the types to look for; all by default.
            types: what further types of Presidio's are here.
        """
        self._engine = engine
        self._language = language
        self._entities = list(entities) if entities is not None else None
        self._types = {**_KNOWN, **(types or {})}

    @classmethod
    def default(cls, *, language: str = "en") -> PresidioDetector:
        """Presidio as it comes, with the language model it wants installed.

        Raises:
            MissingExtraError: the extra ``presidio`` is not installed.
        """
        try:
            analyzer: Any = import_module("presidio_analyzer")
        except ModuleNotFoundError:
            raise MissingExtraError("Presidio as a detector", "presidio") from None
        return cls(analyzer.AnalyzerEngine(), language=language)

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """What it finds, in our types."""
        for result in self._analyzed(prepared.text):
            entity = self._entity(result.entity_type)
            if entity is not None:
                yield Finding(
                    result.start,
                    result.end,
                    entity,
                    float(result.score),
                    f"Presidio: {result.entity_type}",
                    self.name,
                )

    def _analyzed(self, text: str) -> Sequence[PresidioResult]:
        if hasattr(self._engine, "supported_entities"):  # a recognizer
            wanted: list[str] = self._entities or list(self._engine.supported_entities)
            found: Any = self._engine.analyze(text, wanted, None)
        else:
            found = self._engine.analyze(text=text, language=self._language, entities=self._entities)
        return cast("Sequence[PresidioResult]", found or ())

    def _entity(self, name: str) -> EntityType | None:
        if name in _LEFT:
            return None
        known = self._types.get(name)
        if known is not None:
            return known
        country, _, rest = name.partition("_")
        return EntityType.NATIONAL_ID if len(country) == 2 and rest else None
