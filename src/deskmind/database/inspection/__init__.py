"""What slows a database down, from PostgreSQL's own statistics and catalogue; no table of ours is read.

``inspect`` gives an ``Inspection``: the slowest statements (normalised, so that no value shows), findings with a
remedy each, and what could not be seen with the reason.
"""

from __future__ import annotations

from deskmind.database.inspection.findings import Finding, Inspection, Limits, Statement, Unseen
from deskmind.database.inspection.inspector import inspect

__all__ = ["Finding", "Inspection", "Limits", "Statement", "Unseen", "inspect"]
