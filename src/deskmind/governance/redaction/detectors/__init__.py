"""What Deskmind ships to find personal and secret data."""

from deskmind.governance.redaction.detectors.fields import FieldDetector
from deskmind.governance.redaction.detectors.names import NameDetector
from deskmind.governance.redaction.detectors.national_ids import NationalIdDetector
from deskmind.governance.redaction.detectors.ner import NerDetector
from deskmind.governance.redaction.detectors.patterns import Pattern, PatternDetector
from deskmind.governance.redaction.detectors.places import PlaceDetector

__all__ = [
    "FieldDetector",
    "NameDetector",
    "NationalIdDetector",
    "NerDetector",
    "Pattern",
    "PatternDetector",
    "PlaceDetector",
]
