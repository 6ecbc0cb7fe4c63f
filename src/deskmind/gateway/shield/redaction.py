"""A shield that takes personal and secret data out of requests, by a redactor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from deskmind.errors import ContentBlockedError
from deskmind.gateway.messages import Caller, ChatRequest
from deskmind.gateway.shield.protocol import Flow, Protected, ProtectedTexts
from deskmind.gateway.shield.requests import changed_request
from deskmind.governance.redaction import EntityType, Redactor, Session
from deskmind.governance.redaction.measures import count_redactions
from deskmind.observability.story import note

__all__ = ["RedactionShield"]

_LONGEST_AT_ONCE = 4_000
"""Characters that are looked through in the event loop, some 8 ms of work; more go to a thread."""


class RedactionShield:
    """Replaces what a redactor finds in a request, and puts the values back into its replies.

    Each request has a session of its own: equal values have equal placeholders in all of its texts, numbered in the order
    in which they appear, so that a conversation sent again with one more turn looks the same up to there. Pictures, sounds
    and files pass unchanged.

    >>> import asyncio
    >>> from deskmind.governance.redaction import Redactor
    >>> shield = RedactionShield(Redactor())
    >>> asyncio.run(shield.protect_texts(["Mail ann@example.com"], Caller())).texts
    ['Mail <EMAIL_ADDRESS_1>']
    """

    def __init__(self, redactor: Redactor | Callable[[Caller], Awaitable[Redactor]]) -> None:
        """A shield.

        Args:
            redactor: one for all, or what gives that of a caller, with its tenant's own directory.
        """
        self._redactor = redactor

    async def protect(self, request: ChatRequest, caller: Caller) -> Protected:
        """A chat request.

        Raises:
            ContentBlockedError: it holds what the policy refuses.
        """
        texts: dict[str, None] = {}
        changed_request(request, lambda text: texts.setdefault(text) or text)
        session, protected = await self._protected(list(texts), caller)
        if not session.replaced:
            return Protected(request, None)
        changed = changed_request(request, protected.__getitem__)
        return Protected(changed, _Values(session) if session.reversible else None, _counted(session))

    async def protect_texts(self, texts: Sequence[str], caller: Caller) -> ProtectedTexts:
        """Texts to embed or to rank.

        Raises:
            ContentBlockedError: as for ``protect``.
        """
        session, protected = await self._protected(list(dict.fromkeys(texts)), caller)
        return ProtectedTexts([protected[text] for text in texts], _counted(session))

    async def _protected(self, texts: Sequence[str], caller: Caller) -> tuple[Session, dict[str, str]]:
        redactor = self._redactor if isinstance(self._redactor, Redactor) else await self._redactor(caller)
        session = redactor.session()
        try:
            if not redactor.slow and sum(map(len, texts)) <= _LONGEST_AT_ONCE:
                protected = session.protect_all(texts)
            else:
                protected = await asyncio.to_thread(session.protect_all, texts)
        except ContentBlockedError as error:
            entity = EntityType(str(error.details["type"]))
            count_redactions("refused", {entity: 1})
            raise
        count_redactions("sent", session.replaced)
        for entity, count in session.replaced.items():
            note("redaction", type=str(entity), count=count)
        return session, protected


class _Values:
    """The values of one request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def flow(self, *, json: bool) -> Flow:
        """A run of text."""
        return _Run(self._session, json=json)


class _Run:
    def __init__(self, session: Session, *, json: bool) -> None:
        self._session = session
        self._restorer = session.restorer(in_json=json)

    def feed(self, piece: str) -> str:
        """What can be said by now."""
        return self._restorer.feed(piece)

    def end(self) -> str:
        """What was held back."""
        rest = self._restorer.finish()
        count_redactions("restored", self._session.take_restored())
        return rest


def _counted(session: Session) -> Mapping[str, int]:
    return {str(entity): count for entity, count in sorted(session.replaced.items())}
