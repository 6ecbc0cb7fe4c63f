"""The tickets of cases: made and read in the sandbox as its own users would, beside the connector that is tested."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, cast

import httpx

from deskmind.evaluation.agents.cases import GivenTicket
from deskmind.sandbox.servicenow import ServiceNowSandbox

__all__ = ["Ticketing"]

_TABLE = "/api/now/table"
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Ticketing:
    """Incidents in a ServiceNow sandbox."""

    def __init__(self, box: ServiceNowSandbox, requesters: Sequence[str]) -> None:
        self._box = box
        self._client = httpx.AsyncClient(base_url=box.url, auth=_auth(box), timeout=30)
        self._callers = dict(zip(("requester", "other"), requesters, strict=True))
        self._before = 0
        self._own = 0
        self.names: dict[str, str] = {}
        self.made: list[str] = []

    async def __aenter__(self) -> Self:
        teams = await self._rows("sys_user_group", "nameSTARTSWITH", "name,sys_id")
        self.names = {f"group_{index}": one["sys_id"] for index, one in enumerate(teams[:3])}
        users = await self._rows("sys_user", f"user_name={self._callers['requester']}", "sys_id,email")
        self.names |= {"requester": users[0]["sys_id"], "requester_mail": users[0]["email"]}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def begin(self) -> None:
        """What is written from here on is the case's."""
        self._before, self._own = self._box.log.total, 0
        self.made = []

    def written(self) -> int:
        """How many writes the sandbox took since ``begin``, but our own."""
        fresh = [one for one in self._box.log if one.id > self._before and one.method in _WRITES]
        return len([one for one in fresh if one.status is not None and one.status < 400]) - self._own

    async def add(self, given: GivenTicket) -> dict[str, str]:
        """Make a ticket; its ``sys_id`` and ``number``."""
        caller = await self._rows("sys_user", f"user_name={self._callers[given.caller]}", "sys_id")
        body = {
            "short_description": given.title,
            "description": given.description,
            "caller_id": caller[0]["sys_id"],
            "impact": "3",
            "urgency": "3",
        }
        made = (await self._sent("POST", f"{_TABLE}/incident", json=body))["result"]
        for field, texts in (("comments", given.comments), ("work_notes", given.internal)):
            for text in texts:
                await self._sent("PATCH", f"{_TABLE}/incident/{made['sys_id']}", json={field: text})
        if given.attachment is not None:
            query = {
                "table_name": "incident",
                "table_sys_id": made["sys_id"],
                "file_name": given.attachment.name,
            }
            headers = {"Content-Type": "text/plain"}
            content = given.attachment.text.encode()
            await self._sent(
                "POST", "/api/now/attachment/file", params=query, content=content, headers=headers
            )
        self.made.append(made["sys_id"])
        return {"sys_id": made["sys_id"], "number": made["number"]}

    async def fields(self, sys_id: str) -> dict[str, str]:
        """A ticket as it is now, with its ``comments`` and ``internal`` ones."""
        row = (await self._rows("incident", f"sys_id={sys_id}", ""))[0]
        said = await self._rows("sys_journal_field", f"element_id={sys_id}", "element,value")
        texts = {
            name: [one["value"] for one in said if one["element"] == name]
            for name in ("comments", "work_notes")
        }
        return {
            **{name: _plain(value) for name, value in row.items()},
            "comments": "\n".join(texts["comments"]),
            "internal": "\n".join(texts["work_notes"]),
        }

    async def titles(self) -> list[str]:
        """Of all incidents."""
        return [one["short_description"] for one in await self._rows("incident", "", "short_description")]

    async def _rows(self, table: str, query: str, fields: str) -> list[dict[str, Any]]:
        params = {"sysparm_query": query, "sysparm_fields": fields, "sysparm_limit": "1000"}
        answer = await self._client.get(f"{_TABLE}/{table}", params=params)
        answer.raise_for_status()
        return answer.json()["result"]

    async def _sent(self, method: str, path: str, **call: Any) -> dict[str, Any]:
        answer = await self._client.request(method, path, **call)
        answer.raise_for_status()
        self._own += 1
        return answer.json()


def _auth(box: ServiceNowSandbox) -> tuple[str, str]:
    return box.credentials["username"], box.credentials["password"]


def _plain(value: Any) -> str:
    """A reference is given as an object with the id in it."""
    return str(cast("dict[str, Any]", value).get("value", "") if isinstance(value, dict) else value)
