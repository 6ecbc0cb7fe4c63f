"""Privacy: what is kept of people, its export, erasure, retention and legal hold; what keeps the erased from coming back.

``desk.privacy`` has the operations. ``Suppression`` is for connectors, ``PersonalStore`` for a host's own stores,
``Mentions`` finds people in texts. How it hangs together: ``docs/design/privacy.md``.
"""

from deskmind.governance.privacy.catalogue import DATA_MAP, Holding, undeclared
from deskmind.governance.privacy.identifiers import Identifier, identifier_of
from deskmind.governance.privacy.mentions import ERASED, Mentions
from deskmind.governance.privacy.receipts import Receipt, ReceiptKeys
from deskmind.governance.privacy.stores import Counts, Owned, PersonalStore, Subject
from deskmind.governance.privacy.suppression import Suppression

__all__ = [
    "DATA_MAP",
    "ERASED",
    "Counts",
    "Holding",
    "Identifier",
    "Mentions",
    "Owned",
    "PersonalStore",
    "Receipt",
    "ReceiptKeys",
    "Subject",
    "Suppression",
    "identifier_of",
    "undeclared",
]
