"""Keys of the people whom audit events name: one for each, so that it can be destroyed and the log stays whole.

What names a person in an event is encrypted (AES-256-GCM, NIST SP 800-38D) under that person's data key before it is
hashed. The data key lies in the table ``audit_subjects``, wrapped under a key of the tenant that is derived from the
keyring and never in the database, together with the name that it was made for. Whose a key is says a keyed digest of that
name, the *mark*. Erasing a person destroys the
data key: the events stay, with their hashes and places, and say "erased subject".
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskmind.database import Connection
from deskmind.errors import KeyringError
from deskmind.keyring import Keyring

__all__ = ["Person", "SubjectKey", "SubjectKeys", "SubjectRing"]

_PURPOSE = "audit-subjects"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_REMEMBERED = 10_000
_REMEMBERED_SECONDS = 300.0

_OF_PERSON = """
SELECT key_id, wrapped, ring_version FROM audit_subjects
 WHERE tenant_id = %s AND mark = ANY (%s) AND (%s::uuid IS NULL OR principal_id = %s) ORDER BY created_at DESC
"""
_NAMED = "SELECT key_id FROM audit_subjects WHERE tenant_id = %s AND (mark = ANY (%s) OR principal_id = %s)"
_BY_ID = """
SELECT key_id, wrapped, ring_version FROM audit_subjects
 WHERE tenant_id = %s AND key_id = ANY (%s) AND destroyed_at IS NULL
"""
_ADD = """
INSERT INTO audit_subjects (tenant_id, key_id, mark, principal_id, wrapped, ring_version) VALUES (%s, %s, %s, %s, %s, %s)
"""
_RELATED = """
SELECT key_id, wrapped, ring_version, principal_id FROM audit_subjects
 WHERE tenant_id = %s AND (mark = ANY (%s) OR principal_id = %s)
"""
_DESTROY = """
UPDATE audit_subjects SET wrapped = NULL, mark = NULL, principal_id = NULL, destroyed_at = clock_timestamp()
 WHERE tenant_id = %s AND destroyed_at IS NULL
   AND (key_id = ANY (%s) OR principal_id = ANY (%s) OR (principal_id IS NULL AND mark = ANY (%s)))
"""
_OLDER = """
SELECT key_id, wrapped, ring_version FROM audit_subjects
 WHERE tenant_id = %s AND destroyed_at IS NULL AND ring_version < %s FOR UPDATE
"""
_WRAPPED = (
    "SELECT count(*) FROM audit_subjects WHERE tenant_id = %s AND destroyed_at IS NULL AND ring_version = %s"
)
_REWRAP = """
UPDATE audit_subjects SET mark = %s, wrapped = %s, ring_version = %s WHERE tenant_id = %s AND key_id = %s
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom an event names.

    Attributes:
        name: as a user of the tenant; or another name where the person is none.
        principal_id: of the user, where it is known.
        shown: what the event says instead of the name or the id, such as ``user=…/model=…``.
    """

    name: str = ""
    principal_id: UUID | None = None
    shown: str = ""

    def __post_init__(self) -> None:
        if not self.name and self.principal_id is None:
            raise ValueError("a person has a name or the id of a principal")

    @property
    def known_as(self) -> str:
        """The name, or the id where there is no name."""
        return self.name or str(self.principal_id)

    def __str__(self) -> str:
        return self.shown or self.known_as


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The data key of a person; it never prints.

    Attributes:
        key_id: random, so that it tells nothing of the person.
    """

    key_id: UUID
    _cipher: AESGCM = field(repr=False)

    def encrypt(self, content: bytes, bound: bytes) -> bytes:
        """12 bytes of nonce, then ciphertext with tag; readable only with the same ``bound``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound)

    def decrypt(self, box: bytes, bound: bytes) -> bytes | None:
        """Undo ``encrypt``; None when it was made with another key or bound to something else."""
        try:
            return self._cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            return None


class SubjectRing:
    """The keys of all tenants' people. Those in use are remembered for five minutes at most.

    Args:
        keyring: of the installation.
    """

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self._used: OrderedDict[tuple[UUID, Person], tuple[float, SubjectKey]] = OrderedDict()
        keyring.current(_PURPOSE)

    def forget(self) -> None:
        """Look for every key anew at its next use."""
        self._used.clear()

    def of(self, tenant_id: UUID) -> SubjectKeys:
        """Those of one tenant."""
        return SubjectKeys(self.keyring, tenant_id, self._used)


class SubjectKeys:
    """The keys of one tenant's people; its methods work in the caller's transaction.

    Args:
        keyring: of the installation.
        tenant_id: whose people.
        used: remembered keys, to be shared with others of the same process.
    """

    def __init__(
        self,
        keyring: Keyring,
        tenant_id: UUID,
        used: OrderedDict[tuple[UUID, Person], tuple[float, SubjectKey]] | None = None,
    ) -> None:
        self._keyring = keyring
        self._tenant_id = tenant_id
        self._used = OrderedDict[tuple[UUID, Person], tuple[float, SubjectKey]]() if used is None else used

    async def of(self, connection: Connection, person: Person) -> SubjectKey:
        """A person's key, made when there is none; a key made in a transaction that fails is gone with it."""
        if (remembered := self.remembered(person)) is not None:
            return remembered
        key = await self._found(connection, person) or await self._made(connection, person)
        self._used[self._tenant_id, person] = (time.monotonic() + _REMEMBERED_SECONDS, key)
        while len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)
        return key

    def remembered(self, person: Person) -> SubjectKey | None:
        """A person's key where it was used in the last five minutes."""
        found = self._used.get((self._tenant_id, person))
        return found[1] if found is not None and time.monotonic() < found[0] else None

    def forget(self, person: Person) -> None:
        """Look for a person's key anew at its next use."""
        self._used.pop((self._tenant_id, person), None)

    async def known(self, connection: Connection, key_ids: Iterable[UUID]) -> dict[UUID, SubjectKey]:
        """Those of these keys that still are."""
        wanted = list(dict.fromkeys(key_ids))
        if not wanted:
            return {}
        rows = await (await connection.execute(_BY_ID, (self._tenant_id, wanted))).fetchall()
        return {key.key_id: key for row in rows if (key := self._unwrapped(*row)) is not None}

    async def named(self, connection: Connection, name: str) -> list[UUID]:
        """The ids of the keys of whoever has this name, or whose principal has this id."""
        cursor = await connection.execute(_NAMED, (self._tenant_id, self._marks(name), _uuid(name)))
        return [row[0] for row in await cursor.fetchall()]

    async def destroy(self, connection: Connection, subject: str) -> bool:
        """Destroy a person's keys (as an operator); what was encrypted under them is readable nowhere any more.

        Args:
            connection: the transaction of the erasure.
            subject: the person's name, or the id of its principal.

        Returns whether there was a key.
        """
        values = (self._tenant_id, self._marks(subject), _uuid(subject))
        related = await (await connection.execute(_RELATED, values)).fetchall()
        names = {name for *row, _ in related if (name := self._name_in(*row))}
        marks = [mark for name in names for mark in self._marks(name)]
        ids = [row[3] for row in related if row[3] is not None]
        values = (self._tenant_id, [row[0] for row in related], ids, marks)
        cursor = await connection.execute(_DESTROY, values)
        self._used.clear()
        return cursor.rowcount > 0

    async def rewrap(self, connection: Connection) -> int:
        """Wrap all keys under the keyring's current key (as an operator), so that older versions of it can be retired.

        Returns how many were wrapped anew.
        """
        current = self._keyring.current(_PURPOSE).version
        rows = await (await connection.execute(_OLDER, (self._tenant_id, current))).fetchall()
        wrapped = [(row[0], content) for row in rows if (content := self._opened(*row)) is not None]
        for key_id, content in wrapped:
            mark = self._mark(content[_KEY_BYTES:].decode(), current)
            values = (mark, self._wrapped(key_id, content, current), current, self._tenant_id, key_id)
            await connection.execute(_REWRAP, values)
        return len(wrapped)

    async def wrapped_under(self, connection: Connection, version: int) -> int:
        """How many keys a version of the keyring's key wraps (as an operator): without it they open nowhere."""
        row = await (await connection.execute(_WRAPPED, (self._tenant_id, version))).fetchone()
        return row[0] if row is not None else 0

    async def _found(self, connection: Connection, person: Person) -> SubjectKey | None:
        """By its name, and its id where that is known."""
        values = (self._tenant_id, self._marks(person.known_as), person.principal_id, person.principal_id)
        rows = await (await connection.execute(_OF_PERSON, values)).fetchall()
        return next((key for row in rows if (key := self._unwrapped(*row)) is not None), None)

    async def _made(self, connection: Connection, person: Person) -> SubjectKey:
        key_id, secret = uuid4(), secrets.token_bytes(_KEY_BYTES)
        version = self._keyring.current(_PURPOSE).version
        wrapped = self._wrapped(key_id, secret + person.known_as.encode(), version)
        mark = self._mark(person.known_as, version)
        values = (self._tenant_id, key_id, mark, person.principal_id, wrapped, version)
        await connection.execute(_ADD, values)
        return SubjectKey(key_id, AESGCM(secret))

    def _wrapped(self, key_id: UUID, content: bytes, version: int) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher(version).encrypt(nonce, content, self._bound(key_id))

    def _opened(self, key_id: UUID, wrapped: bytes, version: int) -> bytes | None:
        """The data key and the name; None when the keyring's key is gone, which is as good as destroyed."""
        try:
            cipher = self._cipher(version)
            return cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], self._bound(key_id))
        except (KeyringError, InvalidTag):
            return None

    def _unwrapped(self, key_id: UUID, wrapped: bytes, version: int) -> SubjectKey | None:
        content = self._opened(key_id, wrapped, version)
        return SubjectKey(key_id, AESGCM(content[:_KEY_BYTES])) if content is not None else None

    def _name_in(self, key_id: UUID, wrapped: bytes, version: int) -> str:
        content = self._opened(key_id, wrapped, version)
        return content[_KEY_BYTES:].decode() if content is not None else ""

    def _bound(self, key_id: UUID) -> bytes:
        return self._tenant_id.bytes + key_id.bytes

    def _cipher(self, version: int) -> AESGCM:
        return AESGCM(self._keyring.get(_PURPOSE, version).derive(b"wrap" + self._tenant_id.bytes))

    def _marks(self, name: str) -> Sequence[bytes]:
        return [self._mark(name, version) for version in self._keyring.versions(_PURPOSE)]

    def _mark(self, name: str, version: int) -> bytes:
        return self._keyring.get(_PURPOSE, version).mac(b"mark" + self._tenant_id.bytes + name.encode())


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
