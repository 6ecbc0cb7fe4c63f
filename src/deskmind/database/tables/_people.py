"""The installation, its tenants, who acts in them, and what they may."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
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

__all__ = [
    "describe_access",
    "describe_grants",
    "describe_installation",
    "describe_principals",
    "describe_request_keys",
]


def describe_installation(metadata: MetaData) -> None:
    Table(
        "release",
        metadata,
        Column("only_row", Boolean, primary_key=True),
        text_column("min_compatible_release"),
    )
    Table(
        "scope_keys",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("inner_pad", LargeBinary, nullable=False),
        Column("outer_pad", LargeBinary, nullable=False),
        time_column("created_at"),
        time_column("retired_at", optional=True),
    )
    Table(
        "embedding_spaces",
        metadata,
        Column("name", Text, primary_key=True),
        text_column("model"),
        integer_column("dimensions"),
        text_column("fingerprint"),
        time_column("created_at"),
    )
    Table("closed_accounts", metadata, Column("account_id", Uuid, primary_key=True), time_column("closed_at"))
    counts = ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "unpriced_calls")
    Table(
        "closed_account_usage",
        metadata,
        uuid_column("account_id"),
        Column("month", Date, nullable=False),
        text_column("model"),
        text_column("deployment"),
        *(Column(name, BigInteger, nullable=False) for name in counts),
        Column("cost", Numeric(24, 12), nullable=False),
        PrimaryKeyConstraint("account_id", "month", "model", "deployment"),
        ForeignKeyConstraint(["account_id"], [f"{metadata.schema}.closed_accounts.account_id"]),
    )


def describe_principals(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "tenants",
        metadata,
        Column("tenant_id", Uuid, primary_key=True),
        text_column("slug"),
        text_column("name"),
        time_column("created_at"),
        UniqueConstraint("slug", name="tenants_slug_key"),
    )
    Table(
        "principals",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("principal_id"),
        text_column("kind"),
        text_column("name"),
        text_column("display_name"),
        text_column("role"),
        time_column("created_at"),
        time_column("disabled_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "principal_id"),
        UniqueConstraint("tenant_id", "kind", "name", name="principals_name_key"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "memberships",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("group_id"),
        uuid_column("member_id"),
        PrimaryKeyConstraint("tenant_id", "group_id", "member_id"),
        to_principal(schema, "group_id"),
        to_principal(schema, "member_id"),
        Index("memberships_member", "tenant_id", "member_id"),
    )
    Table(
        "api_keys",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("key_id"),
        uuid_column("principal_id"),
        text_column("name"),
        Column("mac", LargeBinary, nullable=False),
        integer_column("mac_version"),
        time_column("created_at"),
        time_column("expires_at", optional=True),
        time_column("revoked_at", optional=True),
        time_column("last_used_at", optional=True),
        Column("restricted", Boolean, nullable=False),
        time_column("rotated_at", optional=True),
        Column("previous_mac", LargeBinary),
        Column("previous_mac_version", Integer),
        time_column("previous_until", optional=True),
        PrimaryKeyConstraint("tenant_id", "key_id"),
        to_principal(schema, "principal_id"),
        Index("api_keys_principal", "tenant_id", "principal_id"),
    )


def describe_access(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "acls",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("acl_id"),
        Column("clauses", SmallInteger, nullable=False),
        time_column("created_at"),
        PrimaryKeyConstraint("tenant_id", "acl_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
    )
    Table(
        "acl_members",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("principal_id"),
        uuid_column("acl_id"),
        Column("clause", SmallInteger, nullable=False),
        PrimaryKeyConstraint("tenant_id", "principal_id", "acl_id", "clause"),
        to_table(schema, "acls", "acl_id", ondelete="CASCADE"),
        Index("acl_members_acl", "tenant_id", "acl_id"),
    )
    Table(
        "audit_events",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("event_id"),
        time_column("occurred_at"),
        Column("principal_id", Uuid, nullable=True),
        text_column("principal"),
        text_column("action"),
        text_column("resource"),
        text_column("outcome"),
        text_column("correlation_id"),
        json_column("details"),
        Column("form", SmallInteger, nullable=False),
        Column("subject", Uuid, nullable=True),
        Column("personal", LargeBinary, nullable=True),
        Column("about", Uuid, nullable=True),
        Column("about_personal", LargeBinary, nullable=True),
        text_column("decision"),
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
        uuid_column("tenant_id"),
        uuid_column("key_id"),
        Column("mark", LargeBinary, nullable=True),
        Column("principal_id", Uuid, nullable=True),
        Column("wrapped", LargeBinary, nullable=True),
        integer_column("ring_version"),
        time_column("created_at"),
        time_column("destroyed_at", optional=True),
        PrimaryKeyConstraint("tenant_id", "key_id"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        Index("audit_subjects_mark", "tenant_id", "mark"),
        Index("audit_subjects_principal", "tenant_id", "principal_id"),
    )
    Table(
        "audit_witnessed",
        metadata,
        uuid_column("tenant_id"),
        text_column("witness"),
        Column("size", BigInteger, nullable=False),
        time_column("kept_at"),
        PrimaryKeyConstraint("tenant_id", "witness"),
    )
    Table(
        "audit_calls_due",
        metadata,
        uuid_column("tenant_id"),
        time_column("started_at"),
        uuid_column("call_id"),
        PrimaryKeyConstraint("tenant_id", "started_at", "call_id"),
    )
    Table(
        "audit_checkpoints",
        metadata,
        uuid_column("tenant_id"),
        Column("size", BigInteger, nullable=False),
        Column("root", LargeBinary, nullable=False),
        Column("peaks", LargeBinary, nullable=False),
        time_column("signed_at"),
        text_column("public_key"),
        text_column("note"),
        PrimaryKeyConstraint("tenant_id", "size"),
    )


def describe_grants(metadata: MetaData) -> None:
    schema = metadata.schema
    to_tenant = [f"{schema}.tenants.tenant_id"]
    Table(
        "access_roles",
        metadata,
        uuid_column("tenant_id"),
        text_column("name"),
        Column("permissions", ARRAY(Text), nullable=False),
        text_column("description"),
        time_column("changed_at"),
        PrimaryKeyConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], to_tenant, ondelete="CASCADE"),
    )
    Table(
        "access_grants",
        metadata,
        uuid_column("tenant_id"),
        uuid_column("grant_id"),
        text_column("role"),
        Column("principal_id", Uuid, nullable=True),
        Column("key_id", Uuid, nullable=True),
        text_column("reason"),
        time_column("granted_at"),
        uuid_column("granted_by"),
        time_column("until", optional=True),
        time_column("revoked_at", optional=True),
        Column("revoked_by", Uuid, nullable=True),
        PrimaryKeyConstraint("tenant_id", "grant_id"),
        to_principal(schema, "principal_id"),
        to_table(schema, "api_keys", "key_id", ondelete="CASCADE"),
        Index("access_grants_principal", "tenant_id", "principal_id"),
        Index("access_grants_key", "tenant_id", "key_id"),
    )
    Table(
        "access_policies",
        metadata,
        uuid_column("tenant_id"),
        integer_column("version"),
        text_column("text"),
        time_column("saved_at"),
        uuid_column("saved_by"),
        PrimaryKeyConstraint("tenant_id", "version"),
        ForeignKeyConstraint(["tenant_id"], to_tenant, ondelete="CASCADE"),
    )
    Table(
        "access_versions",
        metadata,
        Column("tenant_id", Uuid, primary_key=True),
        uuid_column("version"),
        ForeignKeyConstraint(["tenant_id"], to_tenant, ondelete="CASCADE"),
    )


def describe_request_keys(metadata: MetaData) -> None:
    schema = metadata.schema
    Table(
        "request_keys",
        metadata,
        uuid_column("tenant_id"),
        Column("digest", LargeBinary, nullable=False),
        Column("principal_id", Uuid, nullable=True),
        Column("fingerprint", LargeBinary, nullable=False),
        uuid_column("claim"),
        time_column("lease_until"),
        Column("acted", Boolean, nullable=False),
        Column("status", SmallInteger, nullable=True),
        Column("response", LargeBinary, nullable=True),
        time_column("expires_at"),
        PrimaryKeyConstraint("tenant_id", "digest"),
        ForeignKeyConstraint(["tenant_id"], [f"{schema}.tenants.tenant_id"], ondelete="CASCADE"),
        to_principal(schema, "principal_id"),
        Index("request_keys_principal", "tenant_id", "principal_id"),
        Index("request_keys_expiry", "tenant_id", "expires_at"),
    )
