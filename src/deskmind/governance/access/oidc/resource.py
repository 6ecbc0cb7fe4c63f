"""A part of the service that has tokens of its own, and what their scopes leave of what the user may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from deskmind.errors import InsufficientScopeError
from deskmind.governance.access.permissions import READING

__all__ = ["TokenResource"]

_CLAIMS = ("scope", "scp")
"""After RFC 9068, and as it is called elsewhere; a text of words, or a list."""


@dataclass(frozen=True, slots=True)
class TokenResource:
    """What a token must be meant for, and permit (RFC 8707, RFC 9068).

    Attributes:
        url: in the token's audience.
        read_scope: permits what changes nothing.
        write_scope: permits whatever the user may.
    """

    url: str
    read_scope: str
    write_scope: str

    def bounds(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """The permissions that a token's scopes leave, ``resource:action``; None for all that the user has.

        Raises:
            InsufficientScopeError: they leave none.
        """
        scopes = _scopes(claims)
        if self.write_scope in scopes:
            return None
        if self.read_scope in scopes:
            return READING
        raise self.lacking(self.read_scope)

    def lacking(self, *scopes: str) -> InsufficientScopeError:
        """The error for a token without these scopes."""
        named = " ".join(scopes)
        return InsufficientScopeError(
            "The token does not permit this.",
            why=f"It was not given for the scope: {named}.",
            remedy="Sign in again and let the client have it.",
            scope=named,
        )


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for claim in _CLAIMS:
        given: Any = claims.get(claim)
        values = cast("list[Any]", given) if isinstance(given, list) else str(given or "").split()
        found |= {value for value in values if isinstance(value, str)}
    return found
