"""Confluence, where Jira's knowledge lives: spaces, pages, restrictions, labels, search; both API versions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeVar

from deskmind.sandbox.jira import cql
from deskmind.sandbox.jira import wiki_render as render
from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.people import Holders
from deskmind.sandbox.jira.refusal import Refused
from deskmind.sandbox.jira.shape import items, mapping, named
from deskmind.sandbox.jira.wiki import Page, Space
from deskmind.sandbox.web import Reply

_Row = TypeVar("_Row")


def content(call: Call) -> Reply:
    """Version 1: pages by space and title."""
    wiki, key, title = call.wiki, call.query("spaceKey"), call.query("title")
    status = call.query("status", "current")
    found = wiki.visible(
        call.sight,
        lambda page: (
            page.status == status
            and (not key or wiki.spaces[page.space_id].key == key)
            and title in ("", page.title)
        ),
    )
    return _offset_page(call, found)


def one_content(call: Call) -> Reply:
    """Version 1: one page."""
    return answer(
        render.page_v1(call, call.wiki, _page(call), call.listed("expand") or ["space", "version", "history"])
    )


def create_content(call: Call) -> Reply:
    """Version 1: a new page."""
    body = call.body()
    space = call.wiki.space(named(body.get("space"), "key", "id"))
    storage = mapping(mapping(body.get("body")).get("storage"))
    parent = next((named(each, "id") for each in items(body.get("ancestors"))), None)
    made = _create(
        call, space, str(body.get("title") or ""), str(storage.get("value") or ""), parent, "current"
    )
    return answer(render.page_v1(call, call.wiki, made, ["space", "version", "history", "body.storage"]))


def change_content(call: Call) -> Reply:
    """Version 1: a new version of a page."""
    body = call.body()
    storage = mapping(mapping(body.get("body")).get("storage"))
    changed = _change(call, body, storage.get("value"))
    return answer(render.page_v1(call, call.wiki, changed, ["space", "version", "history", "body.storage"]))


def delete_content(call: Call) -> Reply:
    """Either version: deletes; 204."""
    page = _page(call)
    if not call.wiki.writes(call.sight, call.wiki.spaces[page.space_id]):
        raise _refused(403, "You do not have permission to delete this content.")
    del call.wiki.pages[page.id]
    return empty()


def page_restrictions(call: Call) -> Reply:
    """Version 1: who may read and change a page, by operation."""
    return answer(render.restrictions(call, _page(call)))


def page_restriction(call: Call) -> Reply:
    """Version 1: one operation's restriction."""
    return answer(render.restriction(call, _page(call), call.path("operation")))


def set_restrictions(call: Call) -> Reply:
    """Version 1: replaces the restrictions of a page."""
    page = _page(call)
    if not call.wiki.writes(call.sight, call.wiki.spaces[page.space_id]):
        raise _refused(403, "You do not have permission to change restrictions.")
    page.restricted = None
    for each in map(mapping, items(call.body().get("results"))):
        if each.get("operation") == "read":
            held = mapping(each.get("restrictions"))
            users = frozenset(named(one, "accountId") for one in items(held.get("user")))
            groups = frozenset(named(one, "name") for one in items(held.get("group")))
            page.restricted = Holders(users=users, groups=groups) if users or groups else None
    return answer(render.restrictions(call, page))


def page_labels(call: Call) -> Reply:
    """The labels of a page."""
    body = render.labels(_page(call))
    if "/api/v2/" in call.request.path:
        return answer(
            {
                "results": [{key: each[key] for key in ("id", "name", "prefix")} for each in body["results"]],
                "_links": {},
            }
        )
    return answer(body)


def add_labels(call: Call) -> Reply:
    """Version 1: more labels."""
    page = _page(call)
    for each in items(call.request.json() if call.request.content else None):
        name = named(each, "name")
        if name and name not in page.labels:
            page.labels.append(name)
    return answer(render.labels(page))


def search(call: Call) -> Reply:
    """Version 1: content by CQL."""
    return _offset_page(call, cql.search(call, call.wiki, call.query("cql")))


def site_search(call: Call) -> Reply:
    """Version 1: results of a search with their excerpts."""
    found = cql.search(call, call.wiki, call.query("cql"))
    start, limit = call.number("start", 0), call.number("limit", 25, 200)
    results = [
        {
            "content": render.page_v1(call, call.wiki, each, []),
            "title": each.title,
            "excerpt": each.body[:200],
            "url": f"/spaces/{call.wiki.spaces[each.space_id].key}/pages/{each.id}",
            "entityType": "content",
            "lastModified": render.time(each.updated),
        }
        for each in found[start : start + limit]
    ]
    body = {"results": results, "start": start, "limit": limit, "size": len(results), "totalSize": len(found)}
    return answer(
        body
        | {
            "cqlQuery": call.query("cql"),
            "searchDuration": 8,
            "_links": _links(call, start, limit, len(found)),
        }
    )


def spaces_v1(call: Call) -> Reply:
    """Version 1: spaces."""
    found = [each for each in call.wiki.spaces.values() if call.wiki.opens(call.sight, each)]
    start, limit = call.number("start", 0), call.number("limit", 25, 500)
    shown = [render.space_v1(call, each) for each in found[start : start + limit]]
    return answer(
        {
            "results": shown,
            "start": start,
            "limit": limit,
            "size": len(shown),
            "_links": _links(call, start, limit, len(found)),
        }
    )


def one_space_v1(call: Call) -> Reply:
    """Version 1: one space."""
    return answer(render.space_v1(call, _space(call)))


def spaces(call: Call) -> Reply:
    """Version 2: spaces, by cursor."""
    keys = call.listed("keys")
    found = [
        each
        for each in call.wiki.spaces.values()
        if call.wiki.opens(call.sight, each) and (not keys or each.key in keys)
    ]
    return _cursor_page(call, found, render.space_v2)


def one_space(call: Call) -> Reply:
    """Version 2: one space."""
    return answer(render.space_v2(_space(call)))


def space_permissions(call: Call) -> Reply:
    """Version 2: who may do what in a space."""
    return _cursor_page(call, render.permissions(call, _space(call)), lambda each: each)


def pages(call: Call) -> Reply:
    """Version 2: pages, by cursor."""
    wanted = call.listed("space-id") or ([call.match["space"]] if "space" in call.match else [])
    statuses = call.listed("status") or ["current", "archived"]
    form, title = call.query("body-format"), call.query("title")
    found = call.wiki.visible(
        call.sight,
        lambda page: (
            page.status in statuses and (not wanted or page.space_id in wanted) and title in ("", page.title)
        ),
    )
    order = call.query("sort", "id")
    found.sort(key=_SORTS.get(order.lstrip("-"), _by_id), reverse=order.startswith("-"))
    return _cursor_page(call, found, lambda each: render.page_v2(call.wiki, each, form))


def one_page(call: Call) -> Reply:
    """Version 2: one page."""
    return answer(render.page_v2(call.wiki, _page(call), call.query("body-format")))


def create_page(call: Call) -> Reply:
    """Version 2: a new page."""
    body = call.body()
    space = call.wiki.spaces.get(str(body.get("spaceId") or ""))
    text = str(mapping(body.get("body")).get("value") or "")
    parent = str(body["parentId"]) if body.get("parentId") else None
    made = _create(
        call, space, str(body.get("title") or ""), text, parent, str(body.get("status") or "current")
    )
    return answer(render.page_v2(call.wiki, made, "storage"))


def change_page(call: Call) -> Reply:
    """Version 2: a new version of a page; 409 if the number is not the next."""
    body = call.body()
    changed = _change(call, body, mapping(body.get("body")).get("value"))
    return answer(render.page_v2(call.wiki, changed, "storage"))


def articles(call: Call) -> Reply:
    """The service-desk API's view: articles that a search finds, with where they live."""
    from deskmind.sandbox.jira.desk_render import paged

    words = call.query("query").strip()
    if not words:
        raise _refused(400, "The query must not be empty.")
    quoted = words.replace('"', " ")
    found = cql.search(call, call.wiki, f'type = page AND text ~ "{quoted}"')
    return answer(paged(call, found, lambda page: _article(call, page, words)))


def _article(call: Call, page: Page, words: str) -> dict[str, Any]:
    space = call.wiki.spaces[page.space_id]
    excerpt = page.title if not call.flag("highlight", True) else f"@@@hl@@@{words}@@@endhl@@@ {page.title}"
    source = {"type": "confluence", "pageId": page.id, "spaceKey": space.key}
    address = f"{call.links.base}/rest/servicedesk/knowledgebase/latest/articles/view/{page.id}"
    return {"title": page.title, "excerpt": excerpt, "source": source, "content": {"iframeSrc": address}}


def _create(call: Call, space: Space | None, title: str, text: str, parent: str | None, status: str) -> Page:
    if space is None or not call.wiki.opens(call.sight, space):
        raise _refused(404, "No space found, or the calling user does not have permission to view it.")
    if not call.wiki.writes(call.sight, space):
        raise _refused(403, "You do not have permission to create content in this space.")
    if not title:
        raise _refused(400, "Title must be provided.")
    if any(each.title == title and each.space_id == space.id for each in call.wiki.pages.values()):
        raise _refused(
            400,
            "A page with this title already exists: A page already exists with the same TITLE in this space",
        )
    now = call.site.clock()
    made = Page(
        str(call.site.next_id()), space.id, title, text, call.account, now, now, status=status, parent=parent
    )
    call.wiki.pages[made.id] = made
    return made


def _change(call: Call, body: dict[str, Any], text: Any) -> Page:
    page = _page(call)
    if not call.wiki.writes(call.sight, call.wiki.spaces[page.space_id]):
        raise _refused(403, "You do not have permission to change this content.")
    number = mapping(body.get("version")).get("number")
    if number != page.version + 1:
        raise _refused(
            409, f"Version must be incremented when updating content. Current version: {page.version}."
        )
    page.title = str(body.get("title") or page.title)
    page.body = page.body if text is None else str(text)
    page.status = str(body.get("status") or page.status)
    page.version, page.updated = page.version + 1, call.site.clock()
    return page


def _page(call: Call) -> Page:
    found = call.wiki.pages.get(call.path("id"))
    if found is None or not call.wiki.sees(call.sight, found):
        raise _refused(
            404, "No content found with id, or the calling user does not have permission to view it."
        )
    return found


def _space(call: Call) -> Space:
    found = call.wiki.space(call.path("space"))
    if found is None or not call.wiki.opens(call.sight, found):
        raise _refused(404, "No space found, or the calling user does not have permission to view it.")
    return found


def _refused(status: int, said: str) -> Refused:
    return Refused(
        status,
        {
            "statusCode": status,
            "data": {"authorized": status != 403, "valid": status != 400, "errors": [], "successful": False},
            "message": said,
        },
    )


def _offset_page(call: Call, found: list[Page]) -> Reply:
    start, limit = call.number("start", 0), call.number("limit", 25, 200)
    shown = [
        render.page_v1(call, call.wiki, each, call.listed("expand")) for each in found[start : start + limit]
    ]
    body = {"results": shown, "start": start, "limit": limit, "size": len(shown)}
    return answer(body | {"_links": _links(call, start, limit, len(found))})


def _links(call: Call, start: int, limit: int, total: int) -> dict[str, str]:
    root = f"{call.links.base}/wiki"
    links = {"base": root, "context": "/wiki", "self": call.address}
    if start + limit < total:
        links["next"] = f"{call.request.path.partition('/wiki')[2]}?limit={limit}&start={start + limit}"
    return links


def _cursor_page(call: Call, found: list[_Row], show: Callable[[_Row], Any]) -> Reply:
    limit = call.number("limit", 25, 250)
    try:
        start = int(base64.urlsafe_b64decode(call.query("cursor") or "MA=="))
    except ValueError:
        raise _refused(400, "The provided cursor is not valid.") from None
    body: dict[str, Any] = {
        "results": [show(each) for each in found[start : start + limit]],
        "_links": {"base": f"{call.links.base}/wiki"},
    }
    if start + limit >= len(found):
        return answer(body)
    cursor = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
    kept = "".join(
        f"&{name}={value}" for name, value in call.request.query.items() if name not in ("cursor", "limit")
    )
    following = f"/wiki{call.request.path.partition('/wiki')[2]}?limit={limit}{kept}&cursor={cursor}"
    body["_links"]["next"] = following
    return answer(body).told({"Link": f'<{following}>; rel="next"'})


def _by_id(page: Page) -> Any:
    return int(page.id)


_SORTS: dict[str, Callable[[Page], Any]] = {
    "id": _by_id,
    "created-date": lambda page: page.created,
    "modified-date": lambda page: page.updated,
    "title": lambda page: page.title.lower(),
}
_V1, _V2 = "/wiki/rest/api", "/wiki/api/v2"
ROUTES = (
    Route("GET", f"{_V1}/content", content),
    Route("POST", f"{_V1}/content", create_content),
    Route("GET", f"{_V1}/content/search", search),
    Route("GET", f"{_V1}/search", site_search),
    Route("GET", f"{_V1}/content/{{id}}", one_content),
    Route("PUT", f"{_V1}/content/{{id}}", change_content),
    Route("DELETE", f"{_V1}/content/{{id}}", delete_content),
    Route("GET", f"{_V1}/content/{{id}}/restriction/byOperation", page_restrictions),
    Route("GET", f"{_V1}/content/{{id}}/restriction/byOperation/{{operation}}", page_restriction),
    Route("PUT", f"{_V1}/content/{{id}}/restriction", set_restrictions),
    Route("GET", f"{_V1}/content/{{id}}/label", page_labels),
    Route("POST", f"{_V1}/content/{{id}}/label", add_labels),
    Route("GET", f"{_V1}/space", spaces_v1),
    Route("GET", f"{_V1}/space/{{space}}", one_space_v1),
    Route("GET", f"{_V2}/spaces", spaces),
    Route("GET", f"{_V2}/spaces/{{space}}", one_space),
    Route("GET", f"{_V2}/spaces/{{space}}/pages", pages),
    Route("GET", f"{_V2}/spaces/{{space}}/permissions", space_permissions),
    Route("GET", f"{_V2}/pages", pages),
    Route("POST", f"{_V2}/pages", create_page),
    Route("GET", f"{_V2}/pages/{{id}}", one_page),
    Route("PUT", f"{_V2}/pages/{{id}}", change_page),
    Route("DELETE", f"{_V2}/pages/{{id}}", delete_content),
    Route("GET", f"{_V2}/pages/{{id}}/labels", page_labels),
    Route("GET", "/rest/servicedeskapi/knowledgebase/article", articles),
    Route("GET", "/rest/servicedeskapi/servicedesk/{desk}/knowledgebase/article", articles),
)
