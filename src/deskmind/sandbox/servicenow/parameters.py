"""What a client asks for with its query string."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from multidict import MultiMapping

from deskmind.sandbox.servicenow.encoded import Query, parse
from deskmind.sandbox.servicenow.errors import Refused
from deskmind.sandbox.servicenow.rendering import Manner
from deskmind.sandbox.web import Call

__all__ = ["Page", "flag", "manner", "page", "query"]

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a result: where it begins, and how many rows it has at most."""

    offset: int
    limit: int

    def headers(self, call: Call, total: int) -> dict[str, str]:
        """`X-Total-Count`, and `Link` if there is more than this page."""
        found: dict[str, str] = {}
        if not flag(call.query, "sysparm_no_count"):
            found["X-Total-Count"] = str(total)
        if flag(call.query, "sysparm_suppress_pagination_header") or (
            total <= self.limit and not self.offset
        ):
            return found
        last = max(total - 1, 0) // self.limit * self.limit if self.limit else 0
        links = [("first", 0)]
        if self.offset:
            links.append(("prev", max(self.offset - self.limit, 0)))
        if self.offset + self.limit < total:
            links.append(("next", self.offset + self.limit))
        links.append(("last", last))
        found["Link"] = ",".join(f'<{self._address(call, offset)}>;rel="{name}"' for name, offset in links)
        return found

    def _address(self, call: Call, offset: int) -> str:
        kept = [(name, value) for name, value in call.query.items() if name not in _PAGING]
        paging = [("sysparm_limit", str(self.limit)), ("sysparm_offset", str(offset))]
        return f"{call.base}{call.path}?{urlencode([*kept, *paging], quote_via=quote)}"


_PAGING = ("sysparm_limit", "sysparm_offset")


def flag(given: MultiMapping[str], name: str) -> bool:
    """A yes or no; clients write `true` and `True`."""
    return given.get(name, "").lower() == "true"


def page(given: MultiMapping[str], default: int = _MOST) -> Page:
    """The piece that is asked for. Raises `Refused` (400) for what is no number, or a negative offset."""
    offset, limit = _number(given, "sysparm_offset", 0), _number(given, "sysparm_limit", default)
    if offset < 0:
        raise Refused(400, "Invalid sysparm_offset", "Pagination not supported: negative offset")
    return Page(offset, default if limit < 0 else limit)


def _number(given: MultiMapping[str], name: str, default: int) -> int:
    try:
        return int(given.get(name) or default)
    except ValueError:
        raise Refused(400, f"Invalid {name}", f"{name} is not a number") from None


def manner(given: MultiMapping[str]) -> Manner:
    """How values are wanted."""
    display = given.get("sysparm_display_value", "false").lower()
    fields = given.get("sysparm_fields", "")
    return Manner(
        "all" if display == "all" else "true" if display == "true" else "false",
        not flag(given, "sysparm_exclude_reference_link"),
        tuple(dict.fromkeys(field.strip() for field in fields.split(",") if field.strip())),
    )


def query(given: MultiMapping[str]) -> Query:
    """The encoded query, or the fields that are given as parameters of their own."""
    if text := given.get("sysparm_query", ""):
        return parse(text)
    pairs = [f"{name}={value}" for name, value in given.items() if not name.startswith("sysparm_")]
    return parse("^".join(pairs))
