"""The data map: every store, what personal data it holds, why, for how long, how it is exported and erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["DATA_MAP", "Holding", "StoreKind", "undeclared"]

StoreKind = Literal["table", "cache", "file", "log", "memory", "object"]


@dataclass(frozen=True, slots=True)
class Holding:
    """One store's entry in the data map.

    Attributes:
        store: the table, the cache's use, the file or the log.
        kind: what it is.
        personal: which personal data it holds; ``none`` where it holds none.
        purpose: why.
        kept: for how long.
        exported: how it is exported.
        erased: how it is erased.
    """

    store: str
    kind: StoreKind
    personal: str
    purpose: str
    kept: str
    exported: str
    erased: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


_NOTHING = "none"
_ACCOUNT = "while the account exists"
_KNOWLEDGE = "while the document exists"
_OWN = "deskmind privacy export"
_ROWS = "own rows deleted"


def _table(store: str, personal: str, purpose: str, kept: str, exported: str, erased: str) -> Holding:
    return Holding(store, "table", personal, purpose, kept, exported, erased)


def _plain(store: str, purpose: str, *, kind: StoreKind = "table") -> Holding:
    return Holding(
        store, kind, _NOTHING, purpose, "while the installation exists", "not needed", "not needed"
    )


DATA_MAP: tuple[Holding, ...] = (
    _table("request_keys", "responses, sealed", "doing a request once", "api.idempotency_hours", "not needed",
           "own rows deleted; what others were answered expires"),
    _table("principals", "user name, display name, role", "who may act", _ACCOUNT, _OWN, "row deleted"),
    _table("memberships", "groups of a user", "who may see what", _ACCOUNT, _OWN, _ROWS),
    _table("api_keys", "name of a key, times of use", "authentication", _ACCOUNT, _OWN, f"{_ROWS}; mentions masked"),
    _table("access_grants", "id of who has a role, the reason", "who may do what", _ACCOUNT, _OWN, f"{_ROWS}; mentions masked"),
    _table("access_roles", "whom a description names", "who may do what", "until deleted", "not needed",
           "by who keeps the roles: a description names nobody by itself"),
    _table("access_policies", "whom a policy names", "who may do what, and could when", "while the tenant exists", "not needed",
           "by who keeps the policy, whose history stays"),
    _plain("access_versions", "who may do what"),
    _plain("redaction_patterns", "redaction"),
    _plain("redaction_actions", "redaction"),
    _table("directory_entries", "names of people", "redaction", "until the source's next list", "not needed", "mentions deleted"),
    _plain("connections", "connected systems; credentials encrypted"),
    _plain("webhooks", "addresses that are told what happens; secrets encrypted"),
    _table("webhook_events", _NOTHING, "telling other systems: ids of documents, runs and proposals", "webhooks.keep_days", "not needed",
           "not needed"),
    _table("webhook_deliveries", _NOTHING, "telling other systems", "as webhook_events", "not needed", "not needed"),
    _plain("sync_passes", "where reading stands"),
    _table("synced_records", "tickets, people and what else a connected system holds", "service desk", "while the vendor has it", _OWN,
           "people removed and kept away; mentions masked"),
    _table("sync_problems", "ids of records that cannot be read", "operation", "until it is read", "not needed", "ids lead to nobody"),
    _table("sync_follow_ups", "ids of records that are to be read again", "keeping names as they are", "until it is read", "not needed",
           "ids lead to nobody"),
    _table("sync_grantees", "the vendor's ids of people and groups", "who may see what", "while connected", "not needed",
           "ids lead to nobody"),
    _table("writes", "what is written to a connected system, texts with it", "doing it once, accounting for it",
           "while connected and the account exists", _OWN, f"{_ROWS}; mentions masked"),
    _table("acls", "ids of principals, hashed", "who may see what", "while the tenant exists", "as groups", "ids lead to nobody"),
    _table("acl_members", "ids of principals", "who may see what", "while the tenant exists", "as groups", "ids lead to nobody"),
    _table("tenants", "names of customers, not of people", "separation", "until deleted", "not needed", "tenant delete"),
    _table("audit_events", "who acted, on what", "evidence", "while the tenant exists", _OWN, "key of the subject destroyed"),
    _table("audit_subjects", "keyed marks, ids of users", "encrypting who events name", "until the person is erased", _OWN,
           "key and mark destroyed"),
    _plain("audit_calls_due", "events of model calls that are still to be made"),
    _plain("audit_witnessed", "which witness has which checkpoint"),
    _table("audit_checkpoints", _NOTHING, "evidence", "while the tenant exists", "not needed", "not needed"),
    _table("usage_entries", "id of who called, times", "accounting", "privacy.usage_days", _OWN, "pseudonymised"),
    _table("budgets", "id of a user", "spending limits", "until removed", "not needed", "pseudonymised"),
    _table("budget_counters", "id of a user in the subject", "spending limits", "some windows", "not needed", _ROWS),
    _table("sources", "name and owner of a collection", "knowledge", _KNOWLEDGE, "as documents", "owner replaced; mentions masked"),
    _table("documents", "who added it; whom it names", "knowledge", _KNOWLEDGE, _OWN, "mentions masked, or own documents deleted"),
    _table("chunks", "whom the text names", "search", _KNOWLEDGE, "as documents", "made anew from the masked document"),
    _table("lexical", "numbers of words", "search", _KNOWLEDGE, "as documents", "made anew from the masked document"),
    _table("lexical_statistics", "how often words occur", "search", _KNOWLEDGE, "not needed", "counted anew with lexical"),
    _table("embeddings_*", "vectors of texts", "search", _KNOWLEDGE, "as documents", "made anew from the masked document"),
    _table("knowledge_versions", _NOTHING, "freshness of rankings", _KNOWLEDGE, "not needed", "not needed"),
    _table("ingests", "who took in files", "resuming", "privacy.ingest_days", _OWN, _ROWS),
    _table("ingest_files", "names of files, contents until processed", "resuming", "privacy.ingest_days", "as documents",
           "own rows deleted; mentions masked"),
    _table("prompt_versions", "author; whom the text names", "prompts", "while the tenant exists", "not needed", "mentions masked"),
    _table("prompt_labels", "who moved a label", "prompts", "while the tenant exists", "not needed", "mentions masked"),
    _table("experiments", "who started it", "comparing prompts", "while the tenant exists", "not needed", "mentions masked"),
    _table("experiment_variants", _NOTHING, "comparing prompts", "while the tenant exists", "not needed", "not needed"),
    _table("experiment_outcomes", "id of the user, a number", "comparing prompts", "privacy.outcome_days", _OWN, _ROWS),
    _table("conversations", "title and summary", "the user's own history", "privacy.conversation_days, or their own time", _OWN,
           f"{_ROWS}; mentions masked"),
    _table("turns", "questions and answers", "the user's own history", "as conversations", _OWN, f"{_ROWS}; mentions masked"),
    _table("request_stories", "who asked, the question where kept", "explaining answers", "explain.keep_days", _OWN,
           f"{_ROWS}; mentions masked"),
    _table("triage_models", "who trained it; words that occur in several tickets, labels", "triage", "until five newer versions",
           _OWN, "words of the person's names and mentions replaced"),
    _table("triage_trainings", _NOTHING, "triage", "until twenty newer trainings", "not needed", "not needed"),
    _table("feedback", "ratings and corrections", "quality", "privacy.feedback_days", _OWN, f"{_ROWS}; mentions masked"),
    _table("agent_runs", "what was asked of an agent, texts with it, the output", "the user's own runs", "while the account exists",
           _OWN, f"{_ROWS}; mentions masked"),
    _table("agent_steps", "what the model said, results of tools", "resuming, explaining", "as agent_runs", _OWN,
           "with agent_runs; mentions masked"),
    _table("agent_effects", "what is being written, until it is known what became of it", "doing nothing twice", "as agent_runs", _OWN,
           "with agent_runs; mentions masked"),
    _table("agent_proposals", "what an agent wants to write", "approval", "as agent_runs", _OWN, "with agent_runs; mentions masked"),
    _table("agent_votes", "id of who decided, the reason", "approval", "as agent_runs", "not needed",
           "ids lead to nobody; mentions masked"),
    _table("agent_switches", "whom the reason names", "stopping tools", "until the tool is allowed", "not needed", "mentions masked"),
    _table("workflow_steps", "what steps of workflows gave", "resuming, explaining", "as agent_runs", _OWN, "with agent_runs; mentions masked"),
    _table("workflow_schedules", "id of who made it; the input of its runs", "beginning workflows", "until it is removed", _OWN,
           f"{_ROWS}; mentions masked"),
    _table("workflow_firings", "ids of tickets", "beginning a run once", "as workflow_schedules", "not needed", "with workflow_schedules"),
    _table("memories", "facts and preferences, what was asked and done", "agents that know what was before",
           "privacy.memory_days", _OWN, "with the account; mentions masked, vectors made anew"),
    _table("agent_versions", "author; whom the text names", "stored agents", "while the tenant exists", "not needed",
           "mentions masked"),
    _table("agent_labels", "who moved a label", "stored agents", "while the tenant exists", "not needed", "mentions masked"),
    _table("agent_blocks", "whom the reason names", "blocking what agents do", "until it is lifted", "not needed",
           f"{_ROWS}; mentions masked"),
    _table("privacy_erasures", "keyed mark; identifiers, encrypted, while it runs", "evidence", "while the tenant exists",
           "privacy receipts", "names nobody"),
    _table("privacy_marks", "keyed marks", "keeping the erased from coming back", "while the tenant exists", "not needed",
           "privacy readmit"),
    _table("privacy_holds", "id of a person, or keyed marks; the reason", "legal hold", "while the tenant exists",
           "privacy hold list", "names nobody"),
    _plain("privacy_retention", "when policies ran"),
    _plain("closed_accounts", "accounting of erased tenants"),
    _plain("closed_account_usage", "accounting of erased tenants"),
    _plain("alembic_version", "the schema's revision"),
    _plain("release", "which releases may run"),
    _plain("scope_keys", "verifying scopes"),
    _plain("embedding_spaces", "which models have tables"),
    _table("procrastinate_jobs", "ids only", "background work", "until done", "not needed", "ids lead to nobody"),
    _plain("procrastinate_events", "background work"),
    _plain("procrastinate_periodic_defers", "background work"),
    _plain("procrastinate_workers", "background work"),
    Holding("answers", "cache", "questions and answers", "speed", "answer.remember_seconds", "not needed", "forgotten, all tiers"),
    Holding("embeddings", "cache", "vectors of texts", "speed", "its lifetime", "not needed", "forgotten, all tiers"),
    Holding("query-vectors", "cache", "vectors of questions", "speed", "its lifetime", "not needed", "forgotten, all tiers"),
    Holding("rankings", "cache", "ids of passages", "speed", "its lifetime", "not needed", "forgotten, all tiers"),
    Holding("replies", "cache", "replies of models", "speed", "its lifetime", "not needed", "forgotten, all tiers"),
    Holding("directory", "memory", "names of users", "redaction", "5 seconds after a change", "not needed", "read anew"),
    Holding("journal", "file", "ids of who called", "accounting", "until booked", "as usage_entries", "booked first"),
    Holding("privacy/erasures.jsonl", "file", "keyed marks, receipts", "repeating erasures after a restore", "kept", "not needed",
            "names nobody"),
    _plain("keyring.json", "keys", kind="file"),
    _plain("audit-keyring.json", "the sealer's keys", kind="file"),
    _plain("models", "embedding models", kind="file"),
    Holding("triage models", "memory", "as triage_models", "speed", "until others are used", "not needed", "forgotten"),
    Holding("log", "log", "pseudonyms of users", "operation", "as the host keeps its logs", "not needed", "pseudonyms are keyed"),
    Holding("traces", "log", "pseudonyms; redacted texts with telemetry.capture_content", "operation", "as the collector keeps them",
            "not needed", "ages out"),
    _plain("metrics", "operation", kind="log"),
)  # fmt: skip
"""What this release keeps. A store of one's own declares itself, see ``PersonalStore``."""


def undeclared(
    tables: Iterable[str], caches: Iterable[str], holdings: Iterable[Holding] = DATA_MAP
) -> list[str]:
    """The tables and uses of the cache that declare nothing."""
    declared = list(holdings)
    by_kind = {
        kind: {holding.store for holding in declared if holding.kind == kind} for kind in ("table", "cache")
    }
    prefixes = tuple(store[:-1] for store in by_kind["table"] if store.endswith("*"))
    return [
        *(
            name
            for name in tables
            if name not in by_kind["table"] and not name.startswith(prefixes or ("\0",))
        ),
        *(name for name in caches if name not in by_kind["cache"]),
    ]
