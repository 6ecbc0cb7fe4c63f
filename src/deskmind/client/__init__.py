"""A typed client of Deskmind's HTTP API, for programs on other machines than the service.

::

    async with AsyncClient("https://deskmind.example.org", api_key=key) as client:
        answer = await client.ask("How do I reset my VPN token?")
        async for document in client.documents.each():
            print(document.title)

``Client`` is the same for code that waits. Both have a method for each operation of the OpenAPI document, under the
name of its resource; what they answer is read-only and typed. What goes wrong is one of ``deskmind.errors``, as in the
service itself. Importing this package loads neither the service nor its database, and needs no extra.
"""

from __future__ import annotations

from deskmind.client._address import address_of, check_confidential
from deskmind.client._body import Body
from deskmind.client._clients import AsyncClient, Client
from deskmind.client._events import Event
from deskmind.client._retries import Retries
from deskmind.client._uploads import File

__all__ = ["AsyncClient", "Body", "Client", "Event", "File", "Retries", "address_of", "check_confidential"]
