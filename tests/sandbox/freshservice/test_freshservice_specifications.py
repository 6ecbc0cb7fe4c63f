"""Rows of the Freshservice sandbox against the vendor's Swagger document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sandbox.specifications import check, freshservice_document

SWAGGER = "freshservice-v2.0.1.swagger.yml"
_LISTS = {
    "tickets": ("tickets", "ticket"),
    "requesters": ("requesters", "requester"),
    "agents": ("agents", "agent"),
    "groups": ("groups", "agent_group"),
    "departments": ("departments", "department"),
    "locations": ("locations", "location"),
    "assets": ("assets", "asset"),
    "asset_types": ("asset_types", "asset_type"),
    "vendors": ("vendors", "vendor"),
    "products": ("products", "product"),
    "problems": ("problems", "problem"),
    "changes": ("changes", "change"),
    "service_catalog/items": ("service_items", "service_item"),
    "solutions/categories": ("categories", "solution_category"),
    "solutions/folders": ("folders", "solution_folder"),
    "solutions/articles": ("articles", "solution_article"),
    "tickets/7/conversations": ("conversations", "conversation"),
}
_DOUBTED = {"solution_folder": ("visibility",), "agent_group": ("agent_ids", "members", "observers")}
"""The document calls the first an object and the others strings; recordings have numbers."""


async def test_rows_are_what_freshservice_documents(admin: Any, shared_data: Path):
    document, wrong = freshservice_document(shared_data / "specs" / SWAGGER), {}
    for path, (many, one) in _LISTS.items():
        rows = (await admin.get(path, per_page=30))[many]
        assert rows, path
        doubted = _DOUBTED.get(one, ())
        shown = [{name: value for name, value in row.items() if name not in doubted} for row in rows]
        found = check(document, {"type": "array", "items": {"$ref": f"#/definitions/{one}"}}, shown)
        if found:
            wrong[path] = found[:4]
    assert wrong == {}


async def test_errors_are_what_freshservice_documents(admin: Any, shared_data: Path):
    status, body, _ = await admin.ask("POST", "tickets", json={"subject": 3, "priority": 9, "color": "red"})
    assert status == 400
    assert (
        check(
            freshservice_document(shared_data / "specs" / SWAGGER), {"$ref": "#/definitions/BadRequest"}, body
        )
        == []
    )
    assert {(each["field"], each["code"]) for each in body["errors"]} >= {
        ("color", "invalid_field"),
        ("priority", "invalid_value"),
        ("subject", "datatype_mismatch"),
        ("status", "missing_field"),
    }
