"""The seam for redaction: what goes to a model is protected first, what comes back is restored.

``Gateway(models, shield=…)`` passes every chat, stream, embedding and ranking through a ``Shield`` before anything is
counted, cached or sent. Without one a call costs nothing more. ``RedactionShield`` takes out what a redactor finds;
``WordShield`` is the shipped double: it swaps given words for placeholders.
"""

from deskmind.gateway.shield.placeholders import Placeholders
from deskmind.gateway.shield.protocol import Flow, Protected, ProtectedTexts, Restorer, Shield
from deskmind.gateway.shield.redaction import RedactionShield
from deskmind.gateway.shield.replies import RestoredPieces, restored_reply
from deskmind.gateway.shield.requests import changed_request
from deskmind.gateway.shield.words import WordShield

__all__ = [
    "Flow",
    "Placeholders",
    "Protected",
    "ProtectedTexts",
    "RedactionShield",
    "RestoredPieces",
    "Restorer",
    "Shield",
    "WordShield",
    "changed_request",
    "restored_reply",
]
