"""The file that describes a system: its lists, how they are paged, and which field is which."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deskmind.errors import InvalidRequestError

__all__ = ["Description", "Listed", "describe"]

Path_ = str
"""Keys from the outside in, joined by dots: ``requester.id``."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Listed(_Strict):
    """One list of the system.

    Attributes:
        path: below the address.
        rows: where the rows are in an answer; empty for an answer that is an array.
        query: sent with each request.
        paging: ``link`` (a Link header), ``token`` (one in the answer), ``start`` (the first row's number), ``number``
            (of the page, from 1).
        parameter: the name of the token, start or number in the query.
        size: the name of the page size in the query, and its value.
        next: where the token is in an answer.
        since: the name of the parameter that takes an ISO time, for lists that can be narrowed to what changed.
        id: the field with the id.
        fields: of the model by fields of the row.
        texts: whether texts are HTML, Markdown or plain.
        everyone: whether everybody of the source may see its records; else nobody may but ``readers``.
        readers: fields with ids of people who may.
    """

    path: str
    rows: Path_ = ""
    query: dict[str, str] = Field(default_factory=dict)
    paging: Literal["link", "token", "start", "number"] = "link"
    parameter: str = "page"
    size: tuple[str, int] = ("per_page", 100)
    next: Path_ = ""
    since: str = ""
    id: str = "id"
    fields: dict[str, Path_]
    texts: Literal["html", "markdown", "plain"] = "plain"
    everyone: bool = False
    readers: tuple[Path_, ...] = ()


class Description(_Strict):
    """A system.

    Attributes:
        vendor: its name in records.
        limit: requests a minute.
        web: where a person opens a ticket, with ``{id}``.
    """

    vendor: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    limit: int = Field(default=60, ge=1)
    web: str = ""
    tickets: Listed | None = None
    articles: Listed | None = None
    people: Listed | None = None


def describe(source: Path | dict[str, Any]) -> Description:
    """The description in a TOML or YAML file."""
    try:
        return Description.model_validate(_read(source) if isinstance(source, Path) else source)
    except (ValidationError, OSError, ValueError, yaml.YAMLError) as error:
        where = (
            "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            if isinstance(error, ValidationError)
            else type(error).__name__
        )
        raise InvalidRequestError(
            "The description of the system cannot be used.",
            why=where,
            remedy="See the example in the documentation.",
        ) from error


def _read(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
