"""Resources that are read: a ``GET`` whose endpoint takes a desk, values of the path and the query, and the request, without the framework's layers.

Those cost more than most reads do. What fits, is answered here; what does not plainly fit, such as a value that is not valid, goes the
framework's way from the beginning, so that the framework says what is wrong. O(routes of one resource) to find a route.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date
from enum import Enum
from typing import Any, Literal, Union, cast, get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from deskmind.api.shelf import Shelf

__all__ = ["FOUND", "Read", "Reads"]

FOUND = "deskmind.read"
"""Where in a request's scope the read that was found is, with its values."""

_ABSENT: Any = object()
_SCALARS = (str, int, float, UUID, date, Enum)
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding"})
_LASTING = (str, int, float, type(None))

_Values = dict[str, Any]


class _Value:
    """One value that a read takes from the path or the query."""

    __slots__ = ("_alias", "_default", "_field", "name")

    def __init__(self, field: Any) -> None:
        self.name: str = field.name
        self._alias: str = field.validation_alias or field.alias
        self._default = _ABSENT if field.field_info.is_required() else field.default
        self._field = field

    @staticmethod
    def plain(field: Any) -> bool:
        """Whether it is a single value under a single name."""
        info = field.field_info
        return (
            _is_scalar(info.annotation)
            and isinstance(info.validation_alias, str | None)
            and not info.validate_default
            and field.config is None
            and (info.is_required() or isinstance(field.default, _LASTING))
        )

    def read(self, given: _Values) -> tuple[Any, Any]:
        """The value, and what is wrong with it; O(1)."""
        value = given.get(self._alias, _ABSENT)
        if value is not _ABSENT:
            return self._field.validate(value)
        return self._default, self._default is _ABSENT


class Read:
    """What is read under one route."""

    __slots__ = ("_ask", "_desk", "_endpoint", "_field", "_model", "_path", "_query", "_request")

    def __init__(self, route: APIRoute) -> None:
        (asking,) = route.dependant.dependencies
        self._ask = cast("Callable[[Request], Awaitable[Any]]", asking.call)
        self._desk = str(asking.name)
        self._endpoint = route.endpoint
        self._field = cast("Any", route.response_field)
        self._model = route.response_model
        self._request = route.dependant.request_param_name
        self._path = [_Value(field) for field in route.dependant.path_params]
        self._query = [_Value(field) for field in route.dependant.query_params]

    @classmethod
    def of(cls, route: BaseRoute) -> Read | None:
        """Of a route; None where that needs more than a desk and plain values, or answers otherwise than by a model.

        None too where the framework is of a release that keeps its routes otherwise: then it answers all of them.
        """
        try:
            little = isinstance(route, APIRoute) and _takes_little(route) and _answers_a_model(route)
            return cls(cast("APIRoute", route)) if little else None
        except AttributeError:
            return None

    def values(self, path: _Values, query: bytes) -> _Values | None:
        """What the endpoint is called with; None where a value is missing or not valid."""
        found: _Values = {}
        given = _asked(query) if query else {}
        for values, source in ((self._path, path), (self._query, given)):
            for value in values:
                found[value.name], wrong = value.read(source)
                if wrong:
                    return None
        return found

    async def answer(self, request: Request, values: _Values) -> Any:
        """JSON as bytes, or a response that the endpoint made."""
        values[self._desk] = await self._ask(request)
        if self._request is not None:
            values[self._request] = request
        content = await self._endpoint(**values)
        if type(content) is not self._model:
            content, errors = self._field.validate(content, {}, loc=("response",))
            if errors:
                raise ResponseValidationError(errors=errors, body=content)
        return self._field.serialize_json(content)


class Reads:
    """The reads among routes.

    Args:
        routes: in the order in which they are tried.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._shelf = Shelf(routes)
        self._reads = {id(route): read for route in routes if (read := Read.of(route)) is not None}
        self._fixed = {
            route.path: found
            for route in routes
            if isinstance(route, APIRoute) and not route.param_convertors
            if (found := self._found({"type": "http", "method": "GET", "path": route.path})) is not None
        }

    def __len__(self) -> int:
        return len(self._reads)

    def find(self, scope: Scope) -> bool:
        """Whether a request is one of the reads, which its scope then says."""
        if scope["method"] != "GET" or _has_body(scope["headers"]):
            return False
        found = self._fixed.get(scope["path"]) or self._found(scope)
        if found is None:
            return False
        read, matched = found
        values = read.values(matched["path_params"], scope["query_string"])
        if values is None:
            return False
        scope.update(matched)
        scope[FOUND] = (read, values)
        return True

    def _found(self, scope: Scope) -> tuple[Read, Scope] | None:
        match, found = self._shelf.matches(scope)
        read = self._reads.get(id(found["route"])) if match is Match.FULL else None
        return (read, found) if read is not None else None


def _takes_little(route: APIRoute) -> bool:
    needs = route.dependant
    if (
        route.methods != {"GET"}
        or len(needs.dependencies) != 1
        or not inspect.iscoroutinefunction(route.endpoint)
    ):
        return False
    (asking,) = needs.dependencies
    return (
        asking.name is not None
        and asking.request_param_name is not None
        and inspect.iscoroutinefunction(asking.call)
        and not _has_more(asking)
        and not (asking.path_params or asking.query_params or asking.dependencies or asking.concurrency)
        and not _has_more(needs)
        and all(_Value.plain(field) for field in (*needs.path_params, *needs.query_params))
    )


def _has_more(needs: Any) -> bool:
    return any(
        (
            needs.header_params,
            needs.cookie_params,
            needs.body_params,
            needs.http_connection_param_name,
            needs.websocket_param_name,
            needs.response_param_name,
            needs.background_tasks_param_name,
            needs.security_scopes_param_name,
        )
    )


def _answers_a_model(route: APIRoute) -> bool:
    return (
        route.response_field is not None
        and route.status_code in (None, 200)
        and isinstance(route.response_class, DefaultPlaceholder)
        and route.response_model_by_alias
        and not any(
            (
                route.response_model_include,
                route.response_model_exclude,
                route.response_model_exclude_unset,
                route.response_model_exclude_defaults,
                route.response_model_exclude_none,
                route.max_body_size is not None,
            )
        )
    )


def _is_scalar(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return True
    if get_origin(annotation) in (Union, types.UnionType):
        return all(one is types.NoneType or _is_scalar(one) for one in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, _SCALARS)


def _asked(query: bytes) -> _Values:
    """The values of a query; of one that is repeated the last, as the framework has it."""
    text = query.decode("latin-1")
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=True))
    return {name: value for name, _, value in [part.partition("=") for part in text.split("&") if part]}


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return not _OF_BODIES.isdisjoint([name for name, _ in headers])
