"""Prompts, experiments and conversations."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from deskmind.database.tables._columns import integer_column, text_column, time_column, to_table, uuid_column

__all__ = ["describe_conversations", "describe_experiments", "describe_prompts"]


def describe_prompts(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "prompt_versions",
        metadata,
        uuid_column("tenant_id"),
        text_column("name"),
        integer_column("version"),
        Column("content_hash", LargeBinary, nullable=False),
        text_column("content"),
        text_column("note"),
        text_column("author"),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "name", "version"),
        UniqueConstraint("tenant_id", "name", "content_hash", name="prompt_versions_content_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "prompt_labels",
        metadata,
        uuid_column("tenant_id"),
        text_column("name"),
        text_column("label"),
        integer_column("position"),
        Column("version", Integer, nullable=True),
        integer_column("origin"),
        text_column("moved_by"),
        time_column("moved_at"),
        PrimaryKeyConstraint("tenant_id", "name", "label", "position"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        _to_version(schema, "name"),
    )


def describe_experiments(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "experiments",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("experiment_id"),
        text_column("name"),
        text_column("prompt"),
        text_column("started_by"),
        time_column("started_at"),
        time_column("stopped_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "experiment_id"),
        UniqueConstraint("tenant_id", "name", name="experiments_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "experiment_variants",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("experiment_id"),
        text_column("variant"),
        integer_column("position"),
        text_column("prompt"),
        Column("version", Integer, nullable=True),
        Column("weight", Double, nullable=False),
        PrimaryKeyConstraint("tenant_id", "experiment_id", "variant"),
        to_table(schema, "experiments", "experiment_id", ondelete="CASCADE"),
        _to_version(schema, "prompt"),
    )
    Table(
        "experiment_outcomes",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("experiment_id"),
        uuid_column("outcome_id"),
        text_column("variant"),
        uuid_column("principal_id"),
        text_column("metric"),
        Column("value", Double, nullable=False),
        time_column("occurred_at"),
        text_column("request_id"),
        PrimaryKeyConstraint("tenant_id", "experiment_id", "outcome_id"),
        ForeignKeyConstraint(
            ["tenant_id", "experiment_id", "variant"],
            [f"{schema}.experiment_variants.{name}" for name in ("tenant_id", "experiment_id", "variant")],
            ondelete="CASCADE",
        ),
        Index("experiment_outcomes_principal", "tenant_id", "principal_id"),
    )


def describe_conversations(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "conversations",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("conversation_id"),
        uuid_column("principal_id"),
        text_column("title"),
        text_column("summary"),
        integer_column("summarised_through"),
        integer_column("turn_count"),
        time_column("created_at"),
        time_column("updated_at"),
        time_column("expires_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "conversation_id"),
        UniqueConstraint("tenant_id", "conversation_id", "principal_id", name="conversations_owner_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("conversations_recent", "tenant_id", "principal_id", "updated_at"),
        Index("conversations_expiry", "tenant_id", "expires_at"),
    )
    Table(
        "turns",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("conversation_id"),
        integer_column("position"),
        uuid_column("principal_id"),
        text_column("role"),
        text_column("content"),
        text_column("call_id"),
        text_column("tool"),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "conversation_id", "position"),
        ForeignKeyConstraint(
            ["tenant_id", "conversation_id", "principal_id"],
            [f"{schema}.conversations.{name}" for name in ("tenant_id", "conversation_id", "principal_id")],
            ondelete="CASCADE",
        ),
    )


def _to_version(schema: str | None, prompt: str) -> ForeignKeyConstraint:
    names = ("tenant_id", "name", "version")
    return ForeignKeyConstraint(
        ["tenant_id", prompt, "version"], [f"{schema}.prompt_versions.{name}" for name in names]
    )
