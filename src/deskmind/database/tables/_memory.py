"""What agents remember, and stored agents."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    REAL,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from deskmind.database.tables._columns import (
    integer_column,
    text_column,
    time_column,
    to_principal,
    uuid_column,
)

__all__ = ["describe_agent_versions", "describe_memory"]


def describe_memory(metadata: MetaData) -> None:
    schema = metadata.schema
    memories = Table(
        "memories",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "memory_id")),
        text_column("audience"),
        Column("owner_id", Uuid),
        uuid_column("made_by"),
        *(text_column(name) for name in ("kind", "subject", "body", "trust", "origin", "source")),
        Column("run_id", Uuid),
        Column("step", Integer),
        Column("importance", REAL, nullable=False),
        Column("pinned", Boolean, nullable=False),
        integer_column("uses"),
        *(time_column(name) for name in ("made_at", "used_at")),
        Column("superseded_by", Uuid),
        time_column("superseded_at", optional=True),
        text_column("space"),
        Column("vector", HALFVEC),
        Column("terms", SPARSEVEC),
        PrimaryKeyConstraint("tenant_id", "memory_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        to_principal(schema, "owner_id"),
        ForeignKeyConstraint(
            ["tenant_id", "superseded_by"],
            [f"{schema}.memories.tenant_id", f"{schema}.memories.memory_id"],
            ondelete="SET NULL (superseded_by)",
        ),
    )
    columns = (memories.c.tenant_id, memories.c.owner_id)
    Index("memories_owner", *columns)
    Index("memories_live", *columns, postgresql_where=text("superseded_at IS NULL"))
    Index("memories_unread", *columns, postgresql_where=text("terms IS NULL"))
    Index(
        "memories_superseded",
        memories.c.tenant_id,
        memories.c.superseded_by,
    )


def describe_agent_versions(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "agent_versions",
        metadata,
        uuid_column("tenant_id"),
        text_column("name"),
        integer_column("version"),
        Column("content_hash", LargeBinary, nullable=False),
        *(text_column(name) for name in ("content", "note", "author")),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "name", "version"),
        UniqueConstraint("tenant_id", "name", "content_hash", name="agent_versions_content_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    names = ("tenant_id", "name", "version")
    Table(
        "agent_labels",
        metadata,
        uuid_column("tenant_id"),
        *(text_column(name) for name in ("name", "label")),
        *(integer_column(name) for name in ("position", "version")),
        text_column("moved_by"),
        time_column("moved_at"),
        PrimaryKeyConstraint("tenant_id", "name", "label", "position"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        ForeignKeyConstraint(list(names), [f"{schema}.agent_versions.{name}" for name in names]),
    )
