"""Personal and secret data in text: found, and masked, replaced, hashed, or refused.

Works alone: ``Redactor().redact(text)`` needs no database, no model and no settings. The extra ``redaction`` brings the names of
people and places, checksums of national ids, and the automaton for a tenant's directory.
"""

from deskmind.governance.redaction.detector import Detector, Prepared, Word, folded
from deskmind.governance.redaction.detectors import (
    FieldDetector,
    NameDetector,
    NationalIdDetector,
    NerDetector,
    Pattern,
    PatternDetector,
    PlaceDetector,
)
from deskmind.governance.redaction.directory import DirectoryDetector, DirectoryEntry
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding, resolve
from deskmind.governance.redaction.lexicon import Lexicon
from deskmind.governance.redaction.policy import Action, RedactionPolicy
from deskmind.governance.redaction.presidio import PresidioDetector
from deskmind.governance.redaction.redactor import Redacted, Redactor
from deskmind.governance.redaction.session import Restorer, Session

__all__ = [
    "Action",
    "Detector",
    "DirectoryDetector",
    "DirectoryEntry",
    "EntityType",
    "FieldDetector",
    "Finding",
    "Lexicon",
    "NameDetector",
    "NationalIdDetector",
    "NerDetector",
    "Pattern",
    "PatternDetector",
    "PlaceDetector",
    "Prepared",
    "PresidioDetector",
    "Redacted",
    "RedactionPolicy",
    "Redactor",
    "Restorer",
    "Session",
    "Word",
    "folded",
    "resolve",
]
