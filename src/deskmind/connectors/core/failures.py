"""What went wrong with a request, as an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deskmind.errors import (
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    SourceAuthenticationError,
    SourceError,
    SourcePermissionError,
    SourceReplyError,
    SourceRequestError,
    SourceUnavailableError,
)
from deskmind.observability import masked

__all__ = ["Broken", "circuit_open", "lost", "not_json", "refusal", "too_large", "unanswered", "unknown"]

_LONGEST = 300


class Broken(Exception):
    """One attempt failed in a way that another may not.

    Attributes:
        why: the kind of failure, without content.
        unseen: whether the vendor cannot have acted on the request.
        limited: whether it was one request too many.
        answered: whether the vendor is there.
        reply: whether an answer came that cannot be used.
    """

    def __init__(
        self,
        why: str,
        *,
        retry_after: float | None = None,
        status: int = 0,
        unseen: bool = False,
        limited: bool = False,
        answered: bool = False,
        reply: bool = False,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after
        self.status = status
        self.unseen = unseen
        self.limited = limited
        self.answered = answered
        self.reply = reply

    @staticmethod
    def errors() -> tuple[type[BaseException], ...]:
        """What the network raises."""
        import aiohttp

        return (aiohttp.ClientError, TimeoutError, OSError)

    @classmethod
    def of(cls, error: BaseException) -> Broken:
        """What the network raised, as a kind."""
        import aiohttp

        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return cls("no connection", unseen=True)
        if isinstance(error, TimeoutError):
            return cls("no answer in time")
        if isinstance(error, aiohttp.ClientPayloadError):
            return cls("the answer broke off", reply=True, answered=True)
        return cls("the connection broke")


def refusal(
    host: str, status: int, content: bytes, words: Callable[[Any], str], *, authenticating: bool = False
) -> SourceError | ConflictError | NotFoundError:
    """The error that an HTTP status of 400 or more stands for."""
    said = _said(content, words)
    given = {"source": host, "status_of_source": status}
    if status == 401 or (authenticating and status in {400, 403}):
        return SourceAuthenticationError(
            f"{host} refuses the credentials.",
            why=said or "They are wrong, expired, or of a user that is locked.",
            remedy="Give new ones; the vendor's page in the documentation says which kind.",
            **given,
        )
    if status == 403:
        return SourcePermissionError(
            f"{host} does not permit it.",
            why=said or "The credentials lack a right.",
            remedy="'deskmind connect test' names the rights that are missing.",
            **given,
        )
    if status in {404, 410}:
        return NotFoundError(
            f"{host} has no such record.",
            why=said or "It was deleted, or the credentials may not see it.",
            remedy="Check the id, and the rights of the credentials.",
            **given,
        )
    if status in {409, 412}:
        return ConflictError(
            f"{host} has a newer state of the record.",
            why=said,
            remedy="Read it again and propose the change anew.",
            **given,
        )
    return SourceRequestError(
        f"{host} refused the request with status {status}.",
        why=said or "It did not say why.",
        remedy="Check the fields and values against the system's own form.",
        **given,
    )


def unanswered(host: str, broken: Broken, attempts: int) -> SourceUnavailableError:
    """All attempts failed."""
    return SourceUnavailableError(
        f"{host} does not answer.",
        why=f"After {attempts} attempts: {broken.why}.",
        remedy="Check that it is up and can be reached from here; nothing is lost, the next run goes on.",
        source=host,
        attempts=attempts,
        retry_after=broken.retry_after,
    )


def circuit_open(host: str) -> SourceUnavailableError:
    """It failed too often to be asked now."""
    return SourceUnavailableError(
        f"{host} is not asked for a while.",
        why="Its last answers were failures.",
        remedy="Wait; one request is let through from time to time to see whether it is back.",
        source=host,
    )


def unknown(host: str, broken: Broken) -> OutcomeUnknownError:
    """A write was sent and its answer did not come."""
    return OutcomeUnknownError(
        f"It is not known whether {host} did the write.",
        why=f"It was sent, then: {broken.why}.",
        remedy="Reconcile it before it is sent again.",
        source=host,
    )


def not_json(host: str, why: str) -> SourceReplyError:
    """An answer cannot be read."""
    return SourceReplyError(
        f"An answer of {host} cannot be read.",
        why=f"{why[:1].upper()}{why[1:]}.",
        remedy="Check that the address is the API's, not that of a login page or proxy.",
        source=host,
    )


def too_large(host: str, most: int) -> SourceReplyError:
    """An answer is longer than what is taken."""
    return SourceReplyError(
        f"An answer of {host} is longer than {most:,} bytes.",
        why="So much is not read into memory, or not stored.",
        remedy="Read smaller pages, or leave out fields of that size.",
        source=host,
    )


def lost(host: str, why: str) -> SourceReplyError:
    """The way to a file or page does not lead there."""
    return SourceReplyError(
        f"{host} did not give what was asked for.",
        why=f"{why[:1].upper()}{why[1:]}.",
        remedy="Check the system's address: a redirect to a login page means that it is not the API's.",
        source=host,
    )


def _said(content: bytes, words: Callable[[Any], str]) -> str:
    import orjson

    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ""
    try:
        return str(masked(words(data)[:_LONGEST]))
    except (AttributeError, KeyError, TypeError, IndexError):
        return ""
