"""The service catalog: items, and the requests that are placed for them."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.freshservice.account import Row
from deskmind.sandbox.freshservice.call import Call, Route, answer
from deskmind.sandbox.freshservice.refusal import invalid, not_found, problem
from deskmind.sandbox.freshservice.ticket_input import requester
from deskmind.sandbox.freshservice.tickets import place, shown
from deskmind.sandbox.web import Reply


def items(call: Call) -> Reply:
    """The items, without their fields."""
    found = list(call.account.table("service_items").values())
    if wanted := call.query("category_id"):
        found = [each for each in found if str(each["category_id"]) == wanted]
    return call.page(found, "service_items", lambda each: {**each, "custom_fields": []})


def item(call: Call) -> Reply:
    """One item with the fields that it asks for, by display id."""
    return answer("service_item", _item(call))


def item_fields(call: Call) -> Reply:
    """The fields of an item."""
    return answer("service_item_fields", _item(call)["custom_fields"])


def categories(call: Call) -> Reply:
    """The catalog's categories."""
    return call.page(list(call.account.table("service_categories").values()), "service_categories")


def place_request(call: Call) -> Reply:
    """Orders an item; the service request that it becomes. 201."""
    row, body = _item(call), call.body()
    errors = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in body
        if name
        not in (
            "quantity",
            "email",
            "requested_for",
            "requester_id",
            "custom_fields",
            "child_items",
            "parent_ticket_id",
            "attachments",
        )
    ]
    given: dict[str, Any] = body["custom_fields"] if isinstance(body.get("custom_fields"), dict) else {}
    errors += [
        problem(f"custom_fields.{each['name']}", "It should be a/an String", "missing_field")
        for each in row["custom_fields"]
        if each["required"] and not given.get(each["name"])
    ]
    if errors:
        raise invalid(*errors)
    who = requester(call.account, body) if body.get("email") or body.get("requester_id") else call.scope.id
    people = [*call.account.table("requesters").values(), *call.account.table("agents").values()]
    wanted = str(body.get("requested_for") or "").lower()
    target = next(
        (
            each["id"]
            for each in people
            if wanted and wanted == str(each.get("primary_email") or each.get("email")).lower()
        ),
        who,
    )
    name = str((call.account.person(target) or {}).get("first_name"))
    values: Row = {
        "subject": f"Request for {name} : {row['name']}",
        "description": "",
        "type": "Service Request",
        "requester_id": who,
        "requested_for_id": target,
        "group_id": row.get("group_id"),
        "category": row["category_name"],
    }
    made = place(call.account, values)
    ordered(call, made["id"], row, _quantity(body), given)
    call.workflows.fire("ticket_created", made)
    return answer("service_request", shown(call, made, (), whole=True), 201)


def ordered(call: Call, ticket: int, row: Row, quantity: int, given: dict[str, Any]) -> None:
    """Stores what was ordered with a ticket."""
    now, number = call.account.now(), call.account.next_id()
    call.account.table("requested_items")[number] = requested(number, ticket, row, quantity, given, now)


def requested(number: int, ticket: int, row: Row, quantity: int, given: dict[str, Any], now: str) -> Row:
    """A requested item."""
    return {
        "id": number,
        "ticket_id": ticket,
        "created_at": now,
        "updated_at": now,
        "quantity": quantity,
        "stage": 1,
        "loaned": False,
        "cost_per_request": row["cost"],
        "remarks": None,
        "delivery_time": row["delivery_time"],
        "is_parent": True,
        "service_item_id": row["id"],
        "service_item_name": row["name"],
        "custom_fields": given,
    }


def requested_items(call: Call) -> Reply:
    """What was ordered with a service request."""
    ticket = call.ticket()["id"]
    found = [each for each in call.account.table("requested_items").values() if each["ticket_id"] == ticket]
    return answer(
        "requested_items",
        [{key: value for key, value in each.items() if key != "ticket_id"} for each in found],
    )


def _quantity(body: Row) -> int:
    given = body.get("quantity", 1)
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise invalid(problem("quantity", "It should be a/an Positive Integer", "datatype_mismatch"))
    return given


def _item(call: Call) -> Row:
    wanted = call.id()
    rows = call.account.table("service_items").values()
    found = next((each for each in rows if wanted in (each["display_id"], each["id"])), None)
    if found is None:
        raise not_found()
    return found


ROUTES = (
    Route("GET", "service_catalog/items", items),
    Route("GET", "service_catalog/items/{id}", item),
    Route("POST", "service_catalog/items/{id}/place_request", place_request),
    Route("GET", "service_catalog/categories", categories),
    Route("GET", "service_items", items),
    Route("GET", "service_items/{id}", item),
    Route("GET", "catalog/item/{id}/fields", item_fields),
    Route("GET", "tickets/{id}/requested_items", requested_items),
)
