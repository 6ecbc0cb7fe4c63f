"""Columns and references as most tables have them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

__all__ = [
    "integer_column",
    "json_column",
    "text_column",
    "time_column",
    "to_principal",
    "to_table",
    "uuid_column",
]

_TIME = DateTime(timezone=True)


def uuid_column(name: str) -> Column[Any]:
    return Column(name, Uuid, nullable=False)


def text_column(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=optional)


def integer_column(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def time_column(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, _TIME, nullable=optional)


def json_column(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, JSONB, nullable=optional)


def to_table(
    schema: str | None, table: str, column: str, *, ondelete: str | None = None
) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{schema}.{table}.tenant_id", f"{schema}.{table}.{column}"],
        ondelete=ondelete,
    )


def to_principal(schema: str | None, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{schema}.principals.tenant_id", f"{schema}.principals.principal_id"],
        ondelete="CASCADE",
    )
