"""What was stored cannot be read back."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError

__all__ = [
    "TriageModelError",
    "UncacheableValueError",
]


class TriageModelError(DeskmindError):
    """A stored triage model is damaged, not what was written, or of another format."""

    code, status, title, exit_code = "triage-model", 500, "The triage model cannot be used", 65


class UncacheableValueError(DeskmindError):
    """A value cannot be written by its cache's codec, or is not what is read back."""

    code, title = "uncacheable-value", "A value cannot be cached"
