"""The tables as SQLAlchemy Core describes them: the other half of the drift check.

Row-level security, grants, functions and partitions are not described here but checked by the catalogue test.
"""

from __future__ import annotations

import functools
from typing import Any

from pgvector.sqlalchemy import SPARSEVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["describe"]

_TIME = DateTime(timezone=True)


def _uuid(name: str) -> Column[Any]:
    return Column(name, Uuid, nullable=False)


def _text(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=optional)


def _integer(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _time(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, _TIME, nullable=optional)


def _json(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, JSONB, nullable=optional)


def describe(schema: str) -> MetaData:
    """The metadata of all tables in ``schema`` but procrastinate's and the embedding spaces'."""
    metadata = MetaData(schema=schema)
    _installation(metadata)
    _principals(metadata)
    _access(metadata)
    _grants(metadata)
    _usage(metadata)
    _knowledge(metadata)
    _ingest(metadata)
    _prompts(metadata)
    _experiments(metadata)
    _conversations(metadata)
    _explain(metadata)
    _privacy(metadata)
    _redaction(metadata)
    _sync(metadata)
    _triage(metadata)
    _agents(metadata)
    return metadata


def _installation(metadata: MetaData) -> None:
    Table("release", metadata, Column("only_row", Boolean, primary_key=True), _text("min_compatible_release"))
    Table(
        "scope_keys",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("inner_pad", LargeBinary, nullable=False),
        Column("outer_pad", LargeBinary, nullable=False),
        _time("created_at"),
        _time("retired_at", optional=True),
    )
    Table(
        "embedding_spaces",
        metadata,
        Column("name", Text, primary_key=True),
        _text("model"),
        _integer("dimensions"),
        _text("fingerprint"),
        _time("created_at"),
    )
    Table("closed_accounts", metadata, Column("account_id", Uuid, primary_key=True), _time("closed_at"))
    counts = ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "unpriced_calls")
    Table(
        "closed_account_usage",
        metadata,
        _uuid("account_id"),
        Column("month", Date, nullable=False),
        _text("model"),
        _text("deployment"),
        *(Column(name, BigInteger, nullable=False) for name in counts),
        Column("cost", Numeric(24, 12), nullable=False),
        PrimaryKeyConstraint("account_id", "month", "model", "deployment"),
        ForeignKeyConstraint(["account_id"], [f"{metadata.schema}.closed_accounts.account_id"]),
    )


def _principals(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "tenants",
        metadata,
        Column("tenant_id", Uuid, primary_key=True),
        _text("slug"),
        _text("name"),
        _time("created_at"),
        UniqueConstraint("slug", name="tenants_slug_key"),
    )
    Table(
        "principals",
        metadata,
        _uuid("tenant_id"),
        _uuid("principal_id"),
        _text("kind"),
        _text("name"),
        _text("display_name"),
        _text("role"),
        _time("created_at"),
        _time("disabled_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "principal_id"),
        UniqueConstraint("tenant_id", "kind", "name", name="principals_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "memberships",
        metadata,
        _uuid("tenant_id"),
        _uuid("group_id"),
        _uuid("member_id"),
        PrimaryKeyConstraint("tenant_id", "group_id", "member_id"),
        _to_principal(schema, "group_id"),
        _to_principal(schema, "member_id"),
        Index("memberships_member", "tenant_id", "member_id"),
    )
    Table(
        "api_keys",
        metadata,
        _uuid("tenant_id"),
        _uuid("key_id"),
        _uuid("principal_id"),
        _text("name"),
        Column("mac", LargeBinary, nullable=False),
        _integer("mac_version"),
        _time("created_at"),
        _time("expires_at", optional=True),
        _time("revoked_at", optional=True),
        _time("last_used_at", optional=True),
        Column("restricted", Boolean, nullable=False),
        PrimaryKeyConstraint("tenant_id", "key_id"),
        _to_principal(schema, "principal_id"),
        Index("api_keys_principal", "tenant_id", "principal_id"),
    )


def _access(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "acls",
        metadata,
        _uuid("tenant_id"),
        _uuid("acl_id"),
        Column("clauses", SmallInteger, nullable=False),
        _time("created_at"),
        PrimaryKeyConstraint("tenant_id", "acl_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "acl_members",
        metadata,
        _uuid("tenant_id"),
        _uuid("principal_id"),
        _uuid("acl_id"),
        Column("clause", SmallInteger, nullable=False),
        PrimaryKeyConstraint("tenant_id", "principal_id", "acl_id", "clause"),
        _to(schema, "acls", "acl_id", ondelete="CASCADE"),
        Index("acl_members_acl", "tenant_id", "acl_id"),
    )
    Table(
        "audit_events",
        metadata,
        _uuid("tenant_id"),
        _uuid("event_id"),
        _time("occurred_at"),
        Column("principal_id", Uuid, nullable=True),
        _text("principal"),
        _text("action"),
        _text("resource"),
        _text("outcome"),
        _text("correlation_id"),
        _json("details"),
        Column("form", SmallInteger, nullable=False),
        Column("subject", Uuid, nullable=True),
        Column("personal", LargeBinary, nullable=True),
        Column("about", Uuid, nullable=True),
        Column("about_personal", LargeBinary, nullable=True),
        _text("decision"),
        Column("canonical", LargeBinary, nullable=False),
        Column("leaf_hash", LargeBinary, nullable=False),
        Column("position", BigInteger, nullable=True),
        PrimaryKeyConstraint("tenant_id", "event_id"),
        Index("audit_events_time", "tenant_id", "occurred_at"),
        Index("audit_events_position", "tenant_id", "position", unique=True),
        Index("audit_events_unsealed", "tenant_id", "occurred_at"),
    )
    Table(
        "audit_subjects",
        metadata,
        _uuid("tenant_id"),
        _uuid("key_id"),
        Column("mark", LargeBinary, nullable=True),
        Column("principal_id", Uuid, nullable=True),
        Column("wrapped", LargeBinary, nullable=True),
        _integer("ring_version"),
        _time("created_at"),
        _time("destroyed_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "key_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("audit_subjects_mark", "tenant_id", "mark"),
        Index("audit_subjects_principal", "tenant_id", "principal_id"),
    )
    Table(
        "audit_witnessed",
        metadata,
        _uuid("tenant_id"),
        _text("witness"),
        Column("size", BigInteger, nullable=False),
        _time("kept_at"),
        PrimaryKeyConstraint("tenant_id", "witness"),
    )
    Table(
        "audit_calls_due",
        metadata,
        _uuid("tenant_id"),
        _time("started_at"),
        _uuid("call_id"),
        PrimaryKeyConstraint("tenant_id", "started_at", "call_id"),
    )
    Table(
        "audit_checkpoints",
        metadata,
        _uuid("tenant_id"),
        Column("size", BigInteger, nullable=False),
        Column("root", LargeBinary, nullable=False),
        Column("peaks", LargeBinary, nullable=False),
        _time("signed_at"),
        _text("public_key"),
        _text("note"),
        PrimaryKeyConstraint("tenant_id", "size"),
    )


def _grants(metadata: MetaData) -> None:
    schema = metadata.schema
    to_tenant = [f"{schema}.tenants.tenant_id"]
    Table(
        "access_roles",
        metadata,
        _uuid("tenant_id"),
        _text("name"),
        Column("permissions", ARRAY(Text), nullable=False),
        _text("description"),
        _time("changed_at"),
        PrimaryKeyConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], to_tenant, ondelete="CASCADE"),
    )
    Table(
        "access_grants",
        metadata,
        _uuid("tenant_id"),
        _uuid("grant_id"),
        _text("role"),
        Column("principal_id", Uuid, nullable=True),
        Column("key_id", Uuid, nullable=True),
        _text("reason"),
        _time("granted_at"),
        _uuid("granted_by"),
        _time("until", optional=True),
        _time("revoked_at", optional=True),
        Column("revoked_by", Uuid, nullable=True),
        PrimaryKeyConstraint("tenant_id", "grant_id"),
        _to_principal(schema, "principal_id"),
        _to(schema, "api_keys", "key_id", ondelete="CASCADE"),
        Index("access_grants_principal", "tenant_id", "principal_id"),
        Index("access_grants_key", "tenant_id", "key_id"),
    )
    Table(
        "access_policies",
        metadata,
        _uuid("tenant_id"),
        _integer("version"),
        _text("text"),
        _time("saved_at"),
        _uuid("saved_by"),
        PrimaryKeyConstraint("tenant_id", "version"),
        ForeignKeyConstraint(["tenant_id"], to_tenant, ondelete="CASCADE"),
    )
    Table(
        "access_versions",
        metadata,
        Column("tenant_id", Uuid, primary_key=True),
        _uuid("version"),
        ForeignKeyConstraint(["tenant_id"], to_tenant, ondelete="CASCADE"),
    )


def _usage(metadata: MetaData) -> None:
    Table(
        "usage_entries",
        metadata,
        _uuid("tenant_id"),
        _time("started_at"),
        _uuid("call_id"),
        _uuid("principal_id"),
        _text("api_key"),
        _text("feature"),
        _text("operation"),
        _text("model"),
        _text("deployment"),
        *(
            Column(name, BigInteger, nullable=False)
            for name in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
        ),
        Column("cost", Numeric(24, 12)),
        Column("seconds", Double, nullable=False),
        Column("first_token_seconds", Double),
        _text("outcome"),
        _integer("attempts"),
        _text("error"),
        Column("streamed", Boolean, nullable=False),
        _text("request_id"),
        PrimaryKeyConstraint("tenant_id", "started_at", "call_id"),
        Index("usage_entries_model", "tenant_id", "model", "started_at"),
        Index("usage_entries_principal", "tenant_id", "principal_id", "started_at"),
        Index("usage_entries_request", "tenant_id", "request_id"),
    )
    Table(
        "budgets",
        metadata,
        _uuid("tenant_id"),
        _text("name"),
        _text("period"),
        Column("usd", Numeric(20, 6)),
        Column("tokens", BigInteger),
        Column("per", ARRAY(Text), nullable=False),
        Column("principal_id", Uuid),
        _text("api_key", optional=True),
        _text("feature", optional=True),
        _text("model", optional=True),
        Column("alerts", ARRAY(Double), nullable=False),
        _time("created_at"),
        PrimaryKeyConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"]),
    )
    Table(
        "budget_counters",
        metadata,
        _uuid("tenant_id"),
        _text("budget"),
        _text("subject"),
        _text("unit"),
        _time("window_start"),
        Column("leased", Numeric(30, 0), nullable=False),
        PrimaryKeyConstraint("tenant_id", "budget", "subject", "unit", "window_start"),
    )


def _knowledge(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "sources",
        metadata,
        _uuid("tenant_id"),
        _uuid("source_id"),
        _uuid("owner_id"),
        _text("kind"),
        _text("name"),
        _time("created_at"),
        PrimaryKeyConstraint("tenant_id", "source_id"),
        UniqueConstraint("tenant_id", "owner_id", "name", name="sources_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "documents",
        metadata,
        _uuid("tenant_id"),
        _uuid("document_id"),
        _uuid("source_id"),
        _text("external_id"),
        _text("uri"),
        _text("title"),
        _text("media_type"),
        _json("metadata"),
        Column("content_hash", LargeBinary, nullable=False),
        _text("pipeline"),
        _text("body"),
        _uuid("acl_id"),
        _integer("chunk_count"),
        _uuid("created_by"),
        _time("created_at"),
        _time("updated_at"),
        _integer("version"),
        PrimaryKeyConstraint("tenant_id", "document_id"),
        UniqueConstraint("tenant_id", "source_id", "external_id", name="documents_external_key"),
        _to(schema, "sources", "source_id", ondelete="CASCADE"),
        _to(schema, "acls", "acl_id"),
        Index("documents_visible", "tenant_id", "acl_id"),
        Index("documents_metadata", "metadata", postgresql_using="gin"),
    )
    Table(
        "chunks",
        metadata,
        _uuid("tenant_id"),
        _uuid("chunk_id"),
        _uuid("document_id"),
        _integer("ordinal"),
        Column("headings", ARRAY(Text), nullable=False),
        _text("body"),
        _integer("start_offset"),
        _integer("end_offset"),
        PrimaryKeyConstraint("tenant_id", "chunk_id"),
        _to(schema, "documents", "document_id", ondelete="CASCADE"),
        Index("chunks_document", "tenant_id", "document_id", "ordinal"),
    )
    Table(
        "lexical",
        metadata,
        _uuid("tenant_id"),
        _uuid("chunk_id"),
        _uuid("document_id"),
        Column("terms", ARRAY(Integer), nullable=False),
        Column("weights", SPARSEVEC, nullable=False),
        PrimaryKeyConstraint("tenant_id", "chunk_id"),
        _to(schema, "documents", "document_id", ondelete="CASCADE"),
        Index("lexical_document", "tenant_id", "document_id"),
        Index("lexical_terms", "tenant_id", "terms", postgresql_using="gin"),
    )
    Table(
        "lexical_statistics",
        metadata,
        _uuid("tenant_id"),
        _integer("term"),
        _integer("chunk_count"),
        PrimaryKeyConstraint("tenant_id", "term"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "knowledge_versions",
        metadata,
        _uuid("tenant_id"),
        _uuid("version"),
        PrimaryKeyConstraint("tenant_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )


def _ingest(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "ingests",
        metadata,
        _uuid("tenant_id"),
        _uuid("ingest_id"),
        _uuid("source_id"),
        _uuid("acl_id"),
        _uuid("created_by"),
        _text("correlation_id"),
        _text("state"),
        _time("created_at"),
        _time("finished_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "ingest_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        _to(schema, "sources", "source_id", ondelete="CASCADE"),
    )
    Table(
        "ingest_files",
        metadata,
        _uuid("tenant_id"),
        _uuid("ingest_id"),
        _integer("ordinal"),
        _text("external_id"),
        _text("uri"),
        _text("name"),
        _text("media_type", optional=True),
        _json("metadata"),
        Column("content", LargeBinary, nullable=True),
        Column("content_hash", LargeBinary, nullable=False),
        _text("state"),
        _integer("documents"),
        _integer("chunks"),
        _json("problem", optional=True),
        Column("acl_id", Uuid, nullable=True),
        PrimaryKeyConstraint("tenant_id", "ingest_id", "ordinal"),
        _to(schema, "ingests", "ingest_id", ondelete="CASCADE"),
        Index("ingest_files_pending", "tenant_id", "ingest_id", "ordinal"),
    )


def _prompts(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "prompt_versions",
        metadata,
        _uuid("tenant_id"),
        _text("name"),
        _integer("version"),
        Column("content_hash", LargeBinary, nullable=False),
        _text("content"),
        _text("note"),
        _text("author"),
        _time("created_at"),
        PrimaryKeyConstraint("tenant_id", "name", "version"),
        UniqueConstraint("tenant_id", "name", "content_hash", name="prompt_versions_content_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "prompt_labels",
        metadata,
        _uuid("tenant_id"),
        _text("name"),
        _text("label"),
        _integer("position"),
        Column("version", Integer, nullable=True),
        _integer("origin"),
        _text("moved_by"),
        _time("moved_at"),
        PrimaryKeyConstraint("tenant_id", "name", "label", "position"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        _to_version(schema, "name"),
    )


def _experiments(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "experiments",
        metadata,
        _uuid("tenant_id"),
        _uuid("experiment_id"),
        _text("name"),
        _text("prompt"),
        _text("started_by"),
        _time("started_at"),
        _time("stopped_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "experiment_id"),
        UniqueConstraint("tenant_id", "name", name="experiments_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "experiment_variants",
        metadata,
        _uuid("tenant_id"),
        _uuid("experiment_id"),
        _text("variant"),
        _integer("position"),
        _text("prompt"),
        Column("version", Integer, nullable=True),
        Column("weight", Double, nullable=False),
        PrimaryKeyConstraint("tenant_id", "experiment_id", "variant"),
        _to(schema, "experiments", "experiment_id", ondelete="CASCADE"),
        _to_version(schema, "prompt"),
    )
    Table(
        "experiment_outcomes",
        metadata,
        _uuid("tenant_id"),
        _uuid("experiment_id"),
        _uuid("outcome_id"),
        _text("variant"),
        _uuid("principal_id"),
        _text("metric"),
        Column("value", Double, nullable=False),
        _time("occurred_at"),
        _text("request_id"),
        PrimaryKeyConstraint("tenant_id", "experiment_id", "outcome_id"),
        ForeignKeyConstraint(
            ["tenant_id", "experiment_id", "variant"],
            [f"{schema}.experiment_variants.{name}" for name in ("tenant_id", "experiment_id", "variant")],
            ondelete="CASCADE",
        ),
        Index("experiment_outcomes_principal", "tenant_id", "principal_id"),
    )


def _conversations(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "conversations",
        metadata,
        _uuid("tenant_id"),
        _uuid("conversation_id"),
        _uuid("principal_id"),
        _text("title"),
        _text("summary"),
        _integer("summarised_through"),
        _integer("turn_count"),
        _time("created_at"),
        _time("updated_at"),
        _time("expires_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "conversation_id"),
        UniqueConstraint("tenant_id", "conversation_id", "principal_id", name="conversations_owner_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("conversations_recent", "tenant_id", "principal_id", "updated_at"),
        Index("conversations_expiry", "tenant_id", "expires_at"),
    )
    Table(
        "turns",
        metadata,
        _uuid("tenant_id"),
        _uuid("conversation_id"),
        _integer("position"),
        _uuid("principal_id"),
        _text("role"),
        _text("content"),
        _text("call_id"),
        _text("tool"),
        _time("created_at"),
        PrimaryKeyConstraint("tenant_id", "conversation_id", "position"),
        ForeignKeyConstraint(
            ["tenant_id", "conversation_id", "principal_id"],
            [f"{schema}.conversations.{name}" for name in ("tenant_id", "conversation_id", "principal_id")],
            ondelete="CASCADE",
        ),
    )


def _explain(metadata: MetaData) -> None:
    answer = ("mode", "prompt", "experiment", "variant")
    Table(
        "request_stories",
        metadata,
        _uuid("tenant_id"),
        _time("began_at"),
        _uuid("story_id"),
        _uuid("principal_id"),
        _text("request_id"),
        _text("kind"),
        _text("operation"),
        _text("error"),
        Column("seconds", Double, nullable=False),
        Column("found", Boolean),
        Column("confidence", Double),
        *(_text(name, optional=True) for name in answer),
        Column("prompt_version", Integer),
        Column("documents", ARRAY(Uuid), nullable=False),
        Column("groups", ARRAY(Uuid), nullable=False),
        _text("question"),
        _json("told"),
        PrimaryKeyConstraint("tenant_id", "began_at", "story_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("request_stories_request", "tenant_id", "request_id"),
        Index("request_stories_principal", "tenant_id", "principal_id", "began_at"),
    )
    Table(
        "feedback",
        metadata,
        _uuid("tenant_id"),
        _uuid("principal_id"),
        _text("request_id"),
        _uuid("feedback_id"),
        _text("rating"),
        _text("reason"),
        _text("correction"),
        _time("given_at"),
        _integer("revisions"),
        _time("answered_at"),
        Column("found", Boolean, nullable=False),
        *(_text(name, optional=True) for name in answer),
        Column("prompt_version", Integer),
        Column("documents", ARRAY(Uuid), nullable=False),
        Column("groups", ARRAY(Uuid), nullable=False),
        PrimaryKeyConstraint("tenant_id", "principal_id", "request_id"),
        UniqueConstraint("tenant_id", "feedback_id", name="feedback_id_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("feedback_given", "tenant_id", "given_at"),
    )


def _privacy(metadata: MetaData) -> None:
    tenant = f"{metadata.schema}.tenants.tenant_id"
    Table(
        "privacy_erasures",
        metadata,
        _uuid("tenant_id"),
        _uuid("erasure_id"),
        Column("subject_mark", LargeBinary, nullable=False),
        _integer("mark_version"),
        _text("owned"),
        _text("state"),
        Column("sealed", LargeBinary),
        _json("counts"),
        Column("replays", Uuid),
        _time("requested_at"),
        _time("completed_at", optional=True),
        _text("receipt"),
        PrimaryKeyConstraint("tenant_id", "erasure_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    Table(
        "privacy_marks",
        metadata,
        _uuid("tenant_id"),
        Column("mark", LargeBinary, nullable=False),
        _integer("mark_version"),
        Column("words", SmallInteger, nullable=False),
        _uuid("erasure_id"),
        PrimaryKeyConstraint("tenant_id", "mark"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    Table(
        "privacy_holds",
        metadata,
        _uuid("tenant_id"),
        _uuid("hold_id"),
        Column("principal_id", Uuid),
        Column("marks", ARRAY(LargeBinary), nullable=False),
        _text("reason"),
        _time("placed_at"),
        _time("released_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "hold_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    Table(
        "privacy_retention",
        metadata,
        _uuid("tenant_id"),
        _text("store"),
        _integer("days"),
        _time("ran_at"),
        Column("removed", BigInteger, nullable=False),
        PrimaryKeyConstraint("tenant_id", "store"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )


def _redaction(metadata: MetaData) -> None:
    own = [f"{metadata.schema}.tenants.tenant_id"]
    Table(
        "redaction_patterns",
        metadata,
        _uuid("tenant_id"),
        *(_text(name) for name in ("name", "regex", "type")),
        Column("score", Double, nullable=False),
        _time("created_at"),
        PrimaryKeyConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], own, ondelete="CASCADE"),
    )
    Table(
        "redaction_actions",
        metadata,
        _uuid("tenant_id"),
        *(_text(name) for name in ("type", "action")),
        PrimaryKeyConstraint("tenant_id", "type"),
        ForeignKeyConstraint(["tenant_id"], own, ondelete="CASCADE"),
    )
    Table(
        "directory_entries",
        metadata,
        _uuid("tenant_id"),
        *(_text(name) for name in ("source", "type", "value")),
        PrimaryKeyConstraint("tenant_id", "source", "type", "value"),
        ForeignKeyConstraint(["tenant_id"], own, ondelete="CASCADE"),
    )


def _sync(metadata: MetaData) -> None:
    schema = metadata.schema
    record = ("tenant_id", "connection_id", "kind", "external_id")
    to_connection = functools.partial(_to, schema, "connections", "connection_id", ondelete="CASCADE")
    Table(
        "connections",
        metadata,
        _uuid("tenant_id"),
        _uuid("connection_id"),
        *(_text(name) for name in ("name", "vendor", "url", "networks")),
        Column("kinds", ARRAY(Text), nullable=False),
        _integer("every_seconds"),
        Column("sealed", LargeBinary, nullable=False),
        _time("created_at"),
        _time("started_at", optional=True),
        _time("finished_at", optional=True),
        _text("error"),
        _time("swept_at", optional=True),
        *(Column(name, Boolean, nullable=False) for name in ("wish_full", "wish_sweep", "renewing")),
        PrimaryKeyConstraint("tenant_id", "connection_id"),
        UniqueConstraint("tenant_id", "name", name="connections_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "sync_passes",
        metadata,
        _uuid("tenant_id"),
        _uuid("connection_id"),
        _text("kind"),
        _text("cursor", optional=True),
        Column("pass", BigInteger, nullable=False),
        Column("running", Boolean, nullable=False),
        *(_time(name, optional=True) for name in ("started_at", "finished_at", "complete_at")),
        _text("error"),
        Column("notes", ARRAY(Text), nullable=False),
        PrimaryKeyConstraint("tenant_id", "connection_id", "kind"),
        to_connection(),
    )
    Table(
        "synced_records",
        metadata,
        _uuid("tenant_id"),
        _uuid("connection_id"),
        *(_text(name) for name in ("kind", "external_id", "record_key", "url", "version")),
        _time("changed_at", optional=True),
        Column("digest", LargeBinary, nullable=False),
        Column("pass", BigInteger, nullable=False),
        _json("record"),
        _json("raw"),
        _time("synced_at"),
        PrimaryKeyConstraint(*record),
        to_connection(),
    )
    Table(
        "sync_problems",
        metadata,
        _uuid("tenant_id"),
        _uuid("connection_id"),
        *(_text(name) for name in ("kind", "external_id", "why")),
        _time("found_at"),
        PrimaryKeyConstraint(*record),
        to_connection(),
    )
    Table(
        "sync_grantees",
        metadata,
        _uuid("tenant_id"),
        _uuid("connection_id"),
        _uuid("group_id"),
        *(_text(name) for name in ("kind", "external_id")),
        PrimaryKeyConstraint("tenant_id", "connection_id", "group_id"),
        to_connection(),
    )


def _triage(metadata: MetaData) -> None:
    Table(
        "triage_models",
        metadata,
        _uuid("tenant_id"),
        _integer("version"),
        _time("trained_at"),
        _text("trained_by"),
        _text("sha256"),
        _json("provenance"),
        Column("weights", LargeBinary, nullable=False),
        PrimaryKeyConstraint("tenant_id", "version"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )


def _agents(metadata: MetaData) -> None:
    tenant = f"{metadata.schema}.tenants.tenant_id"
    money = Column("cost", Numeric(24, 12), nullable=False)
    runs = Table(
        "agent_runs",
        metadata,
        *(_uuid(name) for name in ("tenant_id", "run_id")),
        *(Column(name, Uuid) for name in ("principal_id", "agent_id", "key_id")),
        _text("agent"),
        _json("definition"),
        *(_text(name) for name in ("prompt", "untrusted", "state")),
        Column("tainted", Boolean, nullable=False),
        _integer("epoch"),
        _time("lease_until", optional=True),
        *(_text(name) for name in ("problem", "remedy")),
        _json("output", optional=True),
        *(_integer(name) for name in ("steps", "tool_calls")),
        Column("tokens", BigInteger, nullable=False),
        money,
        Column("seconds", Double, nullable=False),
        _text("correlation_id"),
        _time("started_at"),
        _time("ended_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "run_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
        _to_principal(metadata.schema, "principal_id"),
    )
    Index("agent_runs_newest", runs.c.tenant_id, runs.c.started_at.desc())
    Index(
        "agent_runs_left",
        runs.c.tenant_id,
        runs.c.lease_until,
        postgresql_where=text("state IN ('queued', 'running')"),
    )
    Table(
        "agent_steps",
        metadata,
        *(_uuid(name) for name in ("tenant_id", "run_id")),
        _integer("position"),
        Column("principal_id", Uuid),
        _integer("epoch"),
        *(_text(name) for name in ("kind", "call_id", "tool", "outcome")),
        _json("content"),
        _time("at"),
        PrimaryKeyConstraint("tenant_id", "run_id", "position"),
        _to(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    Table(
        "agent_effects",
        metadata,
        *(_uuid(name) for name in ("tenant_id", "run_id")),
        _text("call_id"),
        Column("principal_id", Uuid),
        _text("tool"),
        _integer("epoch"),
        _text("state"),
        _time("claimed_at"),
        _time("settled_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "run_id", "call_id"),
        _to(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    _proposals(metadata, tenant)


def _proposals(metadata: MetaData, tenant: str) -> None:
    proposals = Table(
        "agent_proposals",
        metadata,
        *(_uuid(name) for name in ("tenant_id", "proposal_id", "run_id")),
        _text("call_id"),
        Column("principal_id", Uuid),
        *(_text(name) for name in ("tool", "kind")),
        *(_json(name) for name in ("arguments", "changes")),
        _json("prepared", optional=True),
        _text("reason"),
        Column("needed", SmallInteger, nullable=False),
        *(_text(name) for name in ("state", "answer")),
        *(_time(name) for name in ("made_at", "expires_at")),
        PrimaryKeyConstraint("tenant_id", "proposal_id"),
        UniqueConstraint("tenant_id", "run_id", "call_id"),
        _to(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    Index(
        "agent_proposals_open",
        proposals.c.tenant_id,
        proposals.c.expires_at,
        postgresql_where=text("state = 'open'"),
    )
    Table(
        "agent_votes",
        metadata,
        *(_uuid(name) for name in ("tenant_id", "proposal_id", "approver_id")),
        *(_text(name) for name in ("verdict", "reason")),
        _time("at"),
        PrimaryKeyConstraint("tenant_id", "proposal_id", "approver_id"),
        _to(metadata.schema, "agent_proposals", "proposal_id", ondelete="CASCADE"),
    )
    Table(
        "agent_switches",
        metadata,
        _uuid("tenant_id"),
        *(_text(name) for name in ("tool", "reason")),
        _time("at"),
        PrimaryKeyConstraint("tenant_id", "tool"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )


def _to_version(schema: str | None, prompt: str) -> ForeignKeyConstraint:
    names = ("tenant_id", "name", "version")
    return ForeignKeyConstraint(
        ["tenant_id", prompt, "version"], [f"{schema}.prompt_versions.{name}" for name in names]
    )


def _to(schema: str | None, table: str, column: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{schema}.{table}.tenant_id", f"{schema}.{table}.{column}"],
        ondelete=ondelete,
    )


def _to_principal(schema: str | None, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{schema}.principals.tenant_id", f"{schema}.principals.principal_id"],
        ondelete="CASCADE",
    )
