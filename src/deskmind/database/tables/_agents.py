"""Runs of agents and what they propose."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
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
    to_principal,
    to_table,
    uuid_column,
)

__all__ = ["describe_agents"]


def describe_agents(metadata: MetaData) -> None:
    tenant = f"{metadata.schema}.tenants.tenant_id"
    money = Column("cost", Numeric(24, 12), nullable=False)
    runs = Table(
        "agent_runs",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "run_id")),
        *(Column(name, Uuid) for name in ("principal_id", "agent_id", "key_id")),
        text_column("agent"),
        json_column("definition"),
        *(text_column(name) for name in ("prompt", "untrusted", "state")),
        Column("tainted", Boolean, nullable=False),
        integer_column("epoch"),
        time_column("lease_until", optional=True),
        *(text_column(name) for name in ("problem", "remedy")),
        json_column("output", optional=True),
        *(integer_column(name) for name in ("steps", "tool_calls")),
        Column("tokens", BigInteger, nullable=False),
        money,
        Column("seconds", Double, nullable=False),
        text_column("correlation_id"),
        time_column("started_at"),
        time_column("ended_at", optional=True),
        text_column("kind"),
        integer_column("workflow_version"),
        *(Column(name, Uuid) for name in ("parent_id", "forked_from")),
        time_column("wake_at", optional=True),
        *(Column(name, Boolean, nullable=False) for name in ("pausing", "undoing")),
        time_column("wanted_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "run_id"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
        to_principal(metadata.schema, "principal_id"),
    )
    Index("agent_runs_newest", runs.c.tenant_id, runs.c.started_at.desc())
    Index(
        "agent_runs_left",
        runs.c.tenant_id,
        runs.c.lease_until,
        postgresql_where=text("state IN ('queued', 'running')"),
    )
    Index(
        "agent_runs_children",
        runs.c.tenant_id,
        runs.c.parent_id,
        postgresql_where=text("parent_id IS NOT NULL"),
    )
    Index(
        "agent_runs_wanted",
        runs.c.tenant_id,
        runs.c.wanted_at,
        postgresql_where=text("wanted_at IS NOT NULL"),
    )
    Index("agent_runs_waking", runs.c.tenant_id, runs.c.wake_at, postgresql_where=text("wake_at IS NOT NULL"))
    Table(
        "agent_steps",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "run_id")),
        integer_column("position"),
        Column("principal_id", Uuid),
        integer_column("epoch"),
        *(text_column(name) for name in ("kind", "call_id", "tool", "outcome")),
        json_column("content"),
        time_column("at"),
        PrimaryKeyConstraint("tenant_id", "run_id", "position"),
        to_table(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    Table(
        "agent_effects",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "run_id")),
        text_column("call_id"),
        Column("principal_id", Uuid),
        text_column("tool"),
        integer_column("epoch"),
        text_column("state"),
        time_column("claimed_at"),
        time_column("settled_at", optional=True),
        json_column("prepared", optional=True),
        PrimaryKeyConstraint("tenant_id", "run_id", "call_id"),
        to_table(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    _proposals(metadata, tenant)


def _proposals(metadata: MetaData, tenant: str) -> None:
    proposals = Table(
        "agent_proposals",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "proposal_id", "run_id")),
        text_column("call_id"),
        Column("principal_id", Uuid),
        *(text_column(name) for name in ("tool", "kind")),
        *(json_column(name) for name in ("arguments", "changes")),
        json_column("prepared", optional=True),
        text_column("reason"),
        Column("needed", SmallInteger, nullable=False),
        *(text_column(name) for name in ("state", "answer")),
        *(time_column(name) for name in ("made_at", "expires_at")),
        integer_column("revision"),
        json_column("edits"),
        *(time_column(name, optional=True) for name in ("escalates_at", "escalated_at")),
        PrimaryKeyConstraint("tenant_id", "proposal_id"),
        UniqueConstraint("tenant_id", "run_id", "call_id"),
        to_table(metadata.schema, "agent_runs", "run_id", ondelete="CASCADE"),
    )
    Index(
        "agent_proposals_open",
        proposals.c.tenant_id,
        proposals.c.expires_at,
        postgresql_where=text("state = 'open'"),
    )
    Index(
        "agent_proposals_escalating",
        proposals.c.tenant_id,
        proposals.c.escalates_at,
        postgresql_where=text("state = 'open' AND escalated_at IS NULL"),
    )
    Table(
        "agent_votes",
        metadata,
        *(uuid_column(name) for name in ("tenant_id", "proposal_id", "approver_id")),
        *(text_column(name) for name in ("verdict", "reason")),
        time_column("at"),
        integer_column("revision"),
        PrimaryKeyConstraint("tenant_id", "proposal_id", "revision", "approver_id"),
        to_table(metadata.schema, "agent_proposals", "proposal_id", ondelete="CASCADE"),
    )
    Table(
        "agent_switches",
        metadata,
        uuid_column("tenant_id"),
        *(text_column(name) for name in ("tool", "reason")),
        time_column("at"),
        PrimaryKeyConstraint("tenant_id", "tool"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
    )
    _blocks(metadata, tenant)


def _blocks(metadata: MetaData, tenant: str) -> None:
    Table(
        "agent_blocks",
        metadata,
        uuid_column("tenant_id"),
        *(text_column(name) for name in ("kind", "subject")),
        time_column("at"),
        Column("principal_id", Uuid),
        *(text_column(name) for name in ("tool", "agent", "reason")),
        time_column("until", optional=True),
        PrimaryKeyConstraint("tenant_id", "kind", "subject", "at"),
        ForeignKeyConstraint(["tenant_id"], [tenant], ondelete="CASCADE"),
        to_principal(metadata.schema, "principal_id"),
    )
