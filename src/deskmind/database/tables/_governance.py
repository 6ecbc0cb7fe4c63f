"""Stories of requests, privacy and redaction."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from deskmind.database.tables._columns import (
    integer_column,
    json_column,
    text_column,
    time_column,
    uuid_column,
)

__all__ = ["describe_explain", "describe_privacy", "describe_redaction"]


def describe_explain(metadata: MetaData) -> None:
    answer = ("mode", "prompt", "experiment", "variant")
    Table(
        "request_stories",
        metadata,
        uuid_column("tenant_id"),
        time_column("began_at"),
        uuid_column("story_id"),
        uuid_column("principal_id"),
        text_column("request_id"),
        text_column("kind"),
        text_column("operation"),
        text_column("error"),
        Column("seconds", Double, nullable=False),
        Column("found", Boolean),
        Column("confidence", Double),
        *(text_column(name, optional=True) for name in answer),
        Column("prompt_version", Integer),
        Column("documents", ARRAY(Uuid), nullable=False),
        Column("groups", ARRAY(Uuid), nullable=False),
        text_column("question"),
        json_column("told"),
        PrimaryKeyConstraint("tenant_id", "began_at", "story_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("request_stories_request", "tenant_id", "request_id"),
        Index("request_stories_principal", "tenant_id", "principal_id", "began_at"),
    )
    Table(
        "feedback",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("principal_id"),
        text_column("request_id"),
        uuid_column("feedback_id"),
        text_column("rating"),
        text_column("reason"),
        text_column("correction"),
        time_column("given_at"),
        integer_column("revisions"),
        time_column("answered_at"),
        Column("found", Boolean, nullable=False),
        *(text_column(name, optional=True) for name in answer),
        Column("prompt_version", Integer),
        Column("documents", ARRAY(Uuid), nullable=False),
        Column("groups", ARRAY(Uuid), nullable=False),
        PrimaryKeyConstraint("tenant_id", "principal_id", "request_id"),
        UniqueConstraint("tenant_id", "feedback_id", name="feedback_id_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{metadata.schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("feedback_given", "tenant_id", "given_at"),
    )


def describe_privacy(metadata: MetaData) -> None:
    tenant = f"{metadata.schema}.tenants.tenant_id"
    Table(
        "privacy_erasures",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("erasure_id"),
        Column("subject_mark", LargeBinary, nullable=False),
        integer_column("mark_version"),
        text_column("owned"),
        text_column("state"),
        Column("sealed", LargeBinary),
        json_column("counts"),
        Column("replays", Uuid),
        time_column("requested_at"),
        time_column("completed_at", optional=True),
        text_column("receipt"),
        PrimaryKeyConstraint("tenant_id", "erasure_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
        Index("privacy_erasures_waiting", "tenant_id", postgresql_where=text("state = 'waiting'")),
    )
    Table(
        "privacy_marks",
        metadata,
        uuid_column("tenant_id"),
        Column("mark", LargeBinary, nullable=False),
        integer_column("mark_version"),
        Column("words", SmallInteger, nullable=False),
        uuid_column("erasure_id"),
        PrimaryKeyConstraint("tenant_id", "mark"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    Table(
        "privacy_holds",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("hold_id"),
        Column("principal_id", Uuid),
        Column("marks", ARRAY(LargeBinary), nullable=False),
        text_column("reason"),
        time_column("placed_at"),
        time_column("released_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "hold_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    Table(
        "privacy_retention",
        metadata,
        uuid_column("tenant_id"),
        text_column("store"),
        integer_column("days"),
        time_column("ran_at"),
        Column("removed", BigInteger, nullable=False),
        PrimaryKeyConstraint("tenant_id", "store"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )


def describe_redaction(metadata: MetaData) -> None:
    own = [f"{metadata.schema}.tenants.tenant_id"]
    Table(
        "redaction_patterns",
        metadata,
        uuid_column("tenant_id"),
        *(text_column(name) for name in ("name", "regex", "type")),
        Column("score", Double, nullable=False),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], own, ondelete="CASCADE"),
    )
    Table(
        "redaction_actions",
        metadata,
        uuid_column("tenant_id"),
        *(text_column(name) for name in ("type", "action")),
        PrimaryKeyConstraint("tenant_id", "type"),
        ForeignKeyConstraint(["tenant_id"], own, ondelete="CASCADE"),
    )
    Table(
        "directory_entries",
        metadata,
        uuid_column("tenant_id"),
        *(text_column(name) for name in ("source", "type", "value")),
        PrimaryKeyConstraint("tenant_id", "source", "type", "value"),
        ForeignKeyConstraint(["tenant_id"], own, ondelete="CASCADE"),
    )
