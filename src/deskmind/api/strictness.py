"""Bodies of requests, read as their schema says: a number is no text, a text no number, and a moment no count of seconds.

Pydantic is lenient by default, so that a client's mistake would pass until it means something else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Body", "Moment"]

_Node = dict[str, Any]


def _strictly(node: Any) -> Any:
    if isinstance(node, list):
        return [_strictly(one) for one in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    copy: _Node = {name: _strictly(one) for name, one in cast("_Node", node).items()}
    match copy.get("type"):
        case "bool":
            copy["strict"] = True
        case "int" | "float":
            return core_schema.no_info_before_validator_function(_number, cast("CoreSchema", copy))
        case "datetime":
            told = core_schema.no_info_before_validator_function(_moment, cast("CoreSchema", copy))
            return core_schema.no_info_after_validator_function(_in_utc, told)
        case _:
            pass
    return copy


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticCustomError("number_type", "Input should be a number")
    return value


def _moment(value: Any) -> Any:
    if isinstance(value, int | float) or (isinstance(value, str) and "-" not in value[1:]):
        raise PydanticCustomError("moment_type", "Input should be a date and time, as in RFC 3339")
    return value


def _in_utc(value: datetime) -> datetime:
    """The database knows no offsets of 16 hours and more, which RFC 3339 allows."""
    try:
        return value if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("moment_range", "Input should lie in the years 1 to 9999 UTC") from error


Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_in_utc)]
"""A time of a query."""


class Body(BaseModel):
    """A body, or a part of one, without fields that nobody reads."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema with its numbers, truth values and moments taken at their word."""
        return cast("CoreSchema", _strictly(handler(source)))
