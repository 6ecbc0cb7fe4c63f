"""The budgets of a desk's tenant."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from deskmind.database import Database
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.gateway.budgets import Budget, Dimension, Window
from deskmind.gateway.service.room import GatewayRoom
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import Scope

__all__ = ["Budgets"]

_SMALLEST = Decimal("0.000001")
_LONGEST = 200


class Budgets:
    """The tenant's budgets (operators)."""

    def __init__(self, database: Database, scope: Scope, room: GatewayRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where they are."""
        return self._database

    @operation(Permission.BUDGETS_WRITE)
    async def set(
        self,
        name: str,
        *,
        window: Window,
        usd: Decimal | None = None,
        tokens: int | None = None,
        per: Sequence[Dimension] = (),
        user: str | None = None,
        key: str | None = None,
        feature: str | None = None,
        model: str | None = None,
        alerts: Sequence[float] = (0.5, 0.8, 1.0),
    ) -> Budget:
        """Make or replace a budget; it holds within seconds on every replica.

        Args:
            name: unique in the tenant.
            window: ``minute``, ``day`` or ``month``, in UTC.
            usd: limit in US dollars.
            tokens: limit in tokens.
            per: each value of these has the limit to itself.
            user: only this user's calls.
            key: only calls with this API key's id.
            feature: only calls for this feature.
            model: only calls of this model.
            alerts: shares of the limit that raise an alert.

        Raises:
            InvalidRequestError: no limit is given, or a value is out of range.
            NotFoundError: there is no such user.
        """
        _check(name, window, usd, tokens, per, alerts)
        _check_names(key=key, feature=feature, model=model)
        async with self._database.transaction(self._scope) as connection:
            principal = None
            if user is not None:
                cursor = await connection.execute(
                    "SELECT principal_id FROM principals WHERE tenant_id = %s AND kind = 'user' AND name = %s",
                    (self._scope.tenant_id, user),
                )
                row = await cursor.fetchone()
                if row is None:
                    raise NotFoundError(
                        f"There is no user '{user}'.", remedy="`deskmind user list` shows the users."
                    )
                principal = row[0]
            await connection.execute(
                "INSERT INTO budgets (tenant_id, name, period, usd, tokens, per, principal_id, api_key, feature, model,"
                " alerts) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (tenant_id, name) DO UPDATE SET period = excluded.period, usd = excluded.usd,"
                " tokens = excluded.tokens, per = excluded.per, principal_id = excluded.principal_id,"
                " api_key = excluded.api_key, feature = excluded.feature, model = excluded.model,"
                " alerts = excluded.alerts",
                (
                    self._scope.tenant_id, name, window, usd, tokens, list(per), principal, key, feature, model,
                    [float(share) for share in alerts],
                ),
            )  # fmt: skip
            await record(
                connection,
                self._scope,
                Permission.BUDGETS_WRITE,
                resource=name,
                window=window,
                usd=None if usd is None else str(usd),
                tokens=tokens,
            )
        self._room.forget_budgets(self._scope.tenant_id)
        return Budget(
            name,
            window,
            usd,
            tokens,
            tuple(per),
            self._scope.tenant_id,
            principal,
            key,
            feature,
            model,
            tuple(alerts),
        )

    @operation(Permission.BUDGETS_READ)
    async def list(self) -> list[tuple[Budget, dict[str, Decimal]]]:
        """The budgets with what is leased of each in its current window: US dollars or tokens by subject."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT name, period, usd, tokens, per, principal_id, api_key, feature, model, alerts"
                " FROM budgets WHERE tenant_id = %s ORDER BY name",
                (self._scope.tenant_id,),
            )
            rows = await cursor.fetchall()
            cursor = await connection.execute(
                "SELECT c.budget, c.subject, c.unit, c.leased FROM budget_counters c"
                " JOIN budgets b ON b.tenant_id = c.tenant_id AND b.name = c.budget"
                " WHERE c.tenant_id = %s AND c.window_start = date_trunc(b.period, now(), 'UTC')"
                " ORDER BY c.leased DESC LIMIT 1000",
                (self._scope.tenant_id,),
            )
            counters = await cursor.fetchall()
        found: list[tuple[Budget, dict[str, Decimal]]] = []
        for name, period, usd, tokens, per, user, key, feature, model, alerts in rows:
            budget = Budget(
                name,
                period,
                usd,
                tokens,
                tuple(per),
                self._scope.tenant_id,
                user,
                key,
                feature,
                model,
                tuple(alerts),
            )
            used = {
                " ".join(part for part in (unit, subject) if part): Decimal(leased)
                / (10**9 if unit == "usd" else 1)
                for of, subject, unit, leased in counters
                if of == name
            }
            found.append((budget, used))
        return found

    @operation(Permission.BUDGETS_WRITE)
    async def delete(self, name: str) -> None:
        """Remove a budget.

        Raises:
            NotFoundError: there is none of that name.
        """
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "DELETE FROM budgets WHERE tenant_id = %s AND name = %s", (self._scope.tenant_id, name)
            )
            if not cursor.rowcount:
                raise NotFoundError(
                    f"There is no budget '{name}'.", remedy="`deskmind budget list` shows the budgets."
                )
            await record(connection, self._scope, Permission.BUDGETS_WRITE, resource=name, removed=True)
        self._room.forget_budgets(self._scope.tenant_id)


def _check(
    name: str,
    window: str,
    usd: Decimal | None,
    tokens: int | None,
    per: Sequence[str],
    alerts: Sequence[float],
) -> None:
    wrong: str | None = None
    if not 1 <= len(name) <= 100 or not name.isprintable():
        wrong = "A budget's name has 1 to 100 printable characters."
    elif window not in {"minute", "day", "month"}:
        wrong = f"'{window}' is not a window: minute, day or month."
    elif usd is None and tokens is None:
        wrong = "A budget limits US dollars, tokens, or both."
    elif (usd is not None and not (usd.is_finite() and 0 <= usd < 10**12)) or (
        tokens is not None and not 0 <= tokens < 2**62
    ):
        wrong = "A limit is zero or more."
    elif usd is not None and usd != usd.quantize(_SMALLEST):
        wrong = "A limit in US dollars has at most six decimal places."
    elif not set(per) <= {"user", "key", "feature", "model"} or len(set(per)) < len(per):
        wrong = "A budget is split by user, key, feature or model, each once."
    elif any(not 0 < share <= 1 for share in alerts):
        wrong = "Alerts are shares of the limit, above 0 and at most 1."
    if wrong is not None:
        raise InvalidRequestError(wrong, remedy="Correct the budget and set it again.")


def _check_names(**names: str | None) -> None:
    for kind, name in names.items():
        if name is not None and not (1 <= len(name) <= _LONGEST and name.isprintable()):
            raise InvalidRequestError(
                f"The {kind} of a budget has 1 to {_LONGEST} printable characters.",
                remedy="Correct the budget and set it again.",
            )
