"""What model calls cost, and what they may cost."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)

from deskmind.database.tables._columns import integer_column, text_column, time_column, uuid_column

__all__ = ["describe_usage"]


def describe_usage(metadata: MetaData) -> None:
    Table(
        "usage_entries",
        metadata,
        uuid_column("tenant_id"),
        time_column("started_at"),
        uuid_column("call_id"),
        uuid_column("principal_id"),
        text_column("api_key"),
        text_column("feature"),
        text_column("operation"),
        text_column("model"),
        text_column("deployment"),
        *(
            Column(name, BigInteger, nullable=False)
            for name in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
        ),
        Column("cost", Numeric(24, 12)),
        Column("seconds", Double, nullable=False),
        Column("first_token_seconds", Double),
        text_column("outcome"),
        integer_column("attempts"),
        text_column("error"),
        Column("streamed", Boolean, nullable=False),
        text_column("request_id"),
        PrimaryKeyConstraint("tenant_id", "started_at", "call_id"),
        Index("usage_entries_model", "tenant_id", "model", "started_at"),
        Index("usage_entries_principal", "tenant_id", "principal_id", "started_at"),
        Index("usage_entries_request", "tenant_id", "request_id"),
    )
    Table(
        "budgets",
        metadata,
        uuid_column("tenant_id"),
        text_column("name"),
        text_column("period"),
        Column("usd", Numeric(20, 6)),
        Column("tokens", BigInteger),
        Column("per", ARRAY(Text), nullable=False),
        Column("principal_id", Uuid),
        text_column("api_key", optional=True),
        text_column("feature", optional=True),
        text_column("model", optional=True),
        Column("alerts", ARRAY(Double), nullable=False),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"]),
    )
    Table(
        "budget_counters",
        metadata,
        uuid_column("tenant_id"),
        text_column("budget"),
        text_column("subject"),
        text_column("unit"),
        time_column("window_start"),
        Column("leased", Numeric(30, 0), nullable=False),
        PrimaryKeyConstraint("tenant_id", "budget", "subject", "unit", "window_start"),
    )
