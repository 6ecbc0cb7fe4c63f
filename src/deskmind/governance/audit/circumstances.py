"""What is known of an act besides the act itself: from where it came, and what allowed or refused it."""

from __future__ import annotations

from contextvars import ContextVar, Token

from deskmind.observability.leaving import leave

__all__ = ["came_from", "current_address", "current_decision", "decided_by"]

_address: ContextVar[str] = ContextVar("deskmind_audit_address", default="")
_decision: ContextVar[str] = ContextVar("deskmind_audit_decision", default="")


class _Setting:
    """A value for the time of a ``with``. A class, not a generator: every request passes it."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[str], value: str) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token: Token[str] = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        leave(self._token)


def came_from(address: str) -> _Setting:
    """Work for a request from a network address: ``with came_from("192.0.2.7"):``."""
    return _Setting(_address, address)


def decided_by(decision: str) -> _Setting:
    """Work that a rule allowed or refused: ``with decided_by("cedar:no-contractors"):``; by default the role."""
    return _Setting(_decision, decision)


def current_address() -> str:
    """From where the current request came; empty when it came from no network."""
    return _address.get()


def current_decision() -> str:
    """What was decided by; empty when nothing was said, so that the role decided."""
    return _decision.get()
