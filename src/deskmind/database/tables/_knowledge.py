"""Documents, their passages and how they came in."""

from __future__ import annotations

import functools

from pgvector.sqlalchemy import SPARSEVEC
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from deskmind.database.tables._columns import (
    integer_column,
    json_column,
    text_column,
    time_column,
    to_principal,
    to_table,
    uuid_column,
)

__all__ = ["describe_ingest", "describe_knowledge", "describe_sync", "describe_triage", "describe_writes"]


def describe_knowledge(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "sources",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("source_id"),
        uuid_column("owner_id"),
        text_column("kind"),
        text_column("name"),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "source_id"),
        UniqueConstraint("tenant_id", "owner_id", "name", name="sources_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "documents",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("document_id"),
        uuid_column("source_id"),
        text_column("external_id"),
        text_column("uri"),
        text_column("title"),
        text_column("media_type"),
        json_column("metadata"),
        Column("content_hash", LargeBinary, nullable=False),
        text_column("pipeline"),
        text_column("body"),
        uuid_column("acl_id"),
        integer_column("chunk_count"),
        uuid_column("created_by"),
        time_column("created_at"),
        time_column("updated_at"),
        integer_column("version"),
        PrimaryKeyConstraint("tenant_id", "document_id"),
        UniqueConstraint("tenant_id", "source_id", "external_id", name="documents_external_key"),
        to_table(schema, "sources", "source_id", ondelete="CASCADE"),
        to_table(schema, "acls", "acl_id"),
        Index("documents_visible", "tenant_id", "acl_id"),
        Index("documents_metadata", "metadata", postgresql_using="gin"),
    )
    Table(
        "chunks",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("chunk_id"),
        uuid_column("document_id"),
        integer_column("ordinal"),
        Column("headings", ARRAY(Text), nullable=False),
        text_column("body"),
        integer_column("start_offset"),
        integer_column("end_offset"),
        PrimaryKeyConstraint("tenant_id", "chunk_id"),
        to_table(schema, "documents", "document_id", ondelete="CASCADE"),
        Index("chunks_document", "tenant_id", "document_id", "ordinal"),
    )
    Table(
        "lexical",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("chunk_id"),
        uuid_column("document_id"),
        Column("terms", ARRAY(Integer), nullable=False),
        Column("weights", SPARSEVEC, nullable=False),
        PrimaryKeyConstraint("tenant_id", "chunk_id"),
        to_table(schema, "documents", "document_id", ondelete="CASCADE"),
        Index("lexical_document", "tenant_id", "document_id"),
        Index("lexical_terms", "tenant_id", "terms", postgresql_using="gin"),
    )
    Table(
        "lexical_statistics",
        metadata,
        uuid_column("tenant_id"),
        integer_column("term"),
        integer_column("chunk_count"),
        PrimaryKeyConstraint("tenant_id", "term"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "knowledge_versions",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("version"),
        PrimaryKeyConstraint("tenant_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )


def describe_ingest(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "ingests",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("ingest_id"),
        uuid_column("source_id"),
        uuid_column("acl_id"),
        uuid_column("created_by"),
        text_column("correlation_id"),
        text_column("state"),
        time_column("created_at"),
        time_column("finished_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "ingest_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        to_table(schema, "sources", "source_id", ondelete="CASCADE"),
    )
    Table(
        "ingest_files",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("ingest_id"),
        integer_column("ordinal"),
        text_column("external_id"),
        text_column("uri"),
        text_column("name"),
        text_column("media_type", optional=True),
        json_column("metadata"),
        Column("content", LargeBinary, nullable=True),
        Column("content_hash", LargeBinary, nullable=False),
        text_column("state"),
        integer_column("documents"),
        integer_column("chunks"),
        json_column("problem", optional=True),
        Column("acl_id", Uuid, nullable=True),
        PrimaryKeyConstraint("tenant_id", "ingest_id", "ordinal"),
        to_table(schema, "ingests", "ingest_id", ondelete="CASCADE"),
        Index("ingest_files_pending", "tenant_id", "ingest_id", "ordinal"),
        Index("ingest_files_failed", "tenant_id", "ingest_id"),
    )


def describe_sync(metadata: MetaData) -> None:
    schema = metadata.schema
    record = ("tenant_id", "connection_id", "kind", "external_id")
    to_connection = functools.partial(to_table, schema, "connections", "connection_id", ondelete="CASCADE")
    Table(
        "connections",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("connection_id"),
        *(text_column(name) for name in ("name", "vendor", "url", "networks")),
        Column("kinds", ARRAY(Text), nullable=False),
        integer_column("every_seconds"),
        Column("sealed", LargeBinary, nullable=False),
        time_column("created_at"),
        time_column("started_at", optional=True),
        time_column("finished_at", optional=True),
        text_column("error"),
        time_column("swept_at", optional=True),
        *(Column(name, Boolean, nullable=False) for name in ("wish_full", "wish_sweep", "renewing")),
        *(time_column(name, optional=True) for name in ("paced_until", "held_until")),
        PrimaryKeyConstraint("tenant_id", "connection_id"),
        UniqueConstraint("tenant_id", "name", name="connections_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "sync_passes",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("connection_id"),
        text_column("kind"),
        text_column("cursor", optional=True),
        Column("pass", BigInteger, nullable=False),
        Column("running", Boolean, nullable=False),
        *(time_column(name, optional=True) for name in ("started_at", "finished_at", "complete_at")),
        text_column("error"),
        Column("notes", ARRAY(Text), nullable=False),
        json_column("unmapped"),
        PrimaryKeyConstraint("tenant_id", "connection_id", "kind"),
        to_connection(),
    )
    synced = Table(
        "synced_records",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("connection_id"),
        *(text_column(name) for name in ("kind", "external_id", "record_key", "url", "version")),
        time_column("changed_at", optional=True),
        Column("digest", LargeBinary, nullable=False),
        Column("pass", BigInteger, nullable=False),
        json_column("record"),
        json_column("raw"),
        time_column("synced_at"),
        PrimaryKeyConstraint(*record),
        to_connection(),
    )
    Index(
        "synced_records_lately",
        *(synced.c[name] for name in ("tenant_id", "connection_id", "kind", "synced_at")),
    )
    Index(
        "synced_records_promised",
        *(synced.c[name] for name in ("tenant_id", "connection_id")),
        postgresql_where=text(
            "kind = 'ticket' AND (record->>'status_category') IN ('new', 'open', 'waiting')"
        ),
    )
    Table(
        "sync_problems",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("connection_id"),
        *(text_column(name) for name in ("kind", "external_id", "why")),
        time_column("found_at"),
        PrimaryKeyConstraint(*record),
        to_connection(),
    )
    Table(
        "sync_follow_ups",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("connection_id"),
        *(text_column(name) for name in ("step", "kind", "external_id")),
        time_column("since"),
        PrimaryKeyConstraint("tenant_id", "connection_id", "step", "kind", "external_id"),
        to_connection(),
    )
    Table(
        "sync_grantees",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("connection_id"),
        uuid_column("group_id"),
        *(text_column(name) for name in ("kind", "external_id")),
        PrimaryKeyConstraint("tenant_id", "connection_id", "group_id"),
        to_connection(),
    )


def describe_writes(metadata: MetaData) -> None:
    schema = metadata.schema
    writes = Table(
        "writes",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "write_id")),
        *(Column(name, Uuid) for name in ("connection_id", "run_id", "principal_id", "decided_by")),
        *(text_column(name) for name in ("vendor", "act", "target", "target_key")),
        json_column("proposal"),
        text_column("state"),
        integer_column("epoch"),
        time_column("lease_until", optional=True),
        *(text_column(name) for name in ("written_id", "url", "version")),
        Column("differing", ARRAY(Text), nullable=False),
        text_column("problem"),
        time_column("made_at"),
        *(time_column(name, optional=True) for name in ("claimed_at", "settled_at")),
        integer_column("looks"),
        *(time_column(name, optional=True) for name in ("look_at", "handed_at")),
        PrimaryKeyConstraint("tenant_id", "write_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        to_table(schema, "connections", "connection_id", ondelete="CASCADE"),
        to_table(schema, "agent_runs", "run_id", ondelete="CASCADE"),
        to_principal(schema, "principal_id"),
    )
    Index("writes_newest", writes.c.tenant_id, writes.c.made_at.desc())
    for name in ("connection", "run", "principal"):
        Index(f"writes_{name}", writes.c.tenant_id, writes.c[f"{name}_id"])
    Index(
        "writes_unsettled",
        writes.c.tenant_id,
        writes.c.look_at,
        postgresql_where=text("state IN ('sending', 'uncertain')"),
    )


def describe_triage(metadata: MetaData) -> None:
    Table(
        "triage_models",
        metadata,
        uuid_column("tenant_id"),
        integer_column("version"),
        time_column("trained_at"),
        text_column("trained_by"),
        text_column("sha256"),
        json_column("provenance"),
        Column("weights", LargeBinary, nullable=False),
        PrimaryKeyConstraint("tenant_id", "version"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    trainings = Table(
        "triage_trainings",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("training_id"),
        time_column("asked_at"),
        Column("scheduled", Boolean, nullable=False),
        Column("threshold", REAL, nullable=False),
        Column("embed", Boolean, nullable=False),
        text_column("state"),
        time_column("started_at", optional=True),
        time_column("finished_at", optional=True),
        integer_column("tickets"),
        Column("version", Integer),
        text_column("problem"),
        PrimaryKeyConstraint("tenant_id", "training_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Index("triage_trainings_newest", trainings.c.tenant_id, trainings.c.asked_at.desc())
    Index(
        "triage_trainings_waiting",
        trainings.c.tenant_id,
        unique=True,
        postgresql_where=text("state = 'waiting'"),
    )
