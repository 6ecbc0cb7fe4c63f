"""Every route of the service is found, however it is found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match

from deskmind.api import create_app
from deskmind.api.routes import router
from deskmind.api.shelf import Shelf
from deskmind.app import Deskmind


async def _nobody(_: Any) -> Any:
    raise NotImplementedError


ROUTES = router(desk_for=_nobody).routes


def _request(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}


def _first(method: str, path: str) -> Any:
    """What comparing with one after the other finds."""
    for route in ROUTES:
        if route.matches(_request(method, path))[0] is Match.FULL:
            return route
    return None


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if isinstance(one, APIRoute)], ids=lambda one: one.path
)
def test_it_finds_what_the_routes_themselves_find(route: APIRoute) -> None:
    values = {name: str(UUID(int=7)) for name in route.param_convertors}
    path = route.path_format.format(**values)
    shelf = Shelf(ROUTES)
    for method in route.methods:
        match, found = shelf.matches(_request(method, path))
        if match is Match.FULL:
            assert found["route"] is _first(method, path)
            assert set(found["path_params"]) == set(values)
    assert shelf.matches(_request("TRACE", path))[0] is Match.NONE


def test_nearly_all_routes_are_on_it() -> None:
    shelf = Shelf(ROUTES)
    kept = sum(len(some) for some in shelf._places.values())
    assert kept > 0.95 * len(ROUTES)
    assert max(len(some) for some in shelf._places.values()) < 12


async def test_what_it_does_not_know_is_answered_as_before(caller: Any) -> None:
    assert (await caller.client.get("/v1/nothing")).status_code == 404
    wrong = await caller.client.put("/v1/search", json={})
    assert wrong.status_code == 405
    assert wrong.headers["content-type"] == "application/problem+json"
    assert (await caller.client.get("/v1/documents/")).status_code in {307, 404}


def test_the_service_names_its_paths(app: Deskmind) -> None:
    service = create_app(app=app)
    assert str(service.url_path_for("health")) == "/healthz"
    assert len(service.openapi()["paths"]) > 50
