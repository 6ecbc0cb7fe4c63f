"""Recorded HTTP (HAR 1.2) of a vendor into the model, to see what of an instance has a place in it before connecting."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from deskmind.connectors.core.failures import refusal
from deskmind.connectors.core.mapping import MappingReport, report
from deskmind.connectors.core.source import decode
from deskmind.connectors.freshservice import limits as fs_limits
from deskmind.connectors.freshservice import reading as fs
from deskmind.connectors.jira import limits as jira_limits
from deskmind.connectors.jira import reading as jira
from deskmind.connectors.jira.fields import SiteFields
from deskmind.connectors.jira.sight import Sight
from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import AnyRecord, Undecoded
from deskmind.connectors.servicenow import limits as sn_limits
from deskmind.connectors.servicenow import reading as sn
from deskmind.connectors.servicenow.criteria import Criteria
from deskmind.connectors.servicenow.states import TYPES
from deskmind.errors import InvalidRequestError

__all__ = ["Passed", "Recording", "read_recording"]

_TABLE = re.compile(r"/api/now/(?:v\d+/)?table/(\w+)(?:/\w+)?$")
_SEARCH = re.compile(r"/rest/api/(?:2|3|latest)/(?:search(?:/jql)?|issue/bulkfetch)$")
_ISSUE = re.compile(r"/rest/api/(?:2|3|latest)/issue/[^/]+$")
_USERS = re.compile(r"/rest/api/(?:2|3|latest)/(?:users(?:/search)?|user(?:/search)?|myself)$")
_GROUPS = re.compile(r"/rest/api/(?:2|3|latest)/group/bulk$")
_FIELDS = re.compile(r"/rest/api/(?:2|3|latest)/field$")
_ORGANISATIONS = re.compile(r"/rest/servicedeskapi/organization$")
_FRESH = re.compile(r"/api/v2/([a-z_]+(?:/(?:items|articles))?)(?:/\d+)?$")
_Read = Callable[[dict[str, Any]], AnyRecord | None]


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer that holds no record of the model, and why: an error, an empty answer, or another kind of thing."""

    method: str
    path: str
    status: int
    why: str


@dataclass(slots=True)
class Recording:
    """What a recording holds."""

    records: list[AnyRecord] = field(default_factory=list[AnyRecord])
    undecoded: list[Undecoded] = field(default_factory=list[Undecoded])
    passed: list[Passed] = field(default_factory=list[Passed])

    def report(self) -> MappingReport:
        """Which fields have no place in the model."""
        made = report(self.records)
        made.undecoded.update(str(one.kind) for one in self.undecoded)
        return made


@dataclass(frozen=True, slots=True)
class _Entry:
    method: str
    url: str
    path: str
    status: int
    content: bytes


def read_recording(source: Path | Mapping[str, Any]) -> Recording:
    """The records of a HAR file. Every answer is accounted for: by its records, or under ``passed`` with the reason."""
    entries = list(_entries(source))
    site = _site_fields(entries)
    found = Recording()
    for entry in entries:
        _take(entry, site, found)
    return found


def _entries(source: Path | Mapping[str, Any]) -> Iterable[_Entry]:
    try:
        har: Any = json.loads(source.read_bytes()) if isinstance(source, Path) else source
        for one in har["log"]["entries"]:
            request, response = one["request"], one["response"]
            content = cast("dict[str, Any]", response.get("content") or {})
            text = str(content.get("text") or "")
            data = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
            parts = urlsplit(str(request["url"]))
            url = f"{parts.scheme}://{parts.netloc}"
            yield _Entry(str(request["method"]), url, parts.path, int(response["status"]), data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequestError(
            "The recording cannot be read.",
            why="It is not HAR 1.2.",
            remedy="Save one with a browser or proxy.",
        ) from error


def _take(entry: _Entry, site: SiteFields, found: Recording) -> None:
    if entry.status >= 400:
        error = refusal(urlsplit(entry.url).hostname or "", entry.status, entry.content, _words(entry.path))
        found.passed.append(Passed(entry.method, entry.path, entry.status, f"{error.code}: {error.why}"))
        return
    try:
        data: Any = json.loads(entry.content) if entry.content.strip() else None
    except ValueError:
        data = None
    plan = _plan(entry, data, site)
    if plan is None:
        why = "no body" if data is None else "no record of the model"
        found.passed.append(Passed(entry.method, entry.path, entry.status, why))
        return
    kind, rows, read, id_of = plan
    records, undecoded = decode(kind, rows, read, id_of)
    found.records.extend(records)
    found.undecoded.extend(undecoded)
    if not rows:
        found.passed.append(Passed(entry.method, entry.path, entry.status, "an empty list"))


_Plan = tuple[Kind, Sequence[dict[str, Any]], _Read, str]


def _plan(entry: _Entry, data: Any, site: SiteFields) -> _Plan | None:
    if matched := _TABLE.search(entry.path):
        return _servicenow(matched[1], data, entry.url)
    if "/rest/" in entry.path:
        return _jira(entry, data, site)
    if matched := _FRESH.search(entry.path):
        return _freshservice(matched[1], data, entry.url)
    return None


def _servicenow(table: str, data: Any, url: str) -> _Plan | None:
    rows = _rows(data, "result")
    simple: dict[str, tuple[Kind, _Read]] = {
        "sys_user": (Kind.PERSON, partial(sn.person, url=url)),
        "sys_user_group": (Kind.GROUP, partial(sn.group, url=url)),
        "sys_user_role": (Kind.GROUP, partial(sn.role, url=url)),
        "sys_user_grmember": (Kind.MEMBERSHIP, partial(sn.membership, kind="group")),
        "sys_user_has_role": (Kind.MEMBERSHIP, partial(sn.membership, kind="role")),
        "core_company": (Kind.ORGANISATION, partial(sn.organisation, table=table, url=url)),
        "cmn_department": (Kind.ORGANISATION, partial(sn.organisation, table=table, url=url)),
        "cmdb_ci_service": (Kind.SERVICE, partial(sn.service, url=url)),
        "sc_cat_item": (Kind.CATALOG_ITEM, partial(sn.catalog_item, url=url)),
        "kb_knowledge": (Kind.ARTICLE, partial(sn.article, url=url, criteria=Criteria(hidden=True))),
    }
    if table in TYPES or table == "task":
        return Kind.TICKET, rows, partial(sn.ticket, table=table, url=url), "sys_id"
    if table in simple:
        return simple[table][0], rows, simple[table][1], "sys_id"
    if table.startswith("cmdb_ci"):
        return Kind.CONFIGURATION_ITEM, rows, partial(sn.configuration_item, url=url), "sys_id"
    return None


def _jira(entry: _Entry, data: Any, site: SiteFields) -> _Plan | None:
    read_issue: _Read = partial(jira.ticket, url=entry.url, site=site, sight=Sight())
    if _SEARCH.search(entry.path):
        return Kind.TICKET, _rows(data, "issues"), read_issue, "id"
    if _ISSUE.search(entry.path) and entry.method == "GET" and isinstance(data, dict):
        return Kind.TICKET, [cast("dict[str, Any]", data)], read_issue, "id"
    if _USERS.search(entry.path):
        rows = [cast("dict[str, Any]", data)] if isinstance(data, dict) else _rows(data, "")
        return Kind.PERSON, rows, partial(jira.person, url=entry.url), "accountId"
    if _GROUPS.search(entry.path):
        return Kind.GROUP, _rows(data, "values"), jira.group, "groupId"
    if _ORGANISATIONS.search(entry.path):
        return Kind.ORGANISATION, _rows(data, "values"), jira.organisation, "id"
    return None


def _freshservice(name: str, data: Any, url: str) -> _Plan | None:
    readers: dict[str, tuple[Kind, _Read]] = {
        "tickets": (Kind.TICKET, partial(fs.ticket, url=url, complete=False)),
        "agents": (Kind.PERSON, partial(fs.agent, url=url)),
        "requesters": (Kind.PERSON, partial(fs.requester, url=url)),
        "groups": (Kind.GROUP, fs.group),
        "agent_groups": (Kind.GROUP, fs.group),
        "requester_groups": (Kind.GROUP, partial(fs.group, requesters=True)),
        "departments": (Kind.ORGANISATION, fs.department),
        "assets": (Kind.CONFIGURATION_ITEM, partial(fs.asset, url=url)),
        "service_catalog/items": (Kind.CATALOG_ITEM, partial(fs.catalog_item, url=url)),
        "service_items": (Kind.CATALOG_ITEM, partial(fs.catalog_item, url=url)),
        "solutions/articles": (Kind.ARTICLE, partial(fs.article, url=url, folder={}, category={})),
    }
    if name not in readers or not isinstance(data, dict):
        return None
    kind, read = readers[name]
    for value in cast("dict[str, Any]", data).values():
        if isinstance(value, list):
            return kind, cast("list[dict[str, Any]]", value), read, "id"
        if isinstance(value, dict):
            return kind, [cast("dict[str, Any]", value)], read, "id"
    return None


def _rows(data: Any, key: str) -> list[dict[str, Any]]:
    value: Any = cast("dict[str, Any]", data).get(key) if isinstance(data, dict) else data
    if isinstance(value, dict):
        return [cast("dict[str, Any]", value)]
    return cast("list[dict[str, Any]]", value) if isinstance(value, list) else []


def _site_fields(entries: Sequence[_Entry]) -> SiteFields:
    for entry in entries:
        if _FIELDS.search(entry.path) and entry.status == 200:
            return SiteFields.of(_rows(json.loads(entry.content), ""))
    return SiteFields()


def _words(path: str) -> Callable[[Any], str]:
    if "/api/now/" in path:
        return sn_limits.words_of
    return jira_limits.words_of if "/rest/" in path else fs_limits.words_of
