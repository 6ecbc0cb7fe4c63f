"""Who a valid token stands for: the tenant, the user and the groups that its claims are mapped to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from deskmind.database import Database
from deskmind.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    PrincipalNotFoundError,
    TenantNotFoundError,
)
from deskmind.governance.access.oidc.issuer import Issuer
from deskmind.governance.access.oidc.resource import TokenResource
from deskmind.governance.access.oidc.verifying import TokenVerifier, said_by
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.refusals import Concerned, Refusals, Why
from deskmind.governance.access.tenants import Tenants
from deskmind.scope import Scope
from deskmind.settings import OidcSettings

__all__ = ["TokenPrincipals"]

_NAME = "identity provider"
_GROUPS = """
SELECT g.name FROM principals p
  LEFT JOIN memberships m ON m.tenant_id = p.tenant_id AND m.member_id = p.principal_id
  LEFT JOIN principals g ON g.tenant_id = m.tenant_id AND g.principal_id = m.group_id
 WHERE p.tenant_id = %s AND p.name = %s AND p.kind = 'user'
"""
"""A row for each group, one without a name for a user in none; no row for nobody."""


class TokenPrincipals:
    """Finds the scope of a token's user, and keeps the user's memberships in the mapped groups as the issuer says.

    Groups that no mapping names are left alone. Roles come with groups: they are granted to a group once, and whoever the
    issuer puts into it has them. A claim makes nobody an operator of the tenant: that is said here, by an operator.

    Args:
        database: where users are.
        settings: with an issuer.
        tenants: to find a tenant by name.
        principals: makes the users and groups of a scope's tenant, with what else must know when they change.
        refusals: records tokens that are not valid, or stand for nobody.
    """

    def __init__(
        self,
        database: Database,
        settings: OidcSettings,
        tenants: Tenants,
        principals: Callable[[Scope], Principals],
        refusals: Refusals,
    ) -> None:
        self._database = database
        self._refusals = refusals
        self._settings = settings
        self._tenants = tenants
        self._principals = principals
        self._verifier = TokenVerifier(
            Issuer(settings.issuer or "", believed=settings.keys_seconds),
            audience=settings.audience,
            algorithms=settings.algorithms,
            leeway=settings.leeway_seconds,
        )

    async def scope_of(self, token: str, resource: TokenResource | None = None) -> Scope:
        """The scope of whoever a token stands for.

        Args:
            token: as it was shown.
            resource: what it must be meant for, and whose scopes bound it; None for what ``oidc.audience`` names.

        Raises:
            AuthenticationError: the token is not valid, or stands for nobody here.
            InsufficientScopeError: its scopes leave nothing.
            UnavailableError: the issuer's keys are not known.
        """
        try:
            claims = await self._verifier.claims(
                token, audience=resource.url if resource is not None else None
            )
        except AuthenticationError:
            await self._note(said_by(token), "token")
            raise
        bounds = resource.bounds(claims) if resource is not None else None
        user = claims.get(self._settings.user_claim)
        if not isinstance(user, str) or not user:
            raise _nobody(f"The token has no claim '{self._settings.user_claim}' that names a user.")
        try:
            tenant = await self._tenants.named(self._tenant(claims))
            operator = Scope.operator(tenant.tenant_id, tenant.slug, _NAME)
            principals = self._principals(operator)
            await self._keep(principals, operator, user, self._groups(claims))
            return replace(await principals.scope_of(name=user, person=True), bounds=bounds)
        except (PrincipalNotFoundError, TenantNotFoundError, InvalidRequestError) as error:
            await self._note(claims, "user")
            raise _nobody("The token's user or tenant is not known here.") from error

    async def _note(self, claims: Mapping[str, Any], why: Why) -> None:
        """In the log of the tenant that the claims name: of a token that is not valid, whoever made it chose that."""
        try:
            tenant = await self._tenants.named(self._tenant(claims))
        except (TenantNotFoundError, InvalidRequestError):
            await self._refusals.note(None, why)
        else:
            await self._refusals.note(Concerned(tenant.tenant_id, tenant.slug), why)

    async def _keep(self, principals: Principals, operator: Scope, user: str, wanted: set[str]) -> None:
        """Only what changed is written: a token is shown with every request."""
        async with self._database.transaction(operator) as connection:
            cursor = await connection.execute(_GROUPS, (operator.tenant_id, user))
            rows = await cursor.fetchall()
        current = {name for (name,) in rows if name is not None}
        due = sorted((current - set(self._settings.groups.values())) | wanted)
        if not rows and self._settings.provision:
            with contextlib.suppress(ConflictError):  # another request was first, or the person was erased
                await principals.add_user(user, groups=due)
        elif rows and set(due) != current:
            await principals.set_groups(user, due)

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        settings = self._settings
        if settings.tenant_claim is None:
            return settings.tenant or ""
        return settings.tenants.get(str(claims.get(settings.tenant_claim)), "")

    def _groups(self, claims: Mapping[str, Any]) -> set[str]:
        """The groups that the claim's values are mapped to; a claim that is no list of texts maps to none."""
        given: Any = claims.get(self._settings.groups_claim)
        values = cast("list[Any]", given) if isinstance(given, list) else [given]
        known = self._settings.groups
        return {known[value] for value in values if isinstance(value, str) and value in known}


def _nobody(why: str) -> AuthenticationError:
    return AuthenticationError(
        "The token stands for nobody here.", why=why, remedy="An operator checks [oidc], or adds the user."
    )
