"""What the settings say of redaction: the policy, the installation's own patterns, and the detectors made of them."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deskmind.errors import ConfigurationError, InvalidRequestError
from deskmind.governance.redaction.detector import Detector
from deskmind.governance.redaction.detectors import (
    FieldDetector,
    NameDetector,
    NationalIdDetector,
    NerDetector,
    Pattern,
    PatternDetector,
    PlaceDetector,
)
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.expressions import checked_expression
from deskmind.governance.redaction.lexicon import shipped_lexicon
from deskmind.governance.redaction.policy import Action, RedactionPolicy
from deskmind.governance.redaction.redactor import Redactor
from deskmind.governance.redaction.stored import TenantWords
from deskmind.observability import logger
from deskmind.settings import RedactionPattern, RedactionSettings

__all__ = ["RedactionRules", "missing_packages"]

_PACKAGES = ("faker", "ahocorasick", "stdnum")
_log = logger("deskmind.redaction")


@dataclass(frozen=True)
class RedactionRules:
    """The rules of an installation.

    Attributes:
        policy: what is done with each type.
        patterns: forms of its own, such as that of employee numbers.
        ner: whether a model looks for names as well.
        ner_model: the folder with its files, where not the package that carries them.
    """

    policy: RedactionPolicy
    patterns: tuple[Pattern, ...]
    ner: bool = False
    ner_model: Path | None = None

    @classmethod
    def of(cls, settings: RedactionSettings) -> RedactionRules:
        """From the settings.

        Raises:
            ConfigurationError: a type or an action is not known, a pattern cannot be used, or the model is not there.
        """
        try:
            policy = RedactionPolicy.parse(settings.actions, default=settings.default, least=settings.least)
            patterns = tuple(_pattern(name, given) for name, given in settings.patterns.items())
        except InvalidRequestError as error:
            raise ConfigurationError(
                f"[redaction]: {error.what}", remedy=error.remedy or "Correct it in deskmind.toml."
            ) from None
        if settings.ner:
            NerDetector(settings.ner_model)  # refuses at the start what would fail with the first text
        return cls(policy, patterns, settings.ner, settings.ner_model)

    def with_words(self, words: TenantWords) -> RedactionRules:
        """These rules with what a tenant has said of its own: its actions come before the settings', save what those block."""
        if not words.patterns and not words.actions:
            return self
        blocked = {entity: act for entity, act in self.policy.actions.items() if act is Action.BLOCK}
        actions = {**self.policy.actions, **(words.actions or {}), **blocked}
        policy = dataclasses.replace(self.policy, actions=actions)
        return _Extended(policy, (*self.patterns, *words.patterns), self.ner, self.ner_model, self)

    @functools.cached_property
    def detectors(self) -> tuple[Detector, ...]:
        """Shipped detectors with the installation's patterns; reads the lists of names, about a second, once a process.

        Without the extra ``redaction`` a line in the log says what is missing.
        """
        if missing := missing_packages():
            _log.warning(
                "redaction.extra_missing",
                packages=missing,
                remedy="pip install 'deskmind[redaction]' for names, places, national ids and the directory",
            )
        shipped_lexicon()
        return (PatternDetector(self.patterns), *self.further)

    @functools.cached_property
    def further(self) -> tuple[Detector, ...]:
        """All of them but the patterns; with ``ner`` the model is loaded now."""
        found: tuple[Detector, ...] = (NationalIdDetector(), NameDetector(), PlaceDetector(), FieldDetector())
        if not self.ner:
            return found
        model = NerDetector(self.ner_model)
        model.load()
        return (*found, model)

    def redactor(self, *further: Detector, hash_key: bytes | None = None) -> Redactor:
        """A redactor with these rules, and further detectors that are asked first."""
        return Redactor((*further, *self.detectors), policy=self.policy, hash_key=hash_key)

    def masking(self, *further: Detector) -> Redactor:
        """For what is shown or kept elsewhere: what may not be seen is masked, nothing is refused."""
        allowed = {
            entity: Action.ALLOW for entity in EntityType if self.policy.action(entity) is Action.ALLOW
        }
        policy = RedactionPolicy(allowed, default=Action.MASK, least=self.policy.least)
        return Redactor((*further, *self.detectors), policy=policy)


@dataclass(frozen=True)
class _Extended(RedactionRules):
    """Rules of a tenant: the detectors that are the same for all are shared."""

    shared: RedactionRules | None = None

    @functools.cached_property
    def detectors(self) -> tuple[Detector, ...]:
        """The installation's with the tenant's patterns."""
        assert self.shared is not None
        return (PatternDetector(self.patterns), *self.shared.detectors[1:])


def missing_packages() -> list[str]:
    """Packages of the extra ``redaction`` that are not installed."""
    return [package for package in _PACKAGES if find_spec(package) is None]


def _pattern(name: str, given: RedactionPattern) -> Pattern:
    entity = next(iter(RedactionPolicy.parse({given.type: "mask"}).actions))
    return Pattern(entity, checked_expression(name, given.regex), given.score, f"form of {name}", needs="")
