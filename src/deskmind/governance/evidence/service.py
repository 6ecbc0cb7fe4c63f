"""``desk.evidence``: bundles of a tenant; ``app.evidence``: the installation's parts of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, Protocol

from deskmind import __version__
from deskmind.database import Database
from deskmind.database.migrations import MigrationStatus
from deskmind.errors import InvalidRequestError
from deskmind.governance.access.authority import AccessAuthority
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.access.service import Access
from deskmind.governance.audit import VerifyKey, record
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.evidence import article30, soc2
from deskmind.governance.evidence.bundle import Bundle, EvidenceKey, Part, write_bundle
from deskmind.governance.evidence.installation import installation_parts
from deskmind.governance.privacy.service import Privacy, PrivacyRoom
from deskmind.keyring import Keyring
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = [
    "About",
    "Evidence",
    "EvidenceRoom",
    "InstallationEvidence",
    "Made",
    "evidence_keys",
    "signing_key",
]

About = Literal["soc2", "article30"]
_PURPOSE = "evidence"
_MOST_ERASURES = 100_000


class EvidenceRoom(PrivacyRoom, Protocol):
    """What evidence needs beside the database: the application has it."""

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def authority(self) -> AccessAuthority:
        """Who may do what."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle that was made.

    Attributes:
        bundle: what it says of itself.
        content: the ZIP.
        parts: what is in it.
        key: that signed it.
    """

    bundle: Bundle
    content: bytes
    parts: tuple[Part, ...]
    key: VerifyKey

    @property
    def file(self) -> str:
        """A name for it."""
        return f"{self.bundle.about}-{self.bundle.tenant}-{self.bundle.since:%Y%m%d}-{self.bundle.until:%Y%m%d}.zip"


class Evidence:
    """Bundles of the scope's tenant (operators and auditors)."""

    def __init__(self, database: Database, scope: Scope, room: EvidenceRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @operation(Permission.EVIDENCE_MAKE)
    async def make(
        self,
        about: About,
        since: datetime,
        until: datetime | None = None,
        *,
        dated: datetime | None = None,
        installation: Sequence[Part] = (),
        audit_keys: Sequence[VerifyKey] = (),
    ) -> Made:
        """Gather the evidence of a period and sign it. The same data, period, date and key give the same bytes.

        What holds for a moment (who may do what, the configuration) is as it is now. Who makes it must also be permitted to
        read the audit log and access, or the data map for ``article30``.

        Args:
            about: ``soc2`` (CC6, CC7, CC8) or ``article30``.
            since: the period's beginning.
            until: its end, which is not in it; now unless given.
            dated: the date of the bundle, to make one again; now unless given.
            installation: the installation's parts, of ``app.evidence.parts``, for ``soc2``.
            audit_keys: that sign the audit log and are trusted; those the database names unless given.

        Raises:
            InvalidRequestError: the period is none or not over, or has more events than a bundle takes.
        """
        now = datetime.now(UTC)
        dated = dated or now
        until = until or dated
        _check(since, until, dated, now)
        if about == "soc2":
            parts = [*await self._soc2(since, until, audit_keys), *installation]
            missing = [*soc2.NOT_ASSESSED, *(() if installation else (_WITHOUT_INSTALLATION,))]
        else:
            parts = await self._article30(since, until)
            controller = article30.controller_of(self._room.settings, self._scope.tenant)
            missing = article30.missing_of(controller)
        return await self._signed(
            Bundle(
                about,
                self._scope.tenant,
                str(self._scope.tenant_id),
                since,
                until,
                dated,
                __version__,
                missing,
            ),
            parts,
        )

    @operation(Permission.EVIDENCE_MAKE)
    async def public_keys(self) -> list[VerifyKey]:
        """The public halves of the keys that sign bundles: give them to who checks bundles, by another way than the bundle."""
        return await asyncio.to_thread(evidence_keys, self._room.keyring)

    async def _soc2(self, since: datetime, until: datetime, audit_keys: Sequence[VerifyKey]) -> list[Part]:
        log = AuditLog(self._database, self._scope)
        access = Access(self._database, self._scope, self._room.authority)
        parts = await soc2.access_parts(access, log, since, until)
        async with self._database.transaction(self._scope) as connection:
            parts += await soc2.incident_parts(connection, self._scope, log, since, until, audit_keys)
            parts += await soc2.change_parts(connection, self._scope, log, since, until)
        return parts

    async def _article30(self, since: datetime, until: datetime) -> list[Part]:
        room = self._room
        privacy = Privacy(self._database, self._scope, room.settings.privacy, room)
        erasures = await privacy.erasures(limit=_MOST_ERASURES)
        return article30.record_parts(
            room.settings,
            self._scope.tenant,
            holdings=await privacy.map(),
            ran=await privacy.retention(),
            holds=await privacy.holds(released=True),
            erasures=[one for one in erasures if since <= one.requested_at < until],
        )

    async def _signed(self, bundle: Bundle, parts: Sequence[Part]) -> Made:
        key = await asyncio.to_thread(signing_key, self._room.keyring)
        content = await asyncio.to_thread(write_bundle, bundle, parts, key)
        async with self._database.transaction(self._scope) as connection:
            await record(
                connection,
                self._scope,
                Permission.EVIDENCE_MAKE,
                resource=bundle.about,
                since=bundle.since.isoformat(),
                until=bundle.until.isoformat(),
                parts=len(parts),
                sha256=sha256(content).hexdigest(),
            )
        return Made(bundle, content, tuple(parts), key.public)


class InstallationEvidence:
    """What the installation adds to a tenant's bundle; from ``app.evidence``. It names no other tenant's people."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        schema: Callable[[], Awaitable[MigrationStatus]],
    ) -> None:
        self._database = database
        self._settings = settings
        self._schema = schema
        self._scope = Scope.directory()

    @property
    def scope(self) -> Scope:
        """The installation."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @operation(Permission.EVIDENCE_MAKE)
    async def parts(self, since: datetime, until: datetime, *, tenant: str) -> list[Part]:
        """Readiness over time, outages, deployments, configuration, schema, alert rules, the release's record.

        Args:
            since: the period's beginning.
            until: its end, which is not in it.
            tenant: for whose bundle; nothing is said of others.
        """
        current = (await self._schema()).current
        log = AuditLog(self._database, self._scope)
        return await installation_parts(log, self._settings, current, since, until, tenant=tenant)


_WITHOUT_INSTALLATION = (
    "Readiness over time, alert rules, configuration, migrations and releases: they are the installation's;"
    " its operator adds them with `deskmind evidence make soc2`."
)


def signing_key(keyring: Keyring, version: int | None = None) -> EvidenceKey:
    """The key that signs bundles; the current one unless a version is given."""
    key = keyring.current(_PURPOSE) if version is None else keyring.get(_PURPOSE, version)
    return EvidenceKey(key.derive(b"ed25519"))


def evidence_keys(keyring: Keyring) -> list[VerifyKey]:
    """The public halves of all versions that are kept, oldest first."""
    keyring.current(_PURPOSE)
    return [signing_key(keyring, version).public for version in keyring.versions(_PURPOSE)]


def _check(since: datetime, until: datetime, dated: datetime, now: datetime) -> None:
    if any(time.tzinfo is None for time in (since, until, dated)):
        raise InvalidRequestError("A time of the period has no time zone.")
    if since >= until:
        raise InvalidRequestError("The period ends before it begins.", remedy="Give --since before --until.")
    if until > dated or dated > now:
        raise InvalidRequestError(
            "The period is not over.",
            why="What is still to come is not evidence.",
            remedy="Give an --until, and a date, that have passed.",
        )
