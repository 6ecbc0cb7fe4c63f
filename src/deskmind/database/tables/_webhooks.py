"""Webhooks, the events they want and the deliveries."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from deskmind.database.tables._columns import (
    integer_column,
    text_column,
    time_column,
    to_table,
    uuid_column,
)

__all__ = ["describe_webhooks"]


def describe_webhooks(metadata: MetaData) -> None:
    tenant = f"{metadata.schema}.tenants.tenant_id"
    Table(
        "webhooks",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "webhook_id")),
        text_column("url"),
        Column("types", ARRAY(Text), nullable=False),
        text_column("description"),
        Column("active", Boolean, nullable=False),
        text_column("disabled_because"),
        Column("sealed", LargeBinary, nullable=False),
        Column("old_sealed", LargeBinary),
        time_column("old_until", optional=True),
        integer_column("failures"),
        *(time_column(name, optional=True) for name in ("failing_since", "resume_at")),
        *(time_column(name) for name in ("created_at", "changed_at")),
        PrimaryKeyConstraint("tenant_id", "webhook_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    events = Table(
        "webhook_events",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "event_id")),
        *(text_column(name) for name in ("type", "body")),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "event_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    Index("webhook_events_age", events.c.tenant_id, events.c.created_at)
    _deliveries(metadata)


def _deliveries(metadata: MetaData) -> None:
    deliveries = Table(
        "webhook_deliveries",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "delivery_id", "webhook_id", "event_id")),
        text_column("state"),
        *(integer_column(name) for name in ("attempts", "tries")),
        *(time_column(name) for name in ("due_at", "wanted_at")),
        Column("status", SmallInteger),
        text_column("problem"),
        Column("milliseconds", Integer),
        *(time_column(name, optional=True) for name in ("attempted_at", "settled_at")),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "delivery_id"),
        UniqueConstraint("tenant_id", "event_id", "webhook_id", name="webhook_deliveries_once"),
        to_table(metadata.schema, "webhooks", "webhook_id", ondelete="CASCADE"),
        to_table(metadata.schema, "webhook_events", "event_id", ondelete="CASCADE"),
    )
    of = (deliveries.c.tenant_id, deliveries.c.webhook_id)
    Index("webhook_deliveries_due", *of, deliveries.c.due_at, postgresql_where=text("state = 'pending'"))
    Index("webhook_deliveries_dead", *of, deliveries.c.settled_at, postgresql_where=text("state = 'dead'"))
    Index("webhook_deliveries_newest", *of, deliveries.c.created_at, deliveries.c.delivery_id)
