"""Who acts, for the lines that are logged meanwhile: the tenant, and the user as a pseudonym."""

from __future__ import annotations

from contextvars import ContextVar

from deskmind.observability.leaving import leave

__all__ = ["Acting", "Visit", "acting"]


class Visit:
    """A request before it is known whose it is: the first operation inside says so, for the request's own line."""

    __slots__ = ("_token", "tenant", "user")

    def __init__(self) -> None:
        self.tenant = self.user = ""
        self._token = _current.set(self)

    def end(self) -> None:
        """The request is over."""
        leave(self._token)


class Acting:
    """Lines from now on, until ``end``, are of this tenant and user; an operation without any changes nothing."""

    __slots__ = ("_token", "tenant", "user")

    def __init__(self, tenant: str, user: str) -> None:
        self.tenant = tenant
        self.user = user
        self._token = None
        if not tenant and not user:
            return
        around = _current.get()
        if isinstance(around, Visit) and not around.tenant:
            around.tenant, around.user = tenant, user
        self._token = _current.set(self)

    def end(self) -> None:
        """The operation is over."""
        if self._token is not None:
            leave(self._token)


_current: ContextVar[Visit | Acting | None] = ContextVar("deskmind_actor", default=None)


def acting() -> tuple[str, str] | None:
    """Tenant and user of the current operation, None outside of any."""
    actor = _current.get()
    return None if actor is None else (actor.tenant, actor.user)
