"""The table of permissions and which role has them."""

from __future__ import annotations

from enum import StrEnum

from deskmind.errors import InvalidRequestError, PermissionDeniedError
from deskmind.scope import Scope

__all__ = ["OWN_REACH", "PERMISSIONS", "READING", "Permission", "authorize", "permitted"]


class Permission(StrEnum):
    """What a principal can be allowed to do. The value names the operation in audit, spans and logs.

    In roles, policies and decisions the same is written ``resource:action``, see ``code``.
    """

    KNOWLEDGE_SEARCH = "knowledge.search"
    KNOWLEDGE_ASK = "knowledge.ask"
    KNOWLEDGE_INGEST = "knowledge.ingest"
    DOCUMENTS_READ = "documents.read"
    DOCUMENTS_DELETE = "documents.delete"
    PRINCIPALS_READ = "principals.read"
    PRINCIPALS_WRITE = "principals.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    MODELS_CALL = "models.call"
    MODELS_TEST = "models.test"
    USAGE_READ = "usage.read"
    USAGE_SURVEY = "usage.survey"
    BUDGETS_READ = "budgets.read"
    BUDGETS_WRITE = "budgets.write"
    AUDIT_READ = "audit.read"
    AUDIT_SEAL = "audit.seal"
    AUDIT_FORGET = "audit.forget"
    METRICS_READ = "metrics.read"
    REQUESTS_READ = "requests.read"
    FEEDBACK_GIVE = "feedback.give"
    FEEDBACK_READ = "feedback.read"
    FEEDBACK_ERASE = "feedback.erase"
    QUALITY_READ = "quality.read"
    PROMPTS_READ = "prompts.read"
    PROMPTS_WRITE = "prompts.write"
    EXPERIMENTS_READ = "experiments.read"
    EXPERIMENTS_WRITE = "experiments.write"
    EXPERIMENTS_JOIN = "experiments.join"
    CONVERSATIONS_READ = "conversations.read"
    CONVERSATIONS_WRITE = "conversations.write"
    CONVERSATIONS_ERASE = "conversations.erase"
    ACCESS_CHECK = "access.check"
    ACCESS_READ = "access.read"
    ACCESS_GRANT = "access.grant"
    ACCESS_DEFINE = "access.define"
    ACCESS_DELEGATE = "access.delegate"
    ACCESS_OWN = "access.own"
    PRIVACY_READ = "privacy.read"
    PRIVACY_EXPORT = "privacy.export"
    PRIVACY_ERASE = "privacy.erase"
    PRIVACY_HOLD = "privacy.hold"
    PRIVACY_RETAIN = "privacy.retain"
    EVIDENCE_MAKE = "evidence.make"
    REDACTION_READ = "redaction.read"
    REDACTION_WRITE = "redaction.write"
    TRIAGE_TRAIN = "triage.train"
    TRIAGE_READ = "triage.read"
    TRIAGE_PREDICT = "triage.predict"
    TRIAGE_SIMILAR = "triage.similar"
    TRIAGE_COMPARE = "triage.compare"
    CONNECTIONS_READ = "connections.read"
    CONNECTIONS_WRITE = "connections.write"
    SYNC_READ = "sync.read"
    SYNC_RUN = "sync.run"
    WRITES_PROPOSE = "writes.propose"
    WRITES_READ = "writes.read"
    WRITES_SEND = "writes.send"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
    JOBS_READ = "jobs.read"
    JOBS_CANCEL = "jobs.cancel"
    AGENTS_RUN = "agents.run"
    AGENTS_READ = "agents.read"
    AGENTS_STOP = "agents.stop"
    WORKFLOWS_RUN = "workflows.run"
    WORKFLOWS_READ = "workflows.read"
    WORKFLOWS_SCHEDULE = "workflows.schedule"
    CONNECTIONS_USE = "connections.use"
    AGENTS_DEFINE = "agents.define"
    MEMORIES_READ = "memories.read"
    MEMORIES_WRITE = "memories.write"
    APPROVALS_READ = "approvals.read"
    APPROVALS_DECIDE = "approvals.decide"
    TICKETS_READ = "tickets.read"
    TICKETS_WRITE = "tickets.write"
    NOTIFICATIONS_SEND = "notifications.send"
    DIAGNOSTICS_RUN = "diagnostics.run"
    INSTALLATION_READ = "installation.read"
    INSTALLATION_CREATE = "installation.create"
    INSTALLATION_ERASE = "installation.erase"
    TENANTS_READ = "tenants.read"
    TENANTS_WRITE = "tenants.write"
    TENANTS_DELETE = "tenants.delete"
    DATABASE_READ = "database.read"

    @property
    def code(self) -> str:
        """``resource:action``, as roles and policies name it."""
        return self.replace(".", ":")

    @classmethod
    def of(cls, text: str) -> Permission:
        """The permission written ``resource:action``, or as its operation is.

        Raises:
            InvalidRequestError: there is none of that name.
        """
        try:
            return cls(text.replace(":", "."))
        except ValueError:
            raise InvalidRequestError(
                f"There is no permission '{text[:80]}'.",
                why="A permission is a resource and an action, such as knowledge:ask.",
                remedy="`deskmind access roles` lists them.",
            ) from None


PERMISSIONS: dict[Permission, str] = {
    Permission.KNOWLEDGE_SEARCH: "find passages among the documents one may see",
    Permission.KNOWLEDGE_ASK: "get answers from the documents one may see",
    Permission.KNOWLEDGE_INGEST: "add and replace documents of one's own",
    Permission.DOCUMENTS_READ: "list and read the documents one may see",
    Permission.DOCUMENTS_DELETE: "delete documents of one's own",
    Permission.PRINCIPALS_READ: "list users and groups",
    Permission.PRINCIPALS_WRITE: "add users and groups, change memberships",
    Permission.KEYS_READ: "list API keys (never their secrets)",
    Permission.KEYS_WRITE: "create and revoke API keys",
    Permission.MODELS_CALL: "call language models through the gateway",
    Permission.MODELS_TEST: "have each deployment of the models called once, to see whether it answers",
    Permission.USAGE_READ: "read what model calls used and cost: one's own, or all as an operator",
    Permission.USAGE_SURVEY: "sum up what model calls of all tenants used and cost",
    Permission.BUDGETS_READ: "list budgets",
    Permission.BUDGETS_WRITE: "set and remove budgets",
    Permission.AUDIT_READ: "read the audit log",
    Permission.AUDIT_SEAL: "seal the audit logs of all tenants and change the key that signs them",
    Permission.AUDIT_FORGET: "destroy the key of a person whom the audit log names",
    Permission.METRICS_READ: "read the installation's metrics, where telemetry.metrics_tenants names the tenant",
    Permission.REQUESTS_READ: "explain requests: one's own, or all of the tenant as an operator",
    Permission.FEEDBACK_GIVE: "rate answers one was given",
    Permission.FEEDBACK_READ: "read feedback: one's own, or all of the tenant as an operator",
    Permission.FEEDBACK_ERASE: "remove the feedback of a user",
    Permission.QUALITY_READ: "see how answers are rated and how often nothing is found",
    Permission.PROMPTS_READ: "read and render prompts",
    Permission.PROMPTS_WRITE: "save versions of prompts and move their labels",
    Permission.EXPERIMENTS_READ: "see experiments and their results",
    Permission.EXPERIMENTS_WRITE: "start, weigh and stop experiments",
    Permission.EXPERIMENTS_JOIN: "get the variant of an experiment and record one's own outcomes",
    Permission.CONVERSATIONS_READ: "read one's own conversations",
    Permission.CONVERSATIONS_WRITE: "keep and erase conversations of one's own",
    Permission.CONVERSATIONS_ERASE: "remove expired conversations and those of a user, without reading them",
    Permission.ACCESS_CHECK: "see what one may do oneself, and why",
    Permission.ACCESS_READ: "review who may do what, and read roles and policies",
    Permission.ACCESS_GRANT: "grant and revoke roles that include nothing one lacks",
    Permission.ACCESS_DEFINE: "define roles and the policy",
    Permission.ACCESS_DELEGATE: "act for a user, with no more than both may",
    Permission.ACCESS_OWN: "make and remove owners",
    Permission.PRIVACY_READ: "see the data map, holds, erasures and their receipts",
    Permission.PRIVACY_EXPORT: "export what is kept of a person",
    Permission.PRIVACY_ERASE: "erase a person, repeat erasures after a restore, readmit",
    Permission.PRIVACY_HOLD: "place and release legal holds",
    Permission.PRIVACY_RETAIN: "remove what is older than the retention policies say",
    Permission.EVIDENCE_MAKE: "make bundles of evidence for examiners",
    Permission.REDACTION_READ: "see the rules of redaction and try them on texts",
    Permission.REDACTION_WRITE: "change patterns, actions and names of redaction",
    Permission.TRIAGE_TRAIN: "learn triage from tickets and judge it",
    Permission.TRIAGE_READ: "see which triage models there are and how good they are",
    Permission.TRIAGE_PREDICT: "have labels of tickets predicted",
    Permission.TRIAGE_SIMILAR: "find tickets of the past like a new one, among those one may see",
    Permission.TRIAGE_COMPARE: "find duplicates and major incidents among tickets",
    Permission.CONNECTIONS_READ: "see and test connections to other systems (never their credentials)",
    Permission.CONNECTIONS_WRITE: "connect other systems and disconnect them, with what was read from them",
    Permission.SYNC_READ: "see how far connected systems are read, and what was read",
    Permission.SYNC_RUN: "read connected systems now, or anew",
    Permission.WRITES_PROPOSE: "propose changes of connected systems, and see what they hold now",
    Permission.WRITES_READ: "see what was proposed and written to connected systems",
    Permission.WRITES_SEND: "send what is proposed to connected systems, or reject it, and settle what is uncertain",
    Permission.WEBHOOKS_READ: "see which addresses are told of what, and what became of it (never their secrets)",
    Permission.WEBHOOKS_WRITE: "have addresses be told of what happens, change, test and replay that",
    Permission.JOBS_READ: "see what works in the background for the tenant, and how far it is",
    Permission.JOBS_CANCEL: "cancel what waits in the background",
    Permission.AGENTS_RUN: "run agents, resume and cancel one's own runs",
    Permission.AGENTS_READ: "see runs of agents: one's own, or all as an operator",
    Permission.AGENTS_STOP: "stop and allow the tools of agents",
    Permission.WORKFLOWS_RUN: "run workflows; pause, resume, fork and cancel one's own runs",
    Permission.WORKFLOWS_READ: "see workflows and their runs: one's own, or all as an operator",
    Permission.WORKFLOWS_SCHEDULE: "have workflows begin at times and at events",
    Permission.CONNECTIONS_USE: "have workflows read and write connected systems, with the connections' rights",
    Permission.AGENTS_DEFINE: "keep versions of agents, test and publish them",
    Permission.MEMORIES_READ: "see and recall what is remembered for one, one's groups and the tenant",
    Permission.MEMORIES_WRITE: "tell, correct, pin and forget memories of one's own",
    Permission.APPROVALS_READ: "see what agents propose",
    Permission.APPROVALS_DECIDE: "approve and reject what agents of others propose",
    Permission.TICKETS_READ: "have agents search and read the tickets one may see in connected systems",
    Permission.TICKETS_WRITE: "have agents comment on, change and create tickets in connected systems, as the policy of approvals says",
    Permission.NOTIFICATIONS_SEND: "have agents send mail and call webhooks, as the policy of approvals says",
    Permission.DIAGNOSTICS_RUN: "have agents run the diagnostics that the operator allowed",
    Permission.INSTALLATION_READ: "list all tenants from within one that api.operator_tenants names",
    Permission.INSTALLATION_CREATE: "create tenants from within one that api.operator_tenants names",
    Permission.INSTALLATION_ERASE: "erase tenants from within one that api.operator_tenants names",
    Permission.TENANTS_READ: "list tenants",
    Permission.TENANTS_WRITE: "create tenants",
    Permission.TENANTS_DELETE: "delete tenants with everything in them",
    Permission.DATABASE_READ: "see the database server's statistics, no rows",
}

_MEMBER = frozenset(
    {
        Permission.KNOWLEDGE_SEARCH,
        Permission.KNOWLEDGE_ASK,
        Permission.KNOWLEDGE_INGEST,
        Permission.DOCUMENTS_READ,
        Permission.DOCUMENTS_DELETE,
        Permission.PROMPTS_READ,
        Permission.EXPERIMENTS_JOIN,
        Permission.CONVERSATIONS_READ,
        Permission.CONVERSATIONS_WRITE,
        Permission.MODELS_CALL,
        Permission.MEMORIES_READ,
        Permission.MEMORIES_WRITE,
        Permission.USAGE_READ,
        Permission.REQUESTS_READ,
        Permission.FEEDBACK_GIVE,
        Permission.FEEDBACK_READ,
        Permission.ACCESS_CHECK,
        Permission.TRIAGE_READ,
        Permission.TRIAGE_PREDICT,
        Permission.TRIAGE_SIMILAR,
    }
)
_INSTALLATION_ONLY = frozenset(
    {
        Permission.TENANTS_READ,
        Permission.TENANTS_WRITE,
        Permission.TENANTS_DELETE,
        Permission.USAGE_SURVEY,
        Permission.DATABASE_READ,
        Permission.AUDIT_SEAL,
    }
)
_INSTALLATION = _INSTALLATION_ONLY | {Permission.AUDIT_READ, Permission.EVIDENCE_MAKE}
_OPERATOR = frozenset(Permission) - _INSTALLATION_ONLY

OWN_REACH = _MEMBER | {
    *(Permission.ACCESS_DELEGATE, Permission.AGENTS_RUN, Permission.AGENTS_READ),
    *(Permission.WORKFLOWS_RUN, Permission.WORKFLOWS_READ),
    *(
        Permission.TICKETS_READ,
        Permission.TICKETS_WRITE,
        Permission.NOTIFICATIONS_SEND,
        Permission.DIAGNOSTICS_RUN,
    ),
}
"""What reaches what the principal itself may see; everything else of a tenant concerns all of it."""


READING = frozenset(
    item.code
    for item in Permission
    if item.value.endswith((".read", ".search", ".ask", ".check", ".predict", ".similar", ".compare"))
) | {Permission.MODELS_CALL.code}
"""``resource:action`` of what changes nothing: what a token that may only read leaves of a user's permissions."""


def permitted(scope: Scope) -> frozenset[Permission]:
    """The permissions of a scope where no grants are kept: by what it reaches alone."""
    if scope.act == "directory":
        return _INSTALLATION
    return _OPERATOR if scope.role == "operator" else _MEMBER


def authorize(scope: Scope, permission: Permission) -> None:
    """Let the scope through, or refuse, where no grants are kept.

    Raises:
        PermissionDeniedError: the scope's role does not include the permission.
    """
    if permission not in permitted(scope):
        raise PermissionDeniedError(
            f"{scope.principal} may not do this: {PERMISSIONS[permission]}.",
            why=f"The role '{scope.role}' does not include '{permission.code}'.",
            remedy="Ask an operator of the tenant.",
            permission=permission.code,
        )
