"""Assets by their display ids, with asset types, vendors and products."""

from __future__ import annotations

import re
from typing import Any

from deskmind.sandbox.freshservice.account import Row
from deskmind.sandbox.freshservice.call import Call, Route, answer, empty
from deskmind.sandbox.freshservice.filters import ASSET_FIELDS, compiled, quoted
from deskmind.sandbox.freshservice.refusal import invalid, not_found, problem
from deskmind.sandbox.freshservice.resource import Resource
from deskmind.sandbox.web import Reply

ASSET: dict[str, Any] = {
    "name": None,
    "description": None,
    "asset_type_id": None,
    "impact": "low",
    "author_type": "User",
    "usage_type": "permanent",
    "asset_tag": None,
    "user_id": None,
    "department_id": None,
    "location_id": None,
    "agent_id": None,
    "group_id": None,
    "assigned_on": None,
    "end_of_life": None,
    "type_fields": {},
}
ASSET_TYPES = Resource(
    "asset_types",
    "asset_types",
    "asset_type",
    "asset_types",
    {"name": None, "description": None, "parent_asset_type_id": None, "visible": True},
    required=("name",),
    admin_writes=True,
)
VENDORS = Resource(
    "vendors",
    "vendors",
    "vendor",
    "vendors",
    {"name": None, "description": None, "primary_contact_id": None, "address": {}, "custom_fields": {}},
    required=("name",),
)
PRODUCTS = Resource(
    "products",
    "products",
    "product",
    "products",
    {
        "name": None,
        "asset_type_id": None,
        "manufacturer": None,
        "status_id": 1,
        "mode_of_procurement_id": 1,
        "depreciation_type_id": None,
        "description": None,
    },
    required=("name", "asset_type_id"),
)


def listed(call: Call) -> Reply:
    """Assets, by `filter` or `search` in their double quotes; type fields only when included."""
    found = list(call.account.table("assets").values())
    if call.query("filter"):
        keep = compiled(quoted(call.query("filter"), "filter"), ASSET_FIELDS, "filter")
        found = [each for each in found if keep(each)]
    if call.query("search"):
        found = _searched(found, quoted(call.query("search"), "search"))
    whole = "type_fields" in call.query("include")
    return call.page(found, "assets", lambda each: _shown(each, whole))


def one(call: Call) -> Reply:
    """One asset."""
    return answer("asset", _shown(_asset(call), "type_fields" in call.query("include")))


def create(call: Call) -> Reply:
    """A new asset; 201."""
    body = _checked(call)
    for name in ("name", "asset_type_id"):
        if not body.get(name):
            raise invalid(problem(name, "It should be a/an String", "missing_field"))
    if body["asset_type_id"] not in call.account.table("asset_types"):
        raise invalid(problem("asset_type_id", "It is either invalid or inaccessible"))
    now, number = call.account.now(), call.account.next_id()
    display = max((each["display_id"] for each in call.account.table("assets").values()), default=0) + 1
    made = {"id": number, "display_id": display, **ASSET, **body, "created_at": now, "updated_at": now}
    call.account.table("assets")[number] = made
    return answer("asset", made, 201)


def change(call: Call) -> Reply:
    """Changes an asset."""
    row = _asset(call)
    row.update(_checked(call))
    row["updated_at"] = call.account.now()
    return answer("asset", row)


def delete(call: Call) -> Reply:
    """Deletes; 204."""
    del call.account.table("assets")[_asset(call)["id"]]
    return empty()


def requests(call: Call) -> Reply:
    """The tickets that name the asset."""
    display = _asset(call)["display_id"]
    found = [
        {
            "request_type": "Tickets",
            "request_id": f"INC-{each['id']}",
            "request_details": each["subject"],
            "request_status": each["status"],
        }
        for each in call.account.table("tickets").values()
        if display in call.account.assets_of(each)
    ]
    return answer("requests", found)


def type_fields(call: Call) -> Reply:
    """The fields of an asset type."""
    kind = call.row("asset_types")
    names = ("product", "serial_number", "asset_state", "service")
    fields = [
        {
            "id": kind["id"] * 10 + place,
            "name": f"{name}_{kind['id']}",
            "label": name.replace("_", " ").title(),
            "field_type": "text",
            "required": False,
        }
        for place, name in enumerate(names)
    ]
    return answer("asset_type_fields", [{"field_header": "Properties", "fields": fields}])


def _asset(call: Call) -> Row:
    """The path carries the display id, not the id."""
    wanted = call.id()
    found = next(
        (each for each in call.account.table("assets").values() if each["display_id"] == wanted), None
    )
    if found is None:
        raise not_found()
    return found


def _searched(found: list[Row], text: str) -> list[Row]:
    match = re.fullmatch(r"(name|asset_tag|serial_number):'([^']*)'", text.strip())
    if match is None:
        raise invalid(problem("search", "Given query is invalid"))
    name, words = match[1], match[2].lower()
    if name == "serial_number":
        return [
            each
            for each in found
            if any(
                words in str(value).lower()
                for key, value in each["type_fields"].items()
                if key.startswith(name)
            )
        ]
    return [each for each in found if words in str(each[name]).lower()]


def _shown(row: Row, whole: bool) -> Row:
    return row if whole else {name: value for name, value in row.items() if name != "type_fields"}


def _checked(call: Call) -> Row:
    body = call.body()
    errors = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in body
        if name not in ASSET
    ]
    if errors:
        raise invalid(*errors)
    return body


ROUTES = (
    Route("GET", "assets", listed),
    Route("POST", "assets", create),
    Route("GET", "assets/{id}", one),
    Route("PUT", "assets/{id}", change),
    Route("DELETE", "assets/{id}", delete),
    Route("GET", "assets/{id}/requests", requests),
    *ASSET_TYPES.routes(),
    Route("GET", "asset_types/{id}/fields", type_fields),
    *VENDORS.routes(),
    *PRODUCTS.routes(),
)
