"""Whether a token is valid. What it says of itself chooses nothing but which of the issuer's keys is tried.

After RFC 8725 (best current practices for JSON Web Tokens): algorithms come from the settings, are asymmetric, and must fit the
key; headers that bring a key along (``jwk``, ``jku``, ``x5c``, ``x5u``) are not read; unknown critical headers refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from deskmind.errors import AuthenticationError
from deskmind.governance.access.oidc.issuer import Issuer

__all__ = ["TokenVerifier", "said_by"]

_LONGEST = 8_192
_LONGEST_ID = 200
_LEAST_RSA_BITS = 2_048
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt", "none given"})


class TokenVerifier:
    """Verifies tokens of one issuer.

    Args:
        issuer: whose keys sign.
        audience: what tokens must be meant for.
        algorithms: that are accepted.
        leeway: seconds that clocks may differ.
    """

    def __init__(
        self, issuer: Issuer, *, audience: str, algorithms: Sequence[str], leeway: float = 30.0
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._algorithms = frozenset(algorithms)
        self._leeway = leeway

    async def claims(self, token: str, *, audience: str | None = None) -> Mapping[str, Any]:
        """What a valid token claims.

        Args:
            token: as it was shown.
            audience: what it must be meant for, where that is another than the verifier's.

        Raises:
            AuthenticationError: the token is not valid; which of the reasons it was is not said.
            UnavailableError: the issuer's keys are not known.
        """
        if len(token) > _LONGEST or not token.isascii():
            raise _refused()
        algorithm, key_id = self._header(token)
        found = await self._issuer.key(key_id)
        if found is None or found.get("alg", algorithm) != algorithm:
            raise _refused()
        try:
            key = jwt.PyJWK(dict(found), algorithm=algorithm).key
            if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
                raise _refused()
            return cast(
                "Mapping[str, Any]",
                jwt.decode(
                    token,
                    key,
                    algorithms=[algorithm],
                    audience=audience or self._audience,
                    issuer=self._issuer.url,
                    leeway=self._leeway,
                    options={"require": ["exp", "iat", "iss", "aud", "sub"]},
                ),
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _refused() from error

    def _header(self, token: str) -> tuple[str, str | None]:
        """The algorithm and the id of the key, as far as they may be what they say."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refused() from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        kind = header.get("typ", "none given")
        if (
            not isinstance(algorithm, str)
            or algorithm not in self._algorithms
            or "crit" in header
            or not isinstance(kind, str)
            or kind.lower() not in _TYPES
            or not (key_id is None or (isinstance(key_id, str) and len(key_id) <= _LONGEST_ID))
        ):
            raise _refused()
        return algorithm, key_id


def said_by(token: str) -> Mapping[str, Any]:
    """What a token says of itself, valid or not, and so not to be believed; nothing where it says nothing."""
    if len(token) > _LONGEST or not token.isascii():
        return {}
    try:
        return cast("Mapping[str, Any]", jwt.decode(token, options={"verify_signature": False}))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return {}


def _refused() -> AuthenticationError:
    return AuthenticationError(
        "The token is not valid.",
        why="It is malformed, expired, not signed by the issuer, or meant for somebody else.",
        remedy="Sign in again at the identity provider.",
    )
