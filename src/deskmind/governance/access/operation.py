"""The door of every public operation: permission, correlation id, span, log line, audit of refusals."""

from __future__ import annotations

import copy
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from deskmind.database import Database
from deskmind.errors import PermissionDeniedError
from deskmind.governance.access._denials import basis_of
from deskmind.governance.access.permissions import Permission, authorize
from deskmind.governance.audit import record_alone
from deskmind.governance.audit.circumstances import decided_by
from deskmind.observability import Observation, correlation, correlation_id, observed, telling
from deskmind.observability.story import code_of, current_story, tell
from deskmind.scope import Scope

__all__ = ["Governed", "declared_permission", "operation", "streaming_operation"]


class Governed(Protocol):
    """Something with operations: it knows who acts and where the record goes.

    It keeps its scope in ``_scope``. An operation that concerns the whole tenant runs on a copy whose scope reaches that.
    """

    @property
    def scope(self) -> Scope:
        """Who acts."""
        ...

    @property
    def database(self) -> Database:
        """Where acts are recorded."""
        ...


_P = ParamSpec("_P")
_R = TypeVar("_R")
_G = TypeVar("_G", bound=Governed)


def operation(
    permission: Permission, *, told: bool = True
) -> Callable[
    [Callable[Concatenate[_G, _P], Coroutine[Any, Any, _R]]],
    Callable[Concatenate[_G, _P], Coroutine[Any, Any, _R]],
]:
    """Declare the permission of a public coroutine method and guard it.

    Args:
        permission: what the scope must be allowed to do.
        told: whether its calls leave a story; reading stories does not.

    Raises (from the guarded method):
        PermissionDeniedError: the scope lacks the permission; the refusal is in the audit log.
    """

    def declare(
        method: Callable[Concatenate[_G, _P], Coroutine[Any, Any, _R]],
    ) -> Callable[Concatenate[_G, _P], Coroutine[Any, Any, _R]]:
        @functools.wraps(method)
        async def guarded(self: _G, *args: _P.args, **kwargs: _P.kwargs) -> _R:
            entered = _Entered(self, permission, told=told)
            admitted = await entered.enter()
            try:
                given = await method(_acting(self, admitted), *args, **kwargs)
            except BaseException as error:
                entered.leave(error)
                raise
            entered.leave(None)
            return given

        guarded.__dict__["__permission__"] = permission
        return guarded

    return declare


def streaming_operation(
    permission: Permission,
) -> Callable[
    [Callable[Concatenate[_G, _P], AsyncIterator[_R]]],
    Callable[Concatenate[_G, _P], AsyncIterator[_R]],
]:
    """The same for a method that is an asynchronous generator."""

    def declare(
        method: Callable[Concatenate[_G, _P], AsyncIterator[_R]],
    ) -> Callable[Concatenate[_G, _P], AsyncIterator[_R]]:
        @functools.wraps(method)
        async def guarded(self: _G, *args: _P.args, **kwargs: _P.kwargs) -> AsyncIterator[_R]:
            entered = _Entered(self, permission)
            admitted = await entered.enter()
            try:
                async for item in method(_acting(self, admitted), *args, **kwargs):
                    yield item
            except BaseException as error:
                entered.leave(error)
                raise
            entered.leave(None)

        guarded.__dict__["__permission__"] = permission
        return cast("Callable[Concatenate[_G, _P], AsyncIterator[_R]]", guarded)

    return declare


def declared_permission(method: object) -> Permission | None:
    """The permission a method declares, None when it declares none."""
    return cast("dict[str, Any]", getattr(method, "__dict__", {})).get("__permission__")


def _acting(subject: _G, scope: Scope) -> _G:
    """The subject in the scope it was admitted with: a copy of it, where that is another than its own."""
    if scope is subject.scope:
        return subject
    copied = copy.copy(subject)
    copied.__dict__["_scope"] = scope
    return copied


class _Entered:
    """Inside an operation. Neither a generator nor a context manager: it is passed by every call of every operation."""

    __slots__ = ("_correlation", "_deciding", "_observation", "_permission", "_subject", "_telling", "_told")

    def __init__(self, subject: Governed, permission: Permission, *, told: bool = True) -> None:
        self._subject = subject
        self._permission = permission
        self._told = told
        self._telling: telling | None = None
        self._correlation: AbstractContextManager[str] | None = None
        self._deciding: AbstractContextManager[None] | None = None

    async def enter(self) -> Scope:
        """Begin; gives the scope that the operation runs in. A refusal is recorded."""
        subject = self._subject
        scope, database, name = subject.scope, subject.database, str(self._permission)
        if not correlation_id():
            self._correlation = correlation()
            self._correlation.__enter__()
        if self._told:
            self._telling = tell(scope, name, database.stories)
        self._observation: Observation = observed(name, tenant=scope.tenant, user=scope.principal).enter()
        try:
            try:
                if database.authority is None:
                    authorize(scope, self._permission)
                else:
                    scope, basis = await database.authority.admit(scope, self._permission)
                    self._deciding = decided_by(basis)
                    self._deciding.__enter__()
            except PermissionDeniedError as error:
                await self._record_refusal(error)
                raise
        except BaseException as error:
            self.leave(error)
            raise
        return scope

    async def _record_refusal(self, error: PermissionDeniedError) -> None:
        forbidding: list[str] = error.details.get("policies", [])
        with decided_by(basis_of(error)):
            await record_alone(
                self._subject.database,
                self._subject.scope,
                str(self._permission),
                outcome="denied",
                policies=forbidding,
            )

    def leave(self, error: BaseException | None) -> None:
        """It is over; ``error`` ended it."""
        if self._deciding is not None:
            self._deciding.__exit__(None, None, None)
        try:
            self._observation.leave(error)
            self._conclude(error)
        finally:
            if self._correlation is not None:
                self._correlation.__exit__(None, error, None)

    def _conclude(self, error: BaseException | None) -> None:
        """The story of a request is that of its first operation: whether it failed is not seen outside of it."""
        if self._telling is not None:
            self._telling.__exit__(None, error, None)
        elif error is not None and (story := current_story()) is not None:
            story.fail(self._permission, code_of(error))
