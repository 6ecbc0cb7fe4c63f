"""Configuration: one frozen tree, read from ``deskmind.toml`` and ``DESKMIND_*`` variables.

Order of precedence: keyword arguments, environment, the file, defaults. Nested values are written
``DESKMIND_DATABASE_URL`` for ``[database] url``. OpenTelemetry's standard variables come after ours. Nothing else in
Deskmind reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from deskmind.errors import ConfigurationError

__all__ = [
    "AnswerSettings",
    "ApiSettings",
    "AuditSettings",
    "BudgetSettings",
    "ControllerSettings",
    "DatabaseSettings",
    "DefaultsSettings",
    "EvidenceSettings",
    "ExplainSettings",
    "GatewaySettings",
    "IngestSettings",
    "JobsSettings",
    "KnowledgeSettings",
    "LimitsSettings",
    "LogSettings",
    "McpSettings",
    "OidcSettings",
    "RedactionPattern",
    "RedactionSettings",
    "RedisSettings",
    "ReleaseSettings",
    "Settings",
    "TelemetrySettings",
    "WebhooksSettings",
    "load_settings",
]

_IDENTIFIER = r"^[a-z][a-z0-9_]{0,30}$"
_HTTP_URL = r"^https?://[^\s]+$"
_SCOPE = r"^[!#-\[\]-~]+$"  # RFC 6749


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Section):
    """``[database]``: where PostgreSQL is and how we use it. Without ``url`` the embedded server runs."""

    url: SecretStr | None = None
    owner_url: SecretStr | None = None
    name: str = Field("deskmind", pattern=_IDENTIFIER, description="database in the embedded server")
    schema_name: str = Field("deskmind", pattern=_IDENTIFIER)
    role_prefix: str = Field("deskmind", pattern=_IDENTIFIER)
    pool_min: int = Field(1, ge=0, le=100)
    pool_max: int = Field(10, ge=1, le=500)
    pool_timeout: float = Field(10.0, gt=0, description="seconds to wait for a free connection")
    connect_timeout: int = Field(10, ge=1, description="seconds")
    statement_timeout: float = Field(30.0, gt=0, description="seconds")
    startup_timeout: float = Field(
        60.0, gt=0, le=86_400, description="seconds to wait for the embedded server"
    )
    auto_migrate: bool | None = Field(None, description="default: only for the embedded server")


class KnowledgeSettings(_Section):
    """``[knowledge]``: embedding and retrieval."""

    embedder: Literal["local", "hashing", "none"] = "local"
    weights: Path | None = None
    cache_folder: Path | None = None
    embedder_threads: int | None = Field(None, ge=1)
    max_question_chars: int = Field(4_000, ge=16, le=100_000)
    candidates: int = Field(50, ge=10, le=500)
    remember_seconds: float = Field(3_600.0, ge=0, description="how long rankings are kept; 0 keeps none")


class AnswerSettings(_Section):
    """``[answer]``: what is said and when it is not."""

    threshold: float | None = Field(None, ge=0, le=1, description="confidence below which we decline")
    passages: int = Field(12, ge=1, le=50)
    model: str | None = Field(None, description="the model that words answers; extractive without one")
    max_tokens: int = Field(600, ge=16, description="bound on a generated answer")
    context_tokens: int = Field(
        12_000, ge=256, description="bound on a request with its reply; less where the model takes less"
    )
    remember: bool = Field(True, description="answer a paraphrase from what a model worded before")
    remember_seconds: float = Field(86_400.0, gt=0, description="how long a worded answer is remembered")


class IngestSettings(_Section):
    """``[ingest]``: limits on what is taken in."""

    max_file_bytes: int = Field(50 * 2**20, ge=1)
    max_unpacked_bytes: int = Field(200 * 2**20, ge=1)
    max_text_chars: int = Field(5_000_000, ge=1)


class JobsSettings(_Section):
    """``[jobs]``: background work."""

    concurrency: int = Field(2, ge=1, le=1000)
    shutdown_timeout: float = Field(30.0, gt=0, description="seconds to finish running jobs on SIGTERM")
    stalled_after: float = Field(8.0, gt=0, description="seconds without a worker's heartbeat")


class ApiSettings(_Section):
    """``[api]``: the HTTP service."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=64)
    max_body_bytes: int = Field(64 * 2**20, ge=1024)
    embedded_worker: bool = Field(True, description="run jobs inside the first API process")
    request_seconds: float = Field(120.0, gt=0, le=3600, description="until a response must have begun")
    compress_from: int = Field(
        1024, ge=0, description="bytes of a response from which it is compressed; 0 for never"
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="pages that may call from a browser; none unless named"
    )
    resume_seconds: float = Field(
        10.0,
        ge=0,
        le=600,
        description="an answer's stream is kept without its reader; 0 to end with the reader",
    )
    operator_tenants: tuple[str, ...] = Field(
        (), description="whose owners' keys open /v1/tenants: they list, create and erase tenants"
    )
    idempotency_hours: float = Field(
        24.0, gt=0, le=720, description="how long a response is given again to the same Idempotency-Key"
    )
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1", "::1"),
        description="addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed; * for all",
    )
    claim_seconds: float = Field(
        10.0, gt=0, le=300, description="until a request whose process died may be tried again under its key"
    )
    keep_alive_seconds: int = Field(
        75, ge=1, le=3600, description="until a connection without a request is closed"
    )
    drain_seconds: float = Field(
        2.0, ge=0, le=300, description="of serving on after SIGTERM, not ready, closing each connection"
    )
    key: SecretStr | None = Field(None, description="what commands act with on `server`")
    key_file: Path | None = Field(None, description="a file with it, which only its owner may read")
    insecure: bool = Field(
        False, description="send it over plain HTTP to another machine, too, where others may read it"
    )
    private_connections: bool = Field(
        False, description="connections that are added over HTTP may reach private addresses"
    )


_Signing = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class OidcSettings(_Section):
    """``[oidc]``: bearer tokens of an identity provider (OpenID Connect) beside API keys."""

    issuer: str | None = Field(
        None, pattern=_HTTP_URL, description="whose tokens are taken; without it none are"
    )
    audience: str = Field("deskmind", min_length=1, description="what a token must be meant for")
    algorithms: tuple[_Signing, ...] = Field(("RS256", "ES256"), min_length=1)
    leeway_seconds: float = Field(30.0, ge=0, le=300, description="how much clocks may differ")
    keys_seconds: float = Field(3600.0, ge=10, description="how long the issuer's keys are believed")
    tenant: str | None = Field(None, description="every user's tenant")
    tenant_claim: str | None = Field(None, description="the claim that names it, where there are several")
    tenants: dict[str, str] = Field(default_factory=dict, description="tenant by the claim's value")
    user_claim: str = Field("sub", min_length=1, description="the claim that is the user's name here")
    groups_claim: str = Field("groups", min_length=1)
    groups: dict[str, str] = Field(default_factory=dict, description="group by the claim's value")
    provision: bool = Field(False, description="add users that are not known yet")


class LimitsSettings(_Section):
    """``[limits]``: how many requests the HTTP service admits."""

    rates: dict[str, str] = Field(
        default_factory=dict,
        description="such as 600/minute, by tenant, user, key, also of a class: user:models",
    )
    concurrent: int = Field(0, ge=0, description="requests at once in one process; 0 for no limit")
    streams: int = Field(
        1000, ge=0, description="streams that only wait, at once in one process; 0 for no limit"
    )
    refused: str = Field(
        "120/minute", description="keys and tokens that are not valid, from one address; empty for no limit"
    )


class McpSettings(_Section):
    """``[mcp]``: the Model Context Protocol at ``/mcp``."""

    enabled: bool = Field(True, description="served where the extra mcp is installed")
    allow_writes: bool = Field(False, description="offer the tools that change something")
    allow_sampling: bool = Field(False, description="offer the tools that ask the client's own model")
    url: str | None = Field(
        None, pattern=_HTTP_URL, description="the endpoint as clients reach it; tokens must be meant for it"
    )
    read_scope: str = Field("deskmind:read", pattern=_SCOPE, description="scope of a token that may read")
    write_scope: str = Field(
        "deskmind:write", pattern=_SCOPE, description="scope of a token that may do what its user may"
    )
    session_seconds: float = Field(
        1800.0, ge=0, le=86400, description="quiet after which a session ends; 0 keeps none"
    )
    max_sessions: int = Field(1000, ge=1, description="sessions in one process")
    foreign_sessions: Literal["auto", "answer", "404"] = Field(
        "auto",
        description="messages of sessions that another process opened, or that are over; auto answers where api.workers is above 1",
    )
    answer_seconds: float = Field(300.0, gt=0, le=3600, description="that a person has to answer a question")
    watch_seconds: float = Field(5.0, ge=0.05, le=300, description="between two looks at watched resources")
    origins: tuple[str, ...] = Field((), description="pages that may send messages, besides this machine's")


class LogSettings(_Section):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class TelemetrySettings(_Section):
    """``[telemetry]``: what is told to whom about the service."""

    service_name: str = Field("deskmind", min_length=1, max_length=200)
    protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"
    endpoint: str | None = Field(
        None, pattern=_HTTP_URL, description="the collector; default: on this machine"
    )
    headers: SecretStr | None = Field(None, description="name=value,name=value sent with every export")
    timeout: float = Field(5.0, gt=0, le=60, description="seconds one export may take")
    interval: float = Field(1.0, gt=0, le=60, description="seconds that spans gather before they are sent")
    traces: Literal["none", "console", "otlp"] = "none"
    traces_endpoint: str | None = Field(None, pattern=_HTTP_URL, description="full address for traces alone")
    sample_ratio: float = Field(1.0, ge=0, le=1, description="share of traces kept whatever they show")
    slow_seconds: float = Field(2.0, ge=0, description="a trace whose root takes longer is kept")
    accept_parent: bool = Field(True, description="continue the trace that a request's traceparent names")
    propagate: bool = Field(True, description="send traceparent with calls of model providers")
    capture_content: bool = Field(False, description="redacted questions, prompts and replies on spans")
    metrics: Literal["none", "prometheus", "otlp", "both"] = "prometheus"
    metrics_host: str = Field("127.0.0.1", description="where metrics_port listens")
    metrics_port: int = Field(9464, ge=0, le=65535, description="/metrics without a key; 0 for none")
    metrics_folder: Path | None = Field(None, description="shared by the processes that are shown together")
    metrics_tenants: tuple[str, ...] = Field((), description="whose operators' keys open /metrics of the API")
    metrics_endpoint: str | None = Field(
        None, pattern=_HTTP_URL, description="full address for metrics alone"
    )
    metrics_poll_seconds: float = Field(15.0, ge=1, description="between questions to the database")
    metrics_export_seconds: float = Field(60.0, ge=1, description="between exports by OTLP")
    tenant_label: Literal["off", "id", "top"] = Field("top", description="on the cost")
    tenant_top: int = Field(20, ge=1, le=1000, description="tenants with a series of their own")
    features: tuple[str, ...] = Field((), description="further features with a series of their own")


class RedisSettings(_Section):
    """``[redis]``: the cache that processes share. Without ``url`` each process has its own."""

    url: SecretStr | None = Field(None, description="redis://, rediss:// or unix://; Valkey or Redis 7")


class GatewaySettings(_Section):
    """``[gateway]``: how model calls are booked."""

    journal: Path | None = Field(None, description="folder of the journal of intents; default: in the home")
    durability: Literal["disk", "process"] = Field("disk", description="what an intent survives")
    flush_seconds: float = Field(0.2, gt=0, le=60, description="seconds between batches of the ledger")
    connections: int = Field(0, ge=0, description="at most this many to one provider; 0 for no limit")


class BudgetSettings(_Section):
    """``[budgets.NAME]``: a limit of the whole installation; tenants have their own in the database."""

    window: Literal["minute", "day", "month"]
    usd: Decimal | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)
    per: tuple[Literal["tenant", "user", "key", "feature", "model"], ...] = ()
    feature: str | None = None
    model: str | None = None


class ExplainSettings(_Section):
    """``[explain]``: the stories that ``deskmind explain`` tells."""

    enabled: bool = Field(True, description="whether requests leave a story")
    keep_days: int = Field(30, ge=1, le=365, description="days until a story is dropped")
    keep_questions: bool = Field(False, description="whether a story holds the question's text")
    flush_seconds: float = Field(0.5, gt=0, le=60, description="seconds between batches of stories")


class RedactionPattern(_Section):
    """``[redaction.patterns.NAME]``: the form of an identifier of one's own."""

    regex: str = Field(min_length=1)
    type: str = "EMPLOYEE_ID"
    score: float = Field(0.9, ge=0, le=1)


class RedactionSettings(_Section):
    """``[redaction]``: what a model must not see."""

    enabled: bool = Field(True, description="redact what goes to models outside this machine")
    local_models: bool = Field(False, description="redact what goes to models on this machine too")
    actions: dict[str, str] = Field(default_factory=dict, description="by type, where not the default")
    default: Literal["placeholder", "mask", "hash", "allow", "block"] = "placeholder"
    least: float = Field(0.4, ge=0, le=1, description="findings below this score are left alone")
    patterns: dict[str, RedactionPattern] = Field(default_factory=dict)
    ingest: bool = Field(False, description="mask texts before they are stored and embedded")
    ner: bool = Field(False, description="look for names with a model as well (extra ner)")
    ner_model: Path | None = Field(
        None, description="folder of that model's files, where no package carries them"
    )
    refresh_seconds: float = Field(
        2.0,
        ge=0,
        le=300,
        description="how old what a tenant has said elsewhere may be; 0 asks with every request",
    )


class AuditSettings(_Section):
    """``[audit]``: sealing the audit log."""

    seal: bool = Field(True, description="whether services and workers seal")
    seal_seconds: float = Field(10.0, gt=0, le=3600, description="seconds between seals")
    max_seal_lag: float = Field(300.0, gt=0, description="seconds an event may wait before readiness says so")
    keyring: Path | None = Field(
        None, description="the sealer's keyring; audit-keyring.json in home by default"
    )
    checkpoints: Path | None = Field(None, description="folder, elsewhere, to which checkpoints are written")
    witness_url: str | None = Field(None, description="where checkpoints are posted")
    witness_hosts: tuple[str, ...] = Field((), description="hosts that checkpoints may be posted to")
    witness_token: SecretStr | None = Field(None, description="sent to the witness as a bearer token")
    witness_seconds: float = Field(
        60.0, gt=0, le=86400, description="seconds between rounds to the witnesses"
    )
    max_witness_lag: float = Field(
        3600.0, gt=0, description="seconds a checkpoint may not be kept elsewhere before readiness says so"
    )


class ApprovalRule(BaseModel):
    """One entry of ``agents.approvals``: who must approve a write of a tool, or of one of its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = "*"
    field: str = "*"
    approval: Literal["auto", "one", "two", "never"]
    risk: Literal["low", "medium", "high"] = "low"
    hours: tuple[time, time] | None = None
    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    confidence: float = Field(0.0, ge=0, le=1)


class DiagnosticCommand(BaseModel):
    """One entry of ``agents.diagnostics``: a command without a shell; ``{name}`` in it is a parameter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = Field(min_length=1)
    parameters: dict[str, str] = Field(
        default_factory=dict, description="by name, the expression that a value must match whole"
    )
    seconds: float = Field(20.0, gt=0, le=300)
    shown: Literal["everyone", "user"] = "everyone"


class MailSettings(BaseModel):
    """``[agents.mail]``: how agents send mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    sender: str
    user: str = ""
    password: SecretStr = SecretStr("")
    recipients: tuple[str, ...] = Field((), description="addresses, or @domain for all of a domain")


class RememberRule(BaseModel):
    """One entry of ``agents.remember``: texts of an origin that may become memories, for no wider an audience."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Literal["*", "prompt", "output", "untrusted", "tool"] = "*"
    source: str = "*"
    kind: Literal["*", "episodic", "semantic", "procedural"] = "*"
    audience: Literal["user", "group", "tenant"] = "user"


class AgentsSettings(_Section):
    """``[agents]``: runs of agents."""

    lease_seconds: float = Field(10.0, ge=0.5, le=600, description="until another worker may take a run over")
    approval_hours: float = Field(72.0, gt=0, le=8760, description="until what nobody decided expires")
    approvals: tuple[ApprovalRule, ...] = Field((), description="who must approve which writes")
    most_queued: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="runs of a tenant that wait for a worker; beyond, none is started",
    )
    result_chars: int = Field(
        8000, ge=200, le=200_000, description="of a tool's result that a model is shown"
    )
    http_hosts: tuple[str, ...] = Field((), description="hosts that the tool http_get may read")
    http_seconds: float = Field(10.0, gt=0, le=300, description="for one request of http_get")
    workflow_model: str = Field("", description="the model that workflows ask where their input names none")
    remember: tuple[RememberRule, ...] = Field(
        (), description="which texts of others, and for whom beside the user, may become memories"
    )
    memory_redaction: Literal["secrets", "all"] = Field(
        "secrets", description="what is taken out of a text before it is remembered"
    )
    memories_per_owner: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="of a user, a group or the tenant; beyond, what counts least goes",
    )
    http_methods: tuple[Literal["POST", "PUT", "PATCH", "DELETE"], ...] = Field(
        (), description="what http_request may send besides reading"
    )
    escalate_hours: float = Field(
        24.0, gt=0, le=8760, description="until what nobody decided is announced again, as escalated"
    )
    announce_url: str | None = Field(None, description="where proposals are announced, by a signed webhook")
    announce_hosts: tuple[str, ...] = Field((), description="hosts that announcements may go to")
    announce_secret: SecretStr | None = Field(None, description="signs announcements (HMAC-SHA256)")
    block_after: int = Field(
        5, ge=1, le=1000, description="refusals by a rule of safety in one run until the agent is blocked"
    )
    block_hours: float = Field(24.0, gt=0, le=8760, description="how long it then writes and sends nothing")
    mail: MailSettings | None = Field(None, description="how notify_email sends")
    webhooks: dict[str, str] = Field(
        default_factory=dict, description="addresses that notify_webhook may call, by name"
    )
    diagnostics: dict[str, DiagnosticCommand] = Field(
        default_factory=dict, description="commands that run_diagnostic may run, by name"
    )
    prometheus_url: str | None = Field(None, description="where query_metrics asks")


_Days = Annotated[int, Field(ge=0, le=36_500)]
_Kept = Literal[
    "conversation_days",
    "feedback_days",
    "outcome_days",
    "ingest_days",
    "story_days",
    "usage_days",
    "memory_days",
]


class PrivacySettings(_Section):
    """``[privacy]``: days that rows are kept, 0 for no limit; ``[privacy.tenants.NAME]`` has those of one tenant."""

    conversation_days: int = Field(365, ge=0, le=36_500, description="since the last turn")
    feedback_days: int = Field(730, ge=0, le=36_500, description="since it was given")
    outcome_days: int = Field(730, ge=0, le=36_500, description="outcomes of experiments")
    ingest_days: int = Field(90, ge=0, le=36_500, description="reports of finished ingests")
    story_days: int = Field(0, ge=0, le=36_500, description="where shorter than explain.keep_days")
    usage_days: int = Field(0, ge=0, le=36_500, description="entries of the ledger")
    memory_days: int = Field(
        730, ge=0, le=36_500, description="memories, since they were made or recalled; pinned ones stay"
    )
    tenants: dict[str, dict[_Kept, _Days]] = Field(default_factory=dict)


class ReleaseSettings(_Section):
    """``[release]``: the signed record of the release that is running."""

    record: Path | None = Field(None, description="the record; default: the one in the package")
    key: str | None = Field(None, description="who signs releases: a public key, or a file of them")


class ControllerSettings(_Section):
    """``[evidence.controllers.NAME]``: what a tenant's Article 30 record says of it; NAME is the tenant's, or default."""

    name: str = ""
    address: str = ""
    contact: str = ""
    representative: str = ""
    data_protection_officer: str = ""
    role: Literal["controller", "processor"] = "controller"
    purposes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


class EvidenceSettings(_Section):
    """``[evidence]``: what bundles say that the software cannot know."""

    alert_rules: Path | None = Field(
        None, description="the alert rules that are in use, to be in SOC 2 bundles"
    )
    controllers: dict[str, ControllerSettings] = Field(default_factory=dict)


class SyncSettings(_Section):
    """``[sync]``: reading connected systems."""

    parallel: int = Field(3, ge=1, le=9, description="kinds of record that are read at once from one system")
    sweep_hours: float = Field(24.0, gt=0, description="between looks for what is gone at the vendor")
    write_lease_seconds: float = Field(
        900.0, ge=1, le=86_400, description="for sending one write; then others may ask what became of it"
    )
    write_looks: int = Field(
        8, ge=1, le=100, description="by workers for a write that is not known; then it is left to a person"
    )


class WebhooksSettings(_Section):
    """``[webhooks]``: telling other systems what happens."""

    internal_hosts: tuple[str, ...] = Field(
        (), description="hosts, with a port or without, that may be reached over http and in private networks"
    )
    timeout_seconds: float = Field(10.0, ge=0.1, le=60, description="for one attempt")
    concurrency: int = Field(
        4, ge=1, le=32, description="attempts at one target at one time; 1 keeps them in order"
    )
    give_up_hours: float = Field(72.0, gt=0, le=720, description="until what is not taken is a dead letter")
    disable_days: float = Field(5.0, gt=0, le=90, description="without a success until a webhook is disabled")
    keep_days: int = Field(30, ge=1, le=3650, description="that deliveries and dead letters are kept")
    most: int = Field(50, ge=1, le=1000, description="webhooks of one tenant")


class TriageSettings(_Section):
    """``[triage]``: when workers learn again from the synchronised tickets."""

    retrain_share: float = Field(
        0.1, ge=0, le=10, description="tickets that came or changed, of those learned from; 0 for never"
    )
    retrain_least: int = Field(200, ge=1, description="tickets that came or changed, in any case")


class ConnectSettings(_Section):
    """``[connect]``: credentials for ``deskmind connect`` where no file is given; which, the vendor's page says."""

    username: str = ""
    password: SecretStr | None = None
    email: str = ""
    token: SecretStr | None = None
    api_key: SecretStr | None = None
    client_id: str = ""
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    grant: str = ""
    token_url: str = ""
    onlooker_username: str = ""
    onlooker_password: SecretStr | None = None

    def credentials(self) -> dict[str, str]:
        """Those that are given, by name."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        plain = {
            name: one.get_secret_value() if isinstance(one, SecretStr) else str(one or "")
            for name, one in values.items()
        }
        return {name: value for name, value in plain.items() if value}


class DefaultsSettings(_Section):
    """``[defaults]``: what commands assume when an option is left out."""

    tenant: str | None = None
    user: str | None = None


class Settings(BaseSettings):
    """The whole configuration. Secrets are ``SecretStr`` and print as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="DESKMIND_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
        validate_default=True,
    )

    home: Path = Field(default_factory=lambda: user_data_path("deskmind", appauthor=False))
    server: str | None = Field(None, description="address of a service that commands work against")
    database: DatabaseSettings = DatabaseSettings()  # pyright: ignore[reportCallIssue]
    knowledge: KnowledgeSettings = KnowledgeSettings()  # pyright: ignore[reportCallIssue]
    answer: AnswerSettings = AnswerSettings()  # pyright: ignore[reportCallIssue]
    ingest: IngestSettings = IngestSettings()  # pyright: ignore[reportCallIssue]
    jobs: JobsSettings = JobsSettings()  # pyright: ignore[reportCallIssue]
    api: ApiSettings = ApiSettings()  # pyright: ignore[reportCallIssue]
    connect: ConnectSettings = ConnectSettings()
    limits: LimitsSettings = LimitsSettings()  # pyright: ignore[reportCallIssue]
    oidc: OidcSettings = OidcSettings()  # pyright: ignore[reportCallIssue]
    mcp: McpSettings = McpSettings()  # pyright: ignore[reportCallIssue]
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()  # pyright: ignore[reportCallIssue]
    redis: RedisSettings = RedisSettings()  # pyright: ignore[reportCallIssue]
    gateway: GatewaySettings = GatewaySettings()  # pyright: ignore[reportCallIssue]
    models: dict[str, Any] = Field(default_factory=dict, description="[models.NAME], see the gateway")
    budgets: dict[str, BudgetSettings] = Field(default_factory=dict)
    audit: AuditSettings = AuditSettings()  # pyright: ignore[reportCallIssue]
    agents: AgentsSettings = AgentsSettings()  # pyright: ignore[reportCallIssue]
    explain: ExplainSettings = ExplainSettings()  # pyright: ignore[reportCallIssue]
    redaction: RedactionSettings = RedactionSettings()  # pyright: ignore[reportCallIssue]
    privacy: PrivacySettings = PrivacySettings()  # pyright: ignore[reportCallIssue]
    release: ReleaseSettings = ReleaseSettings()  # pyright: ignore[reportCallIssue]
    evidence: EvidenceSettings = EvidenceSettings()  # pyright: ignore[reportCallIssue]
    sync: SyncSettings = SyncSettings()  # pyright: ignore[reportCallIssue]
    triage: TriageSettings = TriageSettings()  # pyright: ignore[reportCallIssue]
    webhooks: WebhooksSettings = WebhooksSettings()  # pyright: ignore[reportCallIssue]
    defaults: DefaultsSettings = DefaultsSettings()

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("models", mode="before")
    @classmethod
    def _hide(cls, value: Any) -> Any:
        """Secrets inside the models never print; ``env:NAME`` stands for a variable's value."""
        return {name: _hidden(item) for name, item in value.items()} if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    @property
    def embedded(self) -> bool:
        """Whether the embedded PostgreSQL is used."""
        return self.database.url is None

    @property
    def models_folder(self) -> Path:
        """Folder for embedding models."""
        return self.knowledge.cache_folder or self.home / "models"

    @property
    def auto_migrate(self) -> bool:
        """Whether opening the application brings the schema up to date."""
        return self.embedded if self.database.auto_migrate is None else self.database.auto_migrate

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = _config_file.get("path")
        toml = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
        return (init_settings, env_settings, _StandardVariables(settings_cls), *toml)


class _StandardVariables(PydanticBaseSettingsSource):
    """OpenTelemetry's own variables, for ``[telemetry]``. An endpoint given there means that traces are wanted."""

    def __call__(self) -> dict[str, Any]:
        """The values, None of them when there are none."""
        found = {field: _first_variable(names) for field, names in _STANDARD.items()}
        given: dict[str, Any] = {field: value for field, value in found.items() if value}
        if "traces" not in given and given.keys() & {"endpoint", "traces_endpoint"}:
            given["traces"] = "otlp"
        if _first_variable(("OTEL_SDK_DISABLED",)).lower() == "true":
            given["traces"] = "none"
        if capture := given.get("capture_content"):
            given["capture_content"] = capture.lower() in _CAPTURING
        return {"telemetry": given} if given else {}

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Not asked: the whole section is given at once."""
        del field
        return None, field_name, False


_STANDARD = {
    "service_name": ("OTEL_SERVICE_NAME",),
    "traces": ("OTEL_TRACES_EXPORTER",),
    "protocol": ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    "endpoint": ("OTEL_EXPORTER_OTLP_ENDPOINT",),
    "traces_endpoint": ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",),
    "headers": ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"),
    "capture_content": ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",),
}
_CAPTURING = frozenset({"true", "1", "span_only", "span_and_event"})


def _first_variable(names: Sequence[str]) -> str:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")


_config_file: dict[str, Path] = {}


_HERE = Path("deskmind.toml")
"""Read without having been named."""


def load_settings(
    *, home: Path | str | None = None, config: Path | str | None = None, **values: Any
) -> Settings:
    """Read the configuration.

    Args:
        home: data folder; overrides ``DESKMIND_HOME`` and the file.
        config: the TOML file; default ``DESKMIND_CONFIG``, else ``deskmind.toml`` in the working folder or the home.
        values: overrides, such as ``database={"url": "…"}``.

    Raises:
        ConfigurationError: a value or name is wrong, or the file cannot be read. Secrets are not shown.
    """
    if home is not None:
        values["home"] = Path(home)
    file = _find_config(Path(config) if config else None, values.get("home"))
    if file is not None:
        _check_toml(file, unasked=file == _HERE)
        _config_file["path"] = file
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(
            "The settings are not valid.",
            why="; ".join(_describe(item) for item in error.errors(include_input=False, include_url=False)),
            remedy="Correct the value in deskmind.toml or the DESKMIND_* variable of that name.",
        ) from None
    finally:
        _config_file.clear()


def _hidden(value: Any, *, secret: bool = False) -> Any:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {
            name: _hidden(item, secret=secret or name in {"api_key", "headers"})
            for name, item in fields.items()
        }
    if isinstance(value, (list, tuple)):
        return [_hidden(item) for item in cast("list[Any]", value)]
    if secret and isinstance(value, str):
        return SecretStr(_resolved(value))
    return value


def _resolved(value: str) -> str:
    if not value.startswith("env:"):
        return value
    found = os.environ.get(value[4:])
    if found is None:
        raise ValueError(f"the environment has no variable {value[4:]}")
    return found


def _describe(item: Any) -> str:
    return ".".join(str(part) for part in item["loc"]) + f": {item['msg']}"


def _find_config(given: Path | None, home: Any) -> Path | None:
    named = given or (Path(os.environ["DESKMIND_CONFIG"]) if os.environ.get("DESKMIND_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(
                f"The configuration file {named} does not exist.",
                remedy="Give the path of a TOML file to --config, or leave the option out.",
            )
        return named
    homes = [Path(home)] if home else [Path(value) for value in [os.environ.get("DESKMIND_HOME")] if value]
    candidates = [_HERE, *(folder / "deskmind.toml" for folder in homes)]
    return next((path for path in candidates if path.is_file()), None)


def _check_toml(file: Path, *, unasked: bool) -> None:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The configuration file {file} is not valid TOML.", why=f"{error}.", remedy="Correct that line."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {file} cannot be read.", why=f"{error.strerror}."
        ) from None
    if unasked and ("server" in found or {"key", "key_file", "insecure"} & set(found.get("api", ()))):
        raise ConfigurationError(
            f"The configuration file {file} says which server commands work against, or with which key.",
            why="Whoever wrote into the working folder could have keys sent to a server of theirs.",
            remedy="Name the file with --config, or give --server and --key-file, or the DESKMIND_* variables.",
        )
