"""One request as the handlers get it, its pages, and the routes they stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from deskmind.sandbox.forms import parts
from deskmind.sandbox.freshservice.account import Account, File, Row
from deskmind.sandbox.freshservice.refusal import Refused, denied, invalid, not_found, problem
from deskmind.sandbox.freshservice.scope import Scope
from deskmind.sandbox.freshservice.workflows import Workflows
from deskmind.sandbox.web import Call as Request
from deskmind.sandbox.web import Reply

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its account and its agent."""

    request: Request
    account: Account
    scope: Scope
    workflows: Workflows
    match: Mapping[str, str]

    @property
    def base(self) -> str:
        """The account's own address."""
        return self.request.base

    def query(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query.get(name, default)

    def id(self, name: str = "id") -> int:
        """A number of the path; what is none is not found."""
        text = self.match[name]
        if not text.isdecimal():
            raise not_found()
        return int(text)

    def row(self, table: str, name: str = "id") -> Row:
        """The row that the path names."""
        found = self.account.table(table).get(self.id(name))
        if found is None:
            raise not_found()
        return found

    def ticket(self) -> Row:
        """The ticket that the path names, if it lies in the agent's scope."""
        found = self.row("tickets")
        if not self.scope.sees(found):
            raise denied()
        return found

    def body(self) -> Row:
        """The fields of the request, from JSON or a form."""
        if self.request.content_type == "multipart/form-data":
            return self._form()[0]
        if self.request.content and self.request.content_type != "application/json":
            said = f"Content-Type header is set to {self.request.content_type}. It should be set to application/json"
            raise Refused(415, {"code": "invalid_content_type", "message": said})
        try:
            data: Any = self.request.json() if self.request.content else {}
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Refused(400, {"code": "invalid_json", "message": "Request body has invalid json format"})
        return cast("Row", data)

    def files(self) -> list[File]:
        """The `attachments[]` of a form."""
        return self._form()[1] if self.request.content_type == "multipart/form-data" else []

    def _form(self) -> tuple[Row, list[File]]:
        try:
            found = parts(self.request.headers.get("Content-Type", ""), self.request.content)
        except ValueError:
            raise invalid(problem("attachments", "The multipart content could not be read")) from None
        fields: Row = {}
        files: list[File] = []
        for part in found:
            name = part.name.removesuffix("[]")
            if part.filename:
                kind = part.content_type or "application/octet-stream"
                files.append(
                    File(self.account.next_id(), part.filename, kind, part.content, self.account.now())
                )
            elif part.name.endswith("[]"):
                fields.setdefault(name, []).append(_scalar(part.text))
            elif name.endswith("]") and "[" in name:
                outer, _, inner = name[:-1].partition("[")
                fields.setdefault(outer, {})[inner] = part.text
            else:
                fields[name] = _scalar(part.text)
        return fields, files

    def page(self, found: list[Row], name: str, show: Callable[[Row], Row] | None = None) -> Reply:
        """A page of rows; the `Link` header names the next while there is one."""
        number, size = self._whole("page", 1), self._whole("per_page", 30)
        if size > LARGEST_PAGE:
            raise invalid(problem("per_page", f"per_page cannot be greater than {LARGEST_PAGE}"))
        start = (number - 1) * size
        shown = found[start : start + size]
        reply = Reply.json(200, {name: [show(each) if show else each for each in shown]})
        if start + size >= len(found):
            return reply
        following = {**self.request.query, "page": str(number + 1), "per_page": str(size)}
        return reply.told({"Link": f'<{self.base}{self.request.path}?{urlencode(following)}>; rel="next"'})

    def _whole(self, name: str, default: int) -> int:
        text = self.query(name)
        if text and not (text.isdecimal() and int(text) > 0):
            raise invalid(problem(name, "It should be a/an Positive Integer", "datatype_mismatch"))
        return int(text) if text else default


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path below `/api/v2/`."""

    method: str
    path: str
    handler: Handler


def answer(name: str, body: Any, status: int = 200) -> Reply:
    """One thing under its name."""
    return Reply.json(status, {name: body})


def empty(status: int = 204) -> Reply:
    """An answer without a body."""
    return Reply.of(status)


def _scalar(text: str) -> Any:
    """Numbers and booleans of a form field, as the vendor reads them."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdecimal() and len(text) < 19 else text
