"""The rows behind ``Idempotency-Key``: claims, their leases, and the responses that are given again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskmind.database import Database
from deskmind.errors import KeyReusedError, RequestInProgressError, ResultLostError
from deskmind.gateway.wire import decode, encode
from deskmind.governance.audit.claims import Claim
from deskmind.keyring import Keyring
from deskmind.scope import OPERATOR, Scope

__all__ = ["Claims", "Stored"]

_PURPOSE = "content-encryption"
_NONCE = 12
_TAKE = """
INSERT INTO request_keys AS k (tenant_id, digest, principal_id, fingerprint, claim, lease_until, expires_at)
VALUES (%(tenant)s, %(digest)s, %(principal)s, %(fingerprint)s, %(claim)s,
        now() + make_interval(secs => %(lease)s), now() + make_interval(secs => %(kept)s))
ON CONFLICT (tenant_id, digest) DO UPDATE
SET claim = excluded.claim, lease_until = excluded.lease_until, expires_at = excluded.expires_at,
    fingerprint = excluded.fingerprint, acted = false, status = NULL, response = NULL
WHERE k.expires_at <= now()
   OR (k.fingerprint = excluded.fingerprint AND k.status IS NULL AND NOT k.acted AND k.lease_until <= now())
RETURNING true
"""
_FOUND = """
SELECT fingerprint, status, response, acted, extract(epoch FROM lease_until - now())::float8
FROM request_keys WHERE tenant_id = %s AND digest = %s
"""
_OURS = " WHERE tenant_id = %s AND digest = %s AND claim = %s"


@dataclass(frozen=True, slots=True)
class Stored:
    """A response that is given again.

    Attributes:
        status: HTTP's.
        headers: those that describe the body.
        body: its bytes.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Claims:
    """Claims of requests that are to be done once."""

    def __init__(
        self, database: Database, keyring: Keyring, kept_seconds: float, lease_seconds: float = 10.0
    ) -> None:
        """On a database.

        Args:
            database: where claims and responses are.
            keyring: whose key seals the responses.
            kept_seconds: for how long a response is given again.
            lease_seconds: how long an attempt has a claim after it was last heard of.
        """
        self.lease_seconds = lease_seconds
        self._database = database
        self._keyring = keyring
        self._kept = kept_seconds

    async def take(self, scope: Scope, digest: bytes, fingerprint: bytes) -> Claim | Stored:
        """A claim to act under, or the response of the attempt that has acted.

        Raises:
            KeyReusedError: the key belongs to another request.
            RequestInProgressError: an attempt is under way.
            ResultLostError: an attempt acted, and ended before its response was kept.
        """
        claim = Claim(scope.tenant_id, digest, uuid4())
        values = {
            "tenant": scope.tenant_id,
            "digest": digest,
            "principal": None if scope.principal_id == OPERATOR else scope.principal_id,
            "fingerprint": fingerprint,
            "claim": claim.attempt,
            "lease": self.lease_seconds,
            "kept": self._kept,
        }
        async with self._database.transaction(scope) as connection:
            if await (await connection.execute(_TAKE, values)).fetchone() is not None:
                return claim
            row = await (await connection.execute(_FOUND, (scope.tenant_id, digest))).fetchone()
        if row is None or bytes(row[0]) != fingerprint:
            raise _reused()
        if row[1] is not None:
            return self._opened(scope.tenant_id, digest, row[1], bytes(row[2]))
        if row[3] and row[4] <= 0:
            raise _lost()
        raise _in_progress(max(1, round(row[4] + 0.5)))

    async def renew(self, scope: Scope, claim: Claim) -> None:
        """Say that the attempt is under way still."""
        async with self._database.transaction(scope) as connection:
            await connection.execute(
                "UPDATE request_keys SET lease_until = now() + make_interval(secs => %s)" + _OURS,
                (self.lease_seconds, claim.tenant_id, claim.digest, claim.attempt),
            )

    async def keep(self, scope: Scope, claim: Claim, stored: Stored) -> None:
        """Keep the response, sealed."""
        sealed = self._sealed(claim, stored)
        async with self._database.transaction(scope) as connection:
            await connection.execute(
                "UPDATE request_keys SET status = %s, response = %s" + _OURS,
                (stored.status, sealed, claim.tenant_id, claim.digest, claim.attempt),
            )

    async def give_up(self, scope: Scope, claim: Claim, *, acted: bool) -> None:
        """Let the request be tried again.

        Args:
            scope: who asked.
            claim: of the attempt.
            acted: also where something was recorded under it, as a denial is.
        """
        async with self._database.transaction(scope) as connection:
            await connection.execute(
                "DELETE FROM request_keys" + _OURS + ("" if acted else " AND NOT acted"),
                (claim.tenant_id, claim.digest, claim.attempt),
            )

    def _sealed(self, claim: Claim, stored: Stored) -> bytes:
        """Key version (4 bytes), nonce (12), AES-256-GCM of the headers' length, the headers and the body."""
        version = self._keyring.current(_PURPOSE).version
        headers = encode(
            [[name.decode("latin-1"), value.decode("latin-1")] for name, value in stored.headers]
        )
        nonce = os.urandom(_NONCE)
        plain = len(headers).to_bytes(4) + headers + stored.body
        about = claim.tenant_id.bytes + claim.digest
        return (
            version.to_bytes(4) + nonce + self._cipher(version, claim.tenant_id).encrypt(nonce, plain, about)
        )

    def _opened(self, tenant_id: UUID, digest: bytes, status: int, sealed: bytes) -> Stored:
        nonce, content = sealed[4 : 4 + _NONCE], sealed[4 + _NONCE :]
        cipher = self._cipher(int.from_bytes(sealed[:4]), tenant_id)
        try:
            plain = cipher.decrypt(nonce, content, tenant_id.bytes + digest)
        except InvalidTag:
            raise _lost() from None
        length = int.from_bytes(plain[:4])
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in decode(plain[4 : 4 + length])
        ]
        return Stored(status, headers, plain[4 + length :])

    def _cipher(self, version: int, tenant_id: UUID) -> AESGCM:
        return AESGCM(self._keyring.get(_PURPOSE, version).derive(b"response:" + tenant_id.bytes))


def _reused() -> KeyReusedError:
    return KeyReusedError(
        "The Idempotency-Key was used for another request.",
        why="A key stands for one request: method, path and body are the same each time.",
        remedy="Make a new key, such as a random UUID, for each request.",
    )


def _lost() -> ResultLostError:
    return ResultLostError(
        "The request was done, at least in part; its response is lost.",
        why="The process that did it ended before the response was kept.",
        remedy="Read the resource to see what was done; it is not done again under this key.",
    )


def _in_progress(seconds: int) -> RequestInProgressError:
    return RequestInProgressError(
        "The same request is under way.",
        why="Another attempt with this Idempotency-Key has not answered yet.",
        remedy=f"Send it again in {seconds} seconds, with the same key.",
        retry_after=seconds,
    )
