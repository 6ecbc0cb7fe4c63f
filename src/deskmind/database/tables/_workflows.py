"""Steps of workflows' runs, and what begins them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
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

__all__ = ["describe_workflows"]


def describe_workflows(metadata: MetaData) -> None:
    Table(
        "workflow_steps",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "run_id")),
        text_column("path"),
        Column("principal_id", Uuid),
        integer_column("epoch"),
        *(text_column(name) for name in ("name", "kind", "state")),
        integer_column("attempts"),
        Column("child_id", Uuid),
        json_column("value", optional=True),
        *(text_column(name) for name in ("problem", "reason")),
        time_column("began_at"),
        time_column("ended_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "run_id", "path"),
        to_table(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    _schedules(metadata)


def _schedules(metadata: MetaData) -> None:
    tenant = f"{metadata.schema}.tenants.tenant_id"
    schedules = Table(
        "workflow_schedules",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "schedule_id")),
        text_column("name"),
        Column("principal_id", Uuid),
        text_column("workflow"),
        json_column("input"),
        *(text_column(name) for name in ("event", "cron", "zone")),
        Column("connection_id", Uuid),
        integer_column("minutes"),
        Column("enabled", Boolean, nullable=False),
        time_column("next_at", optional=True),
        time_column("seen_at"),
        text_column("problem"),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "schedule_id"),
        UniqueConstraint("tenant_id", "name", name="workflow_schedules_name_key"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
        to_principal(metadata.schema, "principal_id"),
        to_table(metadata.schema, "connections", "connection_id", ondelete="CASCADE"),
    )
    Index("workflow_schedules_principal", schedules.c.tenant_id, schedules.c.principal_id)
    Index("workflow_schedules_connection", schedules.c.tenant_id, schedules.c.connection_id)
    Table(
        "workflow_firings",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "schedule_id")),
        text_column("event_key"),
        uuid_column("run_id"),
        time_column("at"),
        PrimaryKeyConstraint("tenant_id", "schedule_id", "event_key"),
        to_table(metadata.schema, "workflow_schedules", "schedule_id", ondelete="CASCADE"),
    )
