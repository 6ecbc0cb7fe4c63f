"""Which checks there are, by section."""

from __future__ import annotations

from collections.abc import Mapping

from deskmind.readiness import checks, connected, deployment, protection, schema, server, service, triage
from deskmind.readiness.memory import memory
from deskmind.readiness.report import CheckFunction, Section
from deskmind.readiness.webhooks import webhooks

__all__ = ["CHECKS"]

CHECKS: Mapping[Section, Mapping[str, CheckFunction]] = {
    "core": {
        "embedder": checks.embedder,
        "models": checks.models,
        "jobs": checks.jobs,
        "workers": service.workers,
        "synchronisation": connected.synchronisation,
        "writes": connected.writes,
        "triage": triage.triage,
        "webhooks": webhooks,
    },
    "observability": {
        "metrics": checks.metrics,
        "traces": service.traces,
        "stories": checks.stories,
        "logs": service.logs,
    },
    "security": {
        "row-level security": schema.row_level_security,
        "roles": schema.roles,
        "scope": schema.scope,
        "transport": server.transport,
        "keys": protection.keys,
        "redaction": protection.redaction,
        "access": protection.access,
        "privacy": protection.privacy,
        "memory": memory,
        "audit seal": protection.audit_seal,
        "audit witness": protection.audit_witness,
    },
    "database": {
        "database": schema.database,
        "migrations": schema.migrations,
        "durability": server.durability,
        "transaction ids": server.transaction_ids,
        "connections": server.connections,
        "clock": server.clock,
        "archiving": server.archiving,
    },
    "error handling": {
        "failed requests": service.failed_requests,
        "failed model calls": service.failed_model_calls,
        "failed operations": service.failed_operations,
    },
    "performance": {
        "pools": checks.pools,
        "database latency": server.latency,
        "embedding latency": service.embedding_latency,
        "search latency": service.search_latency,
        "answer latency": service.answer_latency,
    },
    "deployment": {
        "disk": checks.disk,
        "release": deployment.release,
        "tests": deployment.tests,
        "coverage": deployment.coverage,
        "documentation": deployment.documentation,
        "backups": deployment.backups,
    },
}
"""A check's name is that of the ``Check`` it gives."""
