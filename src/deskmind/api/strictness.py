"""Bodies of requests, read as their schema says: a number is no text, a text no number, and a moment no count of seconds.

Pydantic is lenient by default, so that a client's mistake would pass until it means something else.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Body"]

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
            return core_schema.no_info_before_validator_function(_moment, cast("CoreSchema", copy))
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


class Body(BaseModel):
    """A body, or a part of one, without fields that nobody reads."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema with its numbers, truth values and moments taken at their word."""
        return cast("CoreSchema", _strictly(handler(source)))
