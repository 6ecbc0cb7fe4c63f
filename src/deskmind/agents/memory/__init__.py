"""Memory: what a run may know from before, and what it leaves behind.

``desk.memories`` shows, corrects, pins and forgets; an agent whose definition says so recalls before its first call and learns
when it is done. Every memory keeps the label of where its text came from: what others wrote becomes one only by a rule,
and stays untrusted.
"""

from __future__ import annotations

from deskmind.agents.memory.happened import Extractor, Happened, Told
from deskmind.agents.memory.memory import Audience, Draft, Kind, Memory, Origin, Trust
from deskmind.agents.memory.recalled import Recalled, Scored
from deskmind.agents.memory.rules import RememberRule
from deskmind.agents.memory.service import Memories
from deskmind.agents.memory.use import MemoryUse

__all__ = [
    "Audience",
    "Draft",
    "Extractor",
    "Happened",
    "Kind",
    "Memories",
    "Memory",
    "MemoryUse",
    "Origin",
    "Recalled",
    "RememberRule",
    "Scored",
    "Told",
    "Trust",
]
