"""Labels that instruments of several subjects have."""

from __future__ import annotations

from typing import Final

from deskmind.observability._instrument import Label

__all__ = ["CODE", "OUTCOME"]

CODE: Final = "a closed set in the code"
OUTCOME = Label("deskmind.outcome", CODE, ("ok", "refused", "error", "cancelled"))
