"""ServiceNow, Jira and Freshservice, read into one model and written to by proposal. Needs no database::

    async with ServiceNow("https://example.service-now.com", Basic("user", "password")) as source:
        async for ticket in source.tickets(since=yesterday):
            ...

``protocol`` says what a connector is, ``model`` what it reads, ``writing`` how it writes, ``core`` what all share.
"""

from deskmind.connectors.access import EVERYONE, NOBODY, PUBLIC, Access, Grantee
from deskmind.connectors.model import (
    Article,
    Attachment,
    CatalogItem,
    Comment,
    ConfigurationItem,
    Group,
    Kind,
    Link,
    Membership,
    Organisation,
    Person,
    Record,
    Reference,
    Service,
    ServiceLevel,
    Ticket,
)
from deskmind.connectors.protocol import (
    AnyRecord,
    Capabilities,
    Connector,
    Event,
    Health,
    Page,
    Right,
    Undecoded,
)
from deskmind.connectors.writing import Act, Applied, Change, Claims, MemoryClaims, Outcome, Proposal

__all__ = [
    "EVERYONE",
    "NOBODY",
    "PUBLIC",
    "Access",
    "Act",
    "AnyRecord",
    "Applied",
    "Article",
    "Attachment",
    "Capabilities",
    "CatalogItem",
    "Change",
    "Claims",
    "Comment",
    "ConfigurationItem",
    "Connector",
    "Event",
    "Grantee",
    "Group",
    "Health",
    "Kind",
    "Link",
    "Membership",
    "MemoryClaims",
    "Organisation",
    "Outcome",
    "Page",
    "Person",
    "Proposal",
    "Record",
    "Reference",
    "Right",
    "Service",
    "ServiceLevel",
    "Ticket",
    "Undecoded",
]
