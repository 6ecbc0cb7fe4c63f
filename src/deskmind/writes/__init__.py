"""Writes to connected systems: proposed, decided on, claimed in the database, sent once, read back, and reconciled.

``desk.writes`` is where people propose and send; agents' tools claim what they send in the same table, so that every write
to a vendor, whoever proposed it, is in one list with what became of it.
"""

from deskmind.writes.claims import RunClaims, sent_at
from deskmind.writes.service import Writes
from deskmind.writes.store import Write, WriteState

__all__ = ["RunClaims", "Write", "WriteState", "Writes", "sent_at"]
