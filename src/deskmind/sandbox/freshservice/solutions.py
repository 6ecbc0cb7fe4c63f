"""Solutions: categories, folders with their visibility, articles."""

from __future__ import annotations

import re
from typing import Any

from deskmind.sandbox.freshservice.account import Row
from deskmind.sandbox.freshservice.call import Call, Route, answer, empty
from deskmind.sandbox.freshservice.refusal import denied, invalid, problem
from deskmind.sandbox.freshservice.resource import Resource
from deskmind.sandbox.freshservice.tickets import plain
from deskmind.sandbox.web import Reply

CATEGORIES = Resource(
    "solutions/categories",
    "categories",
    "category",
    "categories",
    {
        "name": None,
        "description": None,
        "position": 1,
        "default_category": False,
        "visible_in_portals": [],
        "workspace_id": 2,
    },
    required=("name",),
    created_status=201,
)
FOLDER: dict[str, Any] = {
    "name": None,
    "description": None,
    "category_id": None,
    "position": 1,
    "visibility": 1,
    "approval_settings": None,
    "department_ids": [],
    "group_ids": [],
    "requester_group_ids": [],
    "manage_by_group_ids": [],
    "default_folder": False,
    "workspace_id": 2,
}
FOLDERS = Resource(
    "solutions/folders",
    "folders",
    "folder",
    "folders",
    FOLDER,
    required=("name", "category_id"),
    filters=("category_id",),
    sees=lambda call, row: call.scope.opens(row),
    created_status=201,
)
ARTICLE: dict[str, Any] = {
    "title": None,
    "description": "",
    "position": 1,
    "article_type": 1,
    "folder_id": None,
    "status": 1,
    "tags": [],
    "keywords": [],
    "review_date": None,
    "url": None,
}
DRAFT, PUBLISHED = 1, 2


def articles(call: Call) -> Reply:
    """The articles of a folder, or of every folder that the agent opens."""
    found = [each for each in call.account.table("articles").values() if _opens(call, each)]
    for name in ("folder_id", "category_id"):
        if wanted := call.query(name):
            found = [each for each in found if str(each[name]) == wanted]
    return call.page(found, "articles", _shown)


def article(call: Call) -> Reply:
    """One article with its files."""
    row = _article(call)
    files = [each.to_json(call.base) for each in call.account.files.get(row["id"], [])]
    return answer("article", _shown(row) | {"attachments": files})


def search(call: Call) -> Reply:
    """Articles with all of the words."""
    words = [re.escape(each) for each in call.query("search_term").lower().split()]
    if not words:
        raise invalid(problem("search_term", "It should be a/an String", "missing_field"))
    found = [
        each
        for each in call.account.table("articles").values()
        if _opens(call, each)
        and all(re.search(word, f"{each['title']} {each['description']}".lower()) for word in words)
    ]
    return call.page(found, "articles", _shown)


def create(call: Call) -> Reply:
    """A new article, a draft unless it says otherwise; 201."""
    body = _checked(call)
    for name in ("title", "folder_id"):
        if not body.get(name):
            raise invalid(problem(name, "It should be a/an String", "missing_field"))
    folder = _folder(call, body["folder_id"])
    now, number = call.account.now(), call.account.next_id()
    who = {
        "user_id": call.scope.id,
        "agent_id": call.scope.id,
        "created_by": call.scope.id,
        "modified_by": call.scope.id,
    }
    counted = {"views": 0, "thumbs_up": 0, "thumbs_down": 0, "hits": 0}
    times = {"created_at": now, "updated_at": now, "modified_at": now}
    made = {"id": number, **ARTICLE, **body, "category_id": folder["category_id"], **who, **counted, **times}
    made |= {"workspace_id": 2, "language": "en"}
    call.account.table("articles")[number] = made
    call.account.files[number] = call.files()
    return answer("article", _shown(made), 201)


def change(call: Call) -> Reply:
    """Changes an article."""
    row, body = _article(call), _checked(call)
    if "folder_id" in body:
        row["category_id"] = _folder(call, body["folder_id"])["category_id"]
    row.update(body)
    row["updated_at"] = row["modified_at"] = call.account.now()
    row["modified_by"] = call.scope.id
    return answer("article", _shown(row))


def publish(call: Call) -> Reply:
    """Sends an article out for approval; where no approval is set it is published."""
    row = _article(call)
    row["status"], row["updated_at"] = PUBLISHED, call.account.now()
    return answer("article", _shown(row))


def delete(call: Call) -> Reply:
    """Deletes; 204."""
    del call.account.table("articles")[_article(call)["id"]]
    return empty()


def _article(call: Call) -> Row:
    row = call.row("articles")
    if not _opens(call, row):
        raise denied()
    return row


def _opens(call: Call, row: Row) -> bool:
    folder = call.account.table("folders").get(row["folder_id"])
    return folder is not None and call.scope.opens(folder)


def _folder(call: Call, number: Any) -> Row:
    found = call.account.table("folders").get(number)
    if found is None or not call.scope.opens(found):
        raise invalid(problem("folder_id", "It is either invalid or inaccessible"))
    return found


def _shown(row: Row) -> Row:
    return row | {"description_text": plain(row["description"])}


def _checked(call: Call) -> Row:
    body = call.body()
    errors = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in body
        if name not in ARTICLE and name != "attachments"
    ]
    if body.get("status") not in (None, DRAFT, PUBLISHED):
        errors.append(problem("status", "It should be one of these values: '1,2'"))
    if errors:
        raise invalid(*errors)
    return {name: value for name, value in body.items() if name != "attachments"}


ROUTES = (
    *CATEGORIES.routes(),
    *FOLDERS.routes(),
    Route("GET", "solutions/articles", articles),
    Route("POST", "solutions/articles", create),
    Route("GET", "solutions/articles/search", search),
    Route("GET", "solutions/articles/{id}", article),
    Route("PUT", "solutions/articles/{id}", change),
    Route("DELETE", "solutions/articles/{id}", delete),
    Route("PUT", "solutions/articles/{id}/send_for_approval", publish),
)
