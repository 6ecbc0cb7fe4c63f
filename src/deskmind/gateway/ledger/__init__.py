"""The usage ledger: one row a call, an intent durable before anything is sent."""

from deskmind.gateway.ledger.entry import Intent, Ledger, UsageEntry, new_call_id
from deskmind.gateway.ledger.journal import Durability, JournalLedger, Sink
from deskmind.gateway.ledger.memory import MemoryLedger

__all__ = [
    "Durability",
    "Intent",
    "JournalLedger",
    "Ledger",
    "MemoryLedger",
    "Sink",
    "UsageEntry",
    "new_call_id",
]
