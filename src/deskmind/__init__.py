"""Deskmind: AI for IT service management on PostgreSQL.

``import deskmind`` is light; each name loads what it needs on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.blocking import BlockingDesk, BlockingDeskmind
    from deskmind.desk import Desk
    from deskmind.errors import DeskmindError
    from deskmind.knowledge.models import Answer, Citation, Passage
    from deskmind.knowledge.retrieval import SearchFilter
    from deskmind.settings import Settings, load_settings

__all__ = [
    "Answer",
    "BlockingDesk",
    "BlockingDeskmind",
    "Citation",
    "Desk",
    "Deskmind",
    "DeskmindError",
    "Passage",
    "SearchFilter",
    "Settings",
    "__version__",
    "load_settings",
]

__version__ = "0.1.0"

_HOMES = {
    "Answer": "deskmind.knowledge.models",
    "BlockingDesk": "deskmind.blocking",
    "BlockingDeskmind": "deskmind.blocking",
    "Citation": "deskmind.knowledge.models",
    "Desk": "deskmind.desk",
    "Deskmind": "deskmind.app",
    "DeskmindError": "deskmind.errors",
    "Passage": "deskmind.knowledge.models",
    "SearchFilter": "deskmind.knowledge.retrieval",
    "Settings": "deskmind.settings",
    "load_settings": "deskmind.settings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deskmind' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
