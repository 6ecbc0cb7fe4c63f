"""Access, privacy, evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.refusing import KEYS_OWNER, MOST, Part, first
from deskmind.cli.remote.shown import Shown
from deskmind.cli.server import not_remote
from deskmind.errors import InvalidRequestError, ServerReplyError
from deskmind.governance.audit import VerifyKey
from deskmind.governance.evidence import Bundle, verify_bundle
from deskmind.governance.privacy.exporting import Export

if TYPE_CHECKING:
    from deskmind.client.made.bodies import ErasureBody

__all__ = ["RemoteAccess", "RemoteEvidence", "RemotePrivacy"]

_LOOK_SECONDS = 1.0


class RemoteAccess(Part):
    """``desk.access``."""

    async def check(self, permission: Any) -> Any:
        """Whether the key's owner may do something, and why."""
        return Shown(await self._client.access.check(permission))

    async def check_of(self, user: str, permission: Any) -> Any:
        """Whether a user may."""
        whom = None if user == KEYS_OWNER else user
        return Shown(await self._client.access.check(permission, user=whom))

    async def grant(self, role: str, **given: Any) -> Any:
        """Give a role."""
        return Shown(await self._client.grants.grant_role(role, **given))

    async def revoke(self, role: str, **whose: Any) -> None:
        """Take it."""
        await self._client.grants.revoke_role(role, **whose)

    async def review(self) -> list[Any]:
        """Who may do what, and why."""
        return [Shown(one) for one in (await self._client.access.review()).grants]

    async def roles(self) -> list[Any]:
        """The built-in ones and the tenant's own."""
        return [Shown(one) for one in (await self._client.roles.list()).roles]

    async def define_role(self, name: str, permissions: Sequence[str], *, description: str = "") -> Any:
        """Make or replace one."""
        await self._client.roles.define(name, permissions, description=description)
        return next(one for one in await self.roles() if one.name == name)

    async def delete_role(self, name: str) -> None:
        """Remove one."""
        await self._client.roles.delete(name)

    async def policy(self) -> Any:
        """The tenant's."""
        told = await self._client.access.get_policy()
        return Shown(told, names=told.policies)

    async def set_policy(self, text: str) -> Any:
        """Check and save one."""
        told = await self._client.access.set_policy(text)
        return Shown(told, names=told.policies)


class RemotePrivacy(Part):
    """``desk.privacy``."""

    async def map(self) -> list[Any]:
        """What is kept, why, for how long."""
        return [Shown(one) for one in (await self._client.privacy.show_data_map()).stores]

    async def export(self, subject: str, *, also: Sequence[str] = ()) -> Export:
        """What is kept of a person."""
        told = await self._client.privacy.export_person(subject, also=list(also))
        return Export(told.subject, told.stores, told.made_at)

    async def plan(
        self, subject: str, *, also: Sequence[str] = (), owned: Any = "redact"
    ) -> Mapping[str, Any]:
        """What would go."""
        told = await self._client.privacy.erase_person(subject, also=list(also), owned=owned, dry_run=True)
        return told.stores

    async def erase(self, subject: str, *, also: Sequence[str] = (), owned: Any = "redact") -> Any:
        """Have a worker erase a person, and wait until it has."""
        told = await self._client.privacy.erase_person(subject, also=list(also), owned=owned)
        while told.state != "done":
            await asyncio.sleep(_LOOK_SECONDS)
            told = await self._client.privacy.get_erasure(told.erasure_id)
        return _erasure(told)

    async def resume(self, erasure_id: UUID | None = None) -> list[Any]:
        """Workers of the service finish what was interrupted."""
        del erasure_id
        raise not_remote("`deskmind privacy erase --resume`")

    async def erasures(self, *, limit: int = 100) -> list[Any]:
        """The newest first."""
        told = self._client.privacy.each_erasures(limit=min(limit, MOST))
        return [_erasure(one) async for one in first(limit, told)]

    async def verify_receipt(self, text: str) -> Any:
        """The receipt, when the service signed it.

        Raises:
            InvalidRequestError: it did not.
        """
        told = await self._client.privacy.verify_receipt(text)
        if not told.holds:
            raise InvalidRequestError(
                told.problem,
                why="It was changed, or signed by another installation's keyring.",
                remedy="Compare it with `deskmind privacy receipts --json`.",
            )
        return Shown(told)

    async def readmit(self, subject: str, *, also: Sequence[str] = ()) -> int:
        """Let a person come back."""
        return (await self._client.privacy.readmit_person(subject, also=list(also))).marks

    async def retain(self) -> list[Any]:
        """Remove what is too old, now."""
        return [Shown(one) for one in (await self._client.privacy.apply_retention()).removed]

    async def hold(self, subject: str | None, reason: str, *, also: Sequence[str] = ()) -> Any:
        """Forbid removal."""
        return Shown(await self._client.privacy.place_hold(reason, subject=subject, also=list(also)))

    async def holds(self, *, released: bool = False) -> list[Any]:
        """Those that stand."""
        return [Shown(one) for one in (await self._client.privacy.list_holds(released=released)).holds]

    async def release(self, hold_id: UUID) -> None:
        """Release one."""
        await self._client.privacy.release_hold(hold_id)


@dataclass(frozen=True, slots=True)
class RemoteBundle:
    """A bundle that came: what it says of itself, the ZIP, its parts' names, and the key that signed it."""

    bundle: Bundle
    content: bytes
    parts: tuple[Any, ...]
    key: VerifyKey

    @classmethod
    def of(cls, content: bytes, manifest: Mapping[str, Any], key: VerifyKey) -> RemoteBundle:
        """By its manifest."""
        times: Any = {name: datetime.fromisoformat(manifest[name]) for name in ("since", "until", "dated")}
        named = ("about", "tenant", "tenant_id", "release", "not_assessed")
        facts: Any = {name: manifest[name] for name in named}
        parts = tuple(SimpleNamespace(file=part["file"]) for part in manifest["parts"])
        return cls(Bundle(**facts, **times), content, parts, key)


class RemoteEvidence(Part):
    """``desk.evidence``."""

    async def make(
        self, about: Any, since: datetime, until: datetime | None = None, *, dated: datetime | None = None
    ) -> Any:
        """A bundle, without the installation's parts.

        Raises:
            ServerReplyError: what came is not what the service's keys sign.
        """
        content = await self._client.evidence.make(about, since, until=until, dated=dated)
        report = verify_bundle(content, await self.public_keys())
        if report.key is None or not report.holds:
            raise ServerReplyError("The bundle that came does not hold.", why=" ".join(report.findings))
        return RemoteBundle.of(content, report.manifest, report.key)

    async def public_keys(self) -> list[VerifyKey]:
        """Those that bundles are signed with."""
        return [VerifyKey.parse(one) for one in (await self._client.evidence.list_keys()).keys]


def _erasure(told: ErasureBody) -> Any:
    return _Erasure(told, counts=told.stores)


class _Erasure(Shown):
    """Its receipt is a text of its own."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = super().as_dict()
        return {name: value for name, value in told.items() if name != "receipt"}
