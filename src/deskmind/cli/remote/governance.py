"""Access, privacy, evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from deskmind.cli.remote.refusing import KEYS_OWNER, Part
from deskmind.cli.remote.shown import Shown

__all__ = ["RemoteAccess", "RemoteEvidence", "RemotePrivacy"]


class RemoteAccess(Part):
    """``desk.access``."""

    async def check(self, permission: str) -> Any:
        """Whether the key's owner may do something, and why."""
        return Shown(await self._client.access.check(permission))

    async def check_of(self, user: str, permission: str) -> Any:
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

    async def erase(self, subject: str, *, also: Sequence[str] = (), owned: Any = "redact") -> Any:
        """Erase a person."""
        return Shown(await self._client.privacy.erase_person(subject, also=list(also), owned=owned))

    async def erasures(self, *, limit: int = 100) -> list[Any]:
        """The newest first."""
        return [Shown(one) for one in (await self._client.privacy.list_erasures(limit=limit)).erasures]

    async def hold(self, subject: str | None, reason: str, *, also: Sequence[str] = ()) -> Any:
        """Forbid removal."""
        return Shown(await self._client.privacy.place_hold(reason, subject=subject, also=list(also)))

    async def holds(self, *, released: bool = False) -> list[Any]:
        """Those that stand."""
        return [Shown(one) for one in (await self._client.privacy.list_holds(released=released)).holds]

    async def release(self, hold_id: UUID) -> None:
        """Release one."""
        await self._client.privacy.release_hold(hold_id)


class RemoteEvidence(Part):
    """``desk.evidence``."""

    async def public_keys(self) -> list[str]:
        """Those that bundles are signed with."""
        return [_word(one) for one in (await self._client.evidence.list_keys()).keys]


def _word(told: Any) -> str:
    return told if isinstance(told, str) else str(told.key)
