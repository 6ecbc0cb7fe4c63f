"""What the server answers, each object with its fields.

Written by scripts/client_code.py from the OpenAPI document; changes made here are lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import UUID

from deskmind.client._body import Body

__all__ = [
    "AccountBody",
    "AccountList",
    "ActBody",
    "ActList",
    "ActionBody",
    "ActionList",
    "AgentList",
    "AgentSummaryBody",
    "AgentVersionBody",
    "AgentVersionList",
    "AnswerBody",
    "AnswerDelta",
    "AnswerFacts",
    "BlockBody",
    "BlockList",
    "BudgetList",
    "BudgetState",
    "CacheDecision",
    "CallBody",
    "CaseBody",
    "Chance",
    "ChangeBody",
    "ChatCompletion",
    "CheckpointBody",
    "CitationBody",
    "ClusterBody",
    "ClustersResponse",
    "ConnectionBody",
    "ConnectorBody",
    "ConnectorList",
    "ConversationBody",
    "ConversationList",
    "ConversationSummaryBody",
    "CountedBody",
    "DataMapBody",
    "DecisionBody",
    "DeliveryBody",
    "DeliveryList",
    "DeployedModelBody",
    "DeployedModelList",
    "DeploymentBody",
    "DocumentList",
    "DocumentSummaryBody",
    "DocumentText",
    "DroppedBody",
    "DuplicateBody",
    "DuplicatesResponse",
    "EditBody",
    "EffectBody",
    "EmbeddingList",
    "ErasedBody",
    "ErasureBody",
    "ErasureList",
    "EventBody",
    "EventList",
    "EventTypeBody",
    "EventTypeList",
    "EvidenceKeyList",
    "ExperimentBody",
    "ExperimentList",
    "ExperimentReportBody",
    "ExplanationBody",
    "ExportBody",
    "FeedbackBody",
    "FeedbackList",
    "FindingBody",
    "FindingPlace",
    "ForgottenBody",
    "ForgottenPerson",
    "GrantState",
    "GroupBody",
    "GroupList",
    "GuessBody",
    "Health",
    "HealthBody",
    "HoldBody",
    "HoldList",
    "HoldingBody",
    "IngestBody",
    "Interval",
    "IntervalBody",
    "JobBody",
    "JobList",
    "KeyBody",
    "KeyList",
    "KindBody",
    "KnownBody",
    "LabelHistory",
    "LabelMoveBody",
    "MadeKey",
    "MemoryBody",
    "MemoryHistory",
    "MemoryList",
    "MessageBody",
    "MetricBody",
    "Model",
    "ModelList",
    "NameBody",
    "NameList",
    "NeighbourBody",
    "NewTenantBody",
    "NewWebhookBody",
    "PartBody",
    "PassageBody",
    "PassageFate",
    "PatternBody",
    "PatternList",
    "PolicySchema",
    "PolicyState",
    "PredictResponse",
    "PredictionBody",
    "PreviewBody",
    "PriceBody",
    "ProblemBody",
    "ProgressBody",
    "PromptBody",
    "PromptList",
    "PromptSummaryBody",
    "PromptUse",
    "PromptUseBody",
    "PromptVersions",
    "ProofBody",
    "ProposalBody",
    "ProposalList",
    "QualityLine",
    "QualityReport",
    "Readiness",
    "ReadmittedBody",
    "RecalledBody",
    "ReceiptBody",
    "RecordList",
    "RedactedBody",
    "RedactedList",
    "RemovedBody",
    "RemovedList",
    "RenderedMessages",
    "ReplayBody",
    "ReplayedBody",
    "ReportBody",
    "RequestBody",
    "RequestList",
    "Review",
    "ReviewBody",
    "RightBody",
    "RoleList",
    "RoleState",
    "RunBody",
    "RunDetailsBody",
    "RunIdBody",
    "RunList",
    "ScheduleBody",
    "ScheduleList",
    "ScoredBody",
    "SearchResponse",
    "SecretBody",
    "SentenceBody",
    "SimilarResponse",
    "StartedBody",
    "StepBody",
    "StoppedBody",
    "StoppedList",
    "SubjectBody",
    "TenantBody",
    "TenantList",
    "TermBody",
    "TestBody",
    "TextBody",
    "ToldStep",
    "TrainingBody",
    "TrainingList",
    "TriageModelBody",
    "TriageModelList",
    "TriedBody",
    "TriedList",
    "Try",
    "TurnBody",
    "UsageLine",
    "UsageReport",
    "UserBody",
    "UserList",
    "VariantBody",
    "VariantResultBody",
    "VerifyReport",
    "WebhookBody",
    "WebhookList",
    "WindowBody",
    "WorkflowBody",
    "WorkflowList",
    "WorkflowRunBody",
    "WorkflowRunDetailsBody",
    "WorkflowRunList",
    "WorkflowStepBody",
    "WriteBody",
    "WriteChange",
    "WriteList",
]


class AccountBody(Body):
    """What an erased tenant spent in a month on one deployment of a model."""

    account_id: UUID
    month: str
    """year and month"""
    model: str
    deployment: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    """US dollars"""
    unpriced_calls: int


class AccountList(Body):
    """By account, month and model."""

    accounts: tuple[AccountBody, ...]


class ActBody(Body):
    """An act on the installation; it names no person."""

    at: datetime
    action: str
    tenant: str
    outcome: str
    request_id: str
    details: dict[str, Any]


class ActList(Body):
    """Acts, newest first."""

    acts: tuple[ActBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class ActionBody(Body):
    """What is done with a type."""

    type: str
    action: Literal["mask", "placeholder", "hash", "allow", "block"]


class ActionList(Body):
    """What is done with each type, by the settings and the tenant."""

    actions: tuple[ActionBody, ...]


class AgentList(Body):
    """Stored agents, by name."""

    agents: tuple[AgentSummaryBody, ...]


class AgentSummaryBody(Body):
    """A stored agent in a list."""

    name: str
    description: str
    newest: int
    labels: dict[str, int]


class AgentVersionBody(Body):
    """One version; it never changes."""

    name: str
    version: int
    labels: tuple[str, ...]
    content_hash: str
    note: str
    author: str
    created_at: datetime
    agent: dict[str, Any]


class AgentVersionList(Body):
    """Versions, newest first."""

    versions: tuple[AgentVersionBody, ...]


class AnswerBody(Body):
    """An answer with its citations."""

    _defaults: ClassVar[Mapping[str, Any]] = {
        "model": "",
        "note": "",
        "prompt": None,
        "window": None,
        "cache": "",
        "searched": "",
        "conversation": "",
    }
    question: str
    found: bool
    """false when the knowledge you may see does not answer the question"""
    text: str
    sentences: tuple[SentenceBody, ...]
    citations: tuple[CitationBody, ...]
    confidence: float
    mode: str
    """`extractive` or `generated`"""
    model: str
    """the model that worded it"""
    note: str
    """how it came about, such as that no model answered"""
    prompt: PromptUseBody | None
    """null without a model's words"""
    window: WindowBody | None
    """null where no request to a model was made"""
    cache: str
    """an answer worded before: `hit`, `miss` or `off`; empty without a model"""
    searched: str
    """what was searched for, where it is not the question as asked"""
    conversation: str
    """id of the conversation that keeps it; empty without one"""
    request_id: str


class AnswerDelta(Body):
    """A piece of the answer's text."""

    text: str


class AnswerFacts(Body):
    """How the answer came out. ``threshold`` is the confidence below which the question is declined."""

    found: bool
    confidence: float | None
    threshold: float | None
    mode: str
    model: str
    sentences: int


class BlockBody(Body):
    """What is forbidden beyond one run."""

    kind: Literal["call", "agent"]
    subject: str
    tool: str
    agent: str
    reason: str
    at: datetime
    until: datetime | None
    """null is for good"""


class BlockList(Body):
    """Blocks, the newest first."""

    blocks: tuple[BlockBody, ...]


class BudgetList(Body):
    """A tenant's budgets."""

    budgets: tuple[BudgetState, ...]


class BudgetState(Body):
    """A budget and what is taken of it in its current window."""

    name: str
    window: str
    usd: Decimal | None
    tokens: int | None
    per: tuple[str, ...]
    feature: str | None
    model: str | None
    taken: dict[str, Decimal]


class CacheDecision(Body):
    """One look into a cache: ``hit`` or ``miss``, and why."""

    cache: str
    outcome: str
    why: str
    at: float


class CallBody(Body):
    """A model call in the ledger."""

    call_id: str
    started_at: datetime
    feature: str
    operation: str
    model: str
    deployment: str
    outcome: str
    error: str
    seconds: float
    first_token_seconds: float | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None
    """null when the price is not known"""
    attempts: int
    tries: tuple[Try, ...]


class CaseBody(Body):
    """A case and what was otherwise than expected."""

    name: str
    passed: bool
    problems: tuple[str, ...]


class Chance(Body):
    """A label and the chance that it is right."""

    label: str
    confidence: float


class ChangeBody(Body):
    """One field, now and as proposed."""

    field: str
    before: Any
    after: Any


class ChatCompletion(Body):
    """ChatCompletion"""

    _defaults: ClassVar[Mapping[str, Any]] = {"usage": None}
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: tuple[dict[str, Any], ...]
    usage: dict[str, Any]


class CheckpointBody(Body):
    """The log at one time, signed."""

    origin: str
    size: int
    """events"""
    root: str
    """of the Merkle tree, in hex"""
    at: datetime
    note: str
    """the signed note; keep it where nobody who can write the database can write"""


class CitationBody(Body):
    """Where a sentence stands."""

    number: int
    document_id: UUID
    title: str
    uri: str
    section: str
    start: int
    end: int
    quote: str


class ClusterBody(Body):
    """Tickets that may have one cause."""

    references: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    terms: tuple[str, ...]
    """what they share and others do not"""
    cohesion: float


class ClustersResponse(Body):
    """The largest first."""

    clusters: tuple[ClusterBody, ...]


class ConnectionBody(Body):
    """How a system is connected."""

    connection_id: UUID
    name: str
    vendor: str
    url: str
    networks: Literal["any", "public"]
    kinds: tuple[str, ...]
    """the kinds of record that are read; empty for all"""
    every_seconds: int
    created_at: datetime


class ConnectorBody(Body):
    """A connected system and how far it is read; never its credentials."""

    connection_id: UUID
    name: str
    vendor: str
    url: str
    every_seconds: int
    started_at: datetime | None
    finished_at: datetime | None
    complete: bool
    lag_seconds: float | None
    error: str
    waiting_documents: int
    kinds: tuple[KindBody, ...]
    connection: ConnectionBody
    swept_at: datetime | None
    waiting: int
    unreadable: int
    outdated: int
    """records that are to be read again: what they call by name was renamed or is gone"""
    problems: tuple[ProblemBody, ...]
    """the newest"""


class ConnectorList(Body):
    """By name."""

    connectors: tuple[ConnectorBody, ...]


class ConversationBody(Body):
    """A conversation with its turns."""

    conversation_id: UUID
    title: str
    summary: str
    summarised_through: int
    """position of the last turn that the summary stands for"""
    turn_count: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    turns: tuple[TurnBody, ...]


class ConversationList(Body):
    """One page, the last changed first; ``next`` continues it."""

    _defaults: ClassVar[Mapping[str, Any]] = {"next": None}
    conversations: tuple[ConversationSummaryBody, ...]
    next: str | None


class ConversationSummaryBody(Body):
    """A conversation in a list."""

    conversation_id: UUID
    title: str
    summary: str
    summarised_through: int
    """position of the last turn that the summary stands for"""
    turn_count: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None


class CountedBody(Body):
    """What a run would bring of one kind."""

    added: int
    changed: int
    unchanged: int
    gone: int
    failed: int


class DataMapBody(Body):
    """The data map."""

    stores: tuple[HoldingBody, ...]


class DecisionBody(Body):
    """Whether somebody may do something, and why."""

    allowed: bool
    permission: str
    because: tuple[str, ...]


class DeliveryBody(Body):
    """An event on its way to a webhook."""

    delivery_id: UUID
    webhook_id: UUID
    event_id: UUID
    """the webhook-id header; the same in each attempt and replay"""
    type: str
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    due_at: datetime | None
    """of the next attempt"""
    status: int | None
    """HTTP's, of the last attempt"""
    problem: str
    milliseconds: int | None
    attempted_at: datetime | None
    settled_at: datetime | None
    created_at: datetime


class DeliveryList(Body):
    """One page, the newest first; ``next`` continues it as ``before``."""

    _defaults: ClassVar[Mapping[str, Any]] = {"next": None}
    deliveries: tuple[DeliveryBody, ...]
    next: str | None


class DeployedModelBody(Body):
    """A configured model."""

    model: str
    policy: str
    """how a deployment is chosen"""
    deployments: tuple[DeploymentBody, ...]


class DeployedModelList(Body):
    """Models, by name."""

    models: tuple[DeployedModelBody, ...]


class DeploymentBody(Body):
    """An endpoint behind a model; no credential."""

    deployment: str
    provider: str
    model: str
    """as the provider names it"""
    price: PriceBody | None
    """null where it is not known"""
    max_input_tokens: int | None
    max_output_tokens: int | None
    available: bool
    """false while it is out because calls of it failed"""


class DocumentList(Body):
    """One page; ``next`` continues it."""

    _defaults: ClassVar[Mapping[str, Any]] = {"next": None}
    documents: tuple[DocumentSummaryBody, ...]
    next: UUID | None


class DocumentSummaryBody(Body):
    """A document in a list."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    chunks: int
    version: int
    updated_at: datetime
    metadata: dict[str, Any]


class DocumentText(Body):
    """A document with its text."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    chunks: int
    version: int
    updated_at: datetime
    metadata: dict[str, Any]
    text: str


class DroppedBody(Body):
    """What did not fit into the model's window."""

    part: str
    what: str
    tokens: int
    reason: str
    """`room`, `share` or `orphan`"""


class DuplicateBody(Body):
    """Tickets that say the same, in the order they were given."""

    references: tuple[str, ...]
    similarity: float


class DuplicatesResponse(Body):
    """Groups, by their first ticket."""

    groups: tuple[DuplicateBody, ...]


class EditBody(Body):
    """What an approver changed."""

    by: UUID
    at: datetime
    before: dict[str, Any]
    after: dict[str, Any]


class EffectBody(Body):
    """A write."""

    tool: str
    state: Literal["claimed", "applied", "absent", "unknown"]


class EmbeddingList(Body):
    """EmbeddingList"""

    _defaults: ClassVar[Mapping[str, Any]] = {"usage": None}
    object: Literal["list"]
    data: tuple[dict[str, Any], ...]
    model: str
    usage: dict[str, Any]


class ErasedBody(Body):
    """What went with a tenant."""

    slug: str
    account_id: UUID
    """the number under which its usage is kept"""
    rows: int
    jobs: int


class ErasureBody(Body):
    """An erasure as it stands."""

    _defaults: ClassVar[Mapping[str, Any]] = {
        "requested_at": None,
        "completed_at": None,
        "replays": None,
        "receipt": "",
    }
    erasure_id: UUID
    state: Literal["waiting", "done"]
    stores: dict[str, dict[str, int]]
    requested_at: datetime | None
    completed_at: datetime | None
    replays: UUID | None
    receipt: str
    """signed, naming nobody; empty while it waits"""


class ErasureList(Body):
    """Erasures, newest first."""

    erasures: tuple[ErasureBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class EventBody(Body):
    """One recorded act."""

    event_id: UUID
    occurred_at: datetime
    principal: str
    action: str
    resource: str
    outcome: str
    correlation_id: str
    """the request's id"""
    details: dict[str, Any]
    decision: str
    """what allowed or refused it"""
    address: str
    """from which network address"""


class EventList(Body):
    """Events, newest first."""

    events: tuple[EventBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class EventTypeBody(Body):
    """A type of event."""

    type: str
    says: str


class EventTypeList(Body):
    """The types there are."""

    types: tuple[EventTypeBody, ...]


class EvidenceKeyList(Body):
    """Public keys, oldest first."""

    keys: tuple[str, ...]


class ExperimentBody(Body):
    """An experiment."""

    name: str
    prompt: str
    variants: tuple[VariantBody, ...]
    running: bool
    started_by: str
    started_at: datetime
    stopped_at: datetime | None


class ExperimentList(Body):
    """Every experiment, the newest first."""

    experiments: tuple[ExperimentBody, ...]


class ExperimentReportBody(Body):
    """What came of an experiment so far; each interval is taken alone."""

    experiment: str
    running: bool
    confidence: float
    metrics: tuple[MetricBody, ...]


class ExplanationBody(Body):
    """Everything that is known of one request."""

    request_id: str
    tenant: str
    parts: tuple[PartBody, ...]
    calls: tuple[CallBody, ...]
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    unpriced: int


class ExportBody(Body):
    """What is kept of a person."""

    format: str
    subject: str
    made_at: datetime
    stores: dict[str, tuple[dict[str, Any], ...]]


class FeedbackBody(Body):
    """A rating as it stands."""

    feedback_id: UUID
    request_id: str
    principal: str
    rating: Literal["up", "down"]
    reason: Literal["", "wrong", "outdated", "incomplete", "not_found_but_exists", "unclear", "other"]
    correction: str
    given_at: datetime
    revisions: int
    """how often it was replaced"""
    answered_at: datetime
    found: bool
    mode: str | None
    prompt: str | None
    prompt_version: int | None
    experiment: str | None
    variant: str | None
    documents: tuple[UUID, ...]
    """those the answer cites"""


class FeedbackList(Body):
    """Ratings, newest first."""

    feedback: tuple[FeedbackBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class FindingBody(Body):
    """Something that does not hold."""

    kind: str
    message: str


class FindingPlace(Body):
    """A place in a text as it was given."""

    start: int
    end: int
    type: str
    score: float
    """how sure, 0 to 1"""
    reason: str
    """what spoke for it; never the text itself"""
    detector: str


class ForgottenBody(Body):
    """How many names went."""

    removed: int


class ForgottenPerson(Body):
    """What became of it."""

    destroyed: bool
    """whether the log named such a person"""


class GrantState(Body):
    """A grant just made."""

    grant_id: UUID
    role: str
    kind: str
    holder: str
    granted_at: datetime
    until: datetime | None


class GroupBody(Body):
    """A set of users that access is granted to."""

    principal_id: UUID
    name: str
    members: int


class GroupList(Body):
    """Groups, by name."""

    groups: tuple[GroupBody, ...]


class GuessBody(Body):
    """One target of one ticket."""

    label: str
    """the likeliest, also where it is abstained from"""
    confidence: float
    abstained: bool
    """a person should choose"""
    alternatives: tuple[Chance, ...]
    terms: tuple[TermBody, ...]


class Health(Body):
    """The process answers."""

    _defaults: ClassVar[Mapping[str, Any]] = {"status": "ok"}
    status: str
    version: str


class HealthBody(Body):
    """Whether the vendor answers, and how its limit stands."""

    ok: bool
    detail: str
    milliseconds: float
    remaining: int | None
    """requests that the vendor's limit leaves"""
    limit: int | None


class HoldBody(Body):
    """A legal hold."""

    hold_id: UUID
    everyone: bool
    reason: str
    placed_at: datetime
    released_at: datetime | None


class HoldList(Body):
    """Holds, oldest first."""

    holds: tuple[HoldBody, ...]


class HoldingBody(Body):
    """One store of the data map."""

    store: str
    kind: str
    personal: str
    purpose: str
    kept: str
    exported: str
    erased: str


class IngestBody(Body):
    """What became of an upload."""

    ingest_id: UUID
    state: str
    stored: int
    unchanged: int
    failed: int
    pending: int
    documents: int
    chunks: int
    failures: tuple[dict[str, Any], ...]


class Interval(Body):
    """An estimate between two bounds; the bounds are None when there is too little to say."""

    estimate: float
    low: float | None
    high: float | None


class IntervalBody(Body):
    """An estimate with the bounds of its confidence interval; null where there is too little to say."""

    estimate: float
    low: float | None
    high: float | None


class JobBody(Body):
    """A unit of background work that is not done."""

    job_id: int
    queue: str
    task: str
    state: Literal["waiting", "running", "failed"]
    """failed: tried as often as jobs are, and given up"""
    attempts: int
    queued_at: datetime | None
    begun_at: datetime | None
    due_at: datetime | None
    """before which no worker takes it"""
    about: SubjectBody | None
    progress: ProgressBody | None
    """null where it cannot be told"""
    cancellable: bool


class JobList(Body):
    """One page, the newest first; ``next`` continues it."""

    jobs: tuple[JobBody, ...]
    next: int | None
    """give it as `before`; null on the last page"""


class KeyBody(Body):
    """An API key, without its secret."""

    key_id: UUID
    name: str
    user: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """to the minute"""
    rotated_at: datetime | None
    """when it got its secret, where not when it was made"""
    previous_until: datetime | None
    """until when the secret before is taken, too"""


class KeyList(Body):
    """API keys, oldest first."""

    keys: tuple[KeyBody, ...]


class KindBody(Body):
    """One kind of record."""

    kind: str
    records: int
    problems: int
    running: bool
    lag_seconds: float | None
    complete: bool
    error: str
    notes: tuple[str, ...]
    unmapped: dict[str, int]
    """fields without a place in the model, and the records that hold something in each"""


class KnownBody(Body):
    """How many names there are of the source now."""

    source: str
    known: int


class LabelHistory(Body):
    """The moves of a label, newest first."""

    moves: tuple[LabelMoveBody, ...]


class LabelMoveBody(Body):
    """A move of a label."""

    label: str
    position: int
    version: int
    rollback: bool
    moved_by: str
    moved_at: datetime


class MadeKey(Body):
    """A key just made."""

    key_id: UUID
    user: str
    secret: str
    """the whole key; it is never shown again"""
    expires_at: datetime | None


class MemoryBody(Body):
    """A memory."""

    memory_id: UUID
    kind: Literal["episodic", "semantic", "procedural"]
    audience: Literal["user", "group", "tenant"]
    text: str
    subject: str
    """what it is about; of two about the same the newer counts"""
    trust: Literal["trusted", "untrusted"]
    """untrusted: others' text went into it"""
    origin: Literal["person", "prompt", "output", "untrusted", "tool"]
    source: str
    """name of the agent or the tool"""
    run_id: UUID | None
    step: int | None
    importance: float
    pinned: bool
    uses: int
    made_at: datetime
    used_at: datetime
    superseded_by: UUID | None
    superseded_at: datetime | None
    """null while it counts"""


class MemoryHistory(Body):
    """A memory and what it superseded."""

    memories: tuple[MemoryBody, ...]


class MemoryList(Body):
    """Memories, newest first."""

    memories: tuple[MemoryBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class MessageBody(Body):
    """A message."""

    _defaults: ClassVar[Mapping[str, Any]] = {"call_id": "", "tool": ""}
    role: str
    content: str
    call_id: str
    tool: str


class MetricBody(Body):
    """One metric by variant."""

    metric: str
    kind: str
    """`proportion` (Wilson, Newcombe) or `mean` (Student, Welch)"""
    variants: dict[str, VariantResultBody]


class Model(Body):
    """Model"""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Body):
    """ModelList"""

    object: Literal["list"]
    data: tuple[Model, ...]


class NameBody(Body):
    """A name that the tenant knows."""

    type: str
    value: str


class NameList(Body):
    """Names, by type and value."""

    names: tuple[NameBody, ...]


class NeighbourBody(Body):
    """A ticket of the past that reads alike."""

    reference: str
    similarity: float
    resolved: bool
    labels: dict[str, str]
    uri: str
    """where to look at it, where known"""


class NewTenantBody(Body):
    """A tenant just made."""

    tenant: TenantBody
    owner: str
    secret: str
    """the owner's API key, shown this once; empty without one"""


class NewWebhookBody(Body):
    """A webhook with its secret, which is not shown again."""

    webhook_id: UUID
    url: str
    types: tuple[str, ...]
    description: str
    active: bool
    disabled_because: Literal["", "person", "failing", "gone"]
    old_secret_until: datetime | None
    """until then the secret before signs too"""
    failing_since: datetime | None
    """the first attempt that failed since one was accepted; none where nothing waits"""
    created_at: datetime
    changed_at: datetime
    secret: str
    """whsec_ and base64, as Standard Webhooks has it"""


class PartBody(Body):
    """A request, or a job that ran for it."""

    kind: Literal["http", "operation", "job"]
    operation: str
    outcome: Literal["ok", "error", "cancelled"]
    error: str
    began_at: datetime
    seconds: float
    principal: str
    principal_id: str
    role: str
    groups: tuple[str, ...]
    """names, or ids, at that time"""
    question: str
    """empty unless explain.keep_questions"""
    http: dict[str, str | int]
    """method, route and status of a request over HTTP"""
    prompts: tuple[PromptUse, ...]
    candidates: dict[str, int]
    limit: int | None
    passages: tuple[PassageFate, ...]
    answer: AnswerFacts | None
    caches: tuple[CacheDecision, ...]
    redactions: dict[str, int]
    jobs: tuple[dict[str, str], ...]
    steps: tuple[ToldStep, ...]
    """a tree; times in seconds from `began_at`"""
    dropped: int
    """steps and facts beyond the bounds of a story"""


class PassageBody(Body):
    """A passage that was found."""

    chunk_id: UUID
    document_id: UUID
    title: str
    uri: str
    section: str
    text: str
    start: int
    """offset in characters in the document's text"""
    end: int
    score: float
    """0 to 1, higher is better"""


class PassageFate(Body):
    """A passage that was found, its scores, and what became of it."""

    rank: int
    chunk_id: str
    document_id: str
    ordinal: int
    title: str
    section: str
    visible: bool
    dense: float | None
    lexical: float | None
    fused: float | None
    rerank: float | None
    fate: Literal["cited", "given", "kept", "dropped"]
    why: str


class PatternBody(Body):
    """The form of an identifier of the tenant's own."""

    name: str
    regex: str
    type: str
    score: float


class PatternList(Body):
    """Patterns, by name."""

    patterns: tuple[PatternBody, ...]


class PolicySchema(Body):
    """What policies may go by."""

    cedar: str


class PolicyState(Body):
    """The tenant's policy."""

    version: int
    text: str
    saved_at: datetime | None
    policies: tuple[str, ...]


class PredictResponse(Body):
    """In the order of the texts."""

    predictions: tuple[PredictionBody, ...]


class PredictionBody(Body):
    """All targets of one ticket."""

    guesses: dict[str, GuessBody]
    """by target"""
    by_meaning: bool
    """an embedder counted too; false where words were sure"""
    neighbours: tuple[NeighbourBody, ...]
    """tickets of the past that read alike and that you may see"""


class PreviewBody(Body):
    """What a run would bring, by kind."""

    kinds: dict[str, CountedBody]


class PriceBody(Body):
    """US dollars for a million tokens."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None


class ProblemBody(Body):
    """A record that could not be read or stored."""

    kind: str
    id: str
    why: str
    found_at: datetime


class ProgressBody(Body):
    """How far it is."""

    done: int
    total: int
    unit: Literal["files", "stores", "kinds"]


class PromptBody(Body):
    """A version of a prompt."""

    name: str
    version: int
    labels: tuple[str, ...]
    content_hash: str
    note: str
    author: str
    created_at: datetime | None
    prompt: dict[str, Any]
    """name, description, variables, messages"""


class PromptList(Body):
    """Every prompt, by name."""

    prompts: tuple[PromptSummaryBody, ...]


class PromptSummaryBody(Body):
    """A prompt in a list."""

    name: str
    description: str
    newest: int
    """0 when the tenant has no version of its own"""
    labels: dict[str, int]
    shared: bool


class PromptUse(Body):
    """A prompt that was used. ``version`` 0 is the one that comes with the release."""

    name: str
    version: int | None
    experiment: str
    variant: str


class PromptUseBody(Body):
    """The prompt that a model worded an answer with."""

    name: str
    version: int
    """0 is the prompt that comes with Deskmind"""
    experiment: str
    """the experiment that chose the version; empty outside one"""
    variant: str


class PromptVersions(Body):
    """Every version, newest first."""

    versions: tuple[PromptBody, ...]


class ProofBody(Body):
    """That an event stands in the log."""

    proof: str
    """for `python -m deskmind.governance.audit.verify`"""
    position: int
    """in the log, from 0"""
    checkpoint: CheckpointBody


class ProposalBody(Body):
    """A write, or a question, that waits for a person."""

    proposal_id: UUID
    run_id: UUID
    agent: str
    tool: str
    kind: Literal["write", "question"]
    arguments: dict[str, Any]
    changes: tuple[ChangeBody, ...]
    reason: str
    """why a person is asked"""
    needed: int
    approvals: int
    state: Literal["open", "approved", "rejected", "expired", "withdrawn"]
    answer: str
    made_at: datetime
    expires_at: datetime
    revision: int
    """how often an approver has changed the values"""
    edits: tuple[EditBody, ...]
    escalated_at: datetime | None
    """when it was announced again"""


class ProposalList(Body):
    """Proposals, the oldest first."""

    proposals: tuple[ProposalBody, ...]
    next: str | None
    """give it as `after` for the next page; null on the last one"""


class QualityLine(Body):
    """What is known of the answers of one group."""

    key: str
    name: str
    answers: int
    not_found: int
    not_found_rate: float
    up: int
    down: int
    corrections: int
    approval: Interval
    """share of ratings that are up, with its 95 % interval"""


class QualityReport(Body):
    """A report, most thumbs down first."""

    quality: tuple[QualityLine, ...]


class Readiness(Body):
    """Whether requests can be served, with the reason when not."""

    status: str
    checks: dict[str, str]


class ReadmittedBody(Body):
    """How many marks of the person were forgotten."""

    marks: int


class RecalledBody(Body):
    """What is remembered about a question."""

    text: str
    """as an agent gets it"""
    tokens: int
    tainted: bool
    """whether others' text is in it"""
    memories: tuple[ScoredBody, ...]


class ReceiptBody(Body):
    """Whether this installation signed a receipt, and what it states."""

    holds: bool
    problem: str
    """why it does not hold"""
    statement: dict[str, Any] | None
    """null where it does not hold"""


class RecordList(Body):
    """One page, by id; ``next`` continues it."""

    records: tuple[dict[str, Any], ...]
    """`id`, `key`, `url`, `version` and the fields of the kind"""
    next: str | None
    """give it as `after`; null on the last page"""


class RedactedBody(Body):
    """A text after redaction."""

    text: str
    findings: tuple[FindingPlace, ...]


class RedactedList(Body):
    """The texts, in the order in which they were given."""

    texts: tuple[RedactedBody, ...]


class RemovedBody(Body):
    """A retention policy that ran."""

    store: str
    days: int
    removed: int
    """rows"""
    ran_at: datetime


class RemovedList(Body):
    """The policies that ran."""

    removed: tuple[RemovedBody, ...]


class RenderedMessages(Body):
    """A prompt with its variables filled in."""

    messages: tuple[MessageBody, ...]


class ReplayBody(Body):
    """What a replay came to."""

    steps: int
    complete: bool
    output: Any


class ReplayedBody(Body):
    """How many are sent again; 10,000 at most, then ask again."""

    replayed: int


class ReportBody(Body):
    """A version under its cases."""

    agent: str
    version: int
    passed: bool
    cases: tuple[CaseBody, ...]


class RequestBody(Body):
    """One story in a list."""

    request_id: str
    kind: Literal["http", "operation", "job"]
    operation: str
    error: str
    """code, empty for none"""
    began_at: datetime
    seconds: float
    principal: str
    found: bool | None
    """whether a question was answered; null where none was asked"""


class RequestList(Body):
    """Stories, newest first."""

    requests: tuple[RequestBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class Review(Body):
    """Who may do what."""

    grants: tuple[ReviewBody, ...]


class ReviewBody(Body):
    """One role of one holder."""

    kind: str
    """user, service, group or key"""
    holder: str
    role: str
    via: str
    """the group that has the role; of a key, its user"""
    permissions: tuple[str, ...]
    since: datetime
    until: datetime | None
    granted_by: str
    reason: str
    last_used: datetime | None
    """of the holder's API keys, where known"""
    disabled: bool


class RightBody(Body):
    """One right that the credentials need."""

    name: str
    needed_for: str
    granted: bool | None
    """null where the vendor gives no way to find out"""
    remedy: str


class RoleList(Body):
    """The built-in roles and the tenant's own."""

    roles: tuple[RoleState, ...]


class RoleState(Body):
    """A role."""

    name: str
    built_in: bool
    permissions: tuple[str, ...]
    description: str


class RunBody(Body):
    """A run of an agent."""

    run_id: UUID
    agent: str
    state: Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
    output: Any
    """null until it is done"""
    problem: str
    """code of the error that ended it"""
    remedy: str
    tainted: bool
    """whether it has read texts that others wrote"""
    steps: int
    tool_calls: int
    tokens: int
    cost: Decimal
    """US dollars"""
    seconds: float
    started_at: datetime
    ended_at: datetime | None


class RunDetailsBody(Body):
    """A run with its transcript and its writes."""

    run: RunBody
    prompt: str
    steps: tuple[StepBody, ...]
    effects: tuple[EffectBody, ...]


class RunIdBody(Body):
    """A new run."""

    run_id: UUID


class RunList(Body):
    """Runs, newest first."""

    runs: tuple[RunBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class ScheduleBody(Body):
    """What begins a workflow."""

    schedule_id: UUID
    name: str
    workflow: str
    input: dict[str, Any]
    event: Literal["time", "ticket.created", "ticket.updated", "sla.at_risk", "webhook"]
    cron: str
    zone: str
    connection: str | None
    minutes: int
    enabled: bool
    next_at: datetime | None
    problem: str
    created_at: datetime


class ScheduleList(Body):
    """Schedules, by name."""

    schedules: tuple[ScheduleBody, ...]


class ScoredBody(Body):
    """A memory and how much it counts."""

    memory_id: UUID
    kind: Literal["episodic", "semantic", "procedural"]
    audience: Literal["user", "group", "tenant"]
    text: str
    subject: str
    """what it is about; of two about the same the newer counts"""
    trust: Literal["trusted", "untrusted"]
    """untrusted: others' text went into it"""
    origin: Literal["person", "prompt", "output", "untrusted", "tool"]
    source: str
    """name of the agent or the tool"""
    run_id: UUID | None
    step: int | None
    importance: float
    pinned: bool
    uses: int
    made_at: datetime
    used_at: datetime
    superseded_by: UUID | None
    superseded_at: datetime | None
    """null while it counts"""
    relevance: float
    recency: float
    score: float
    """relevance × recency × importance"""


class SearchResponse(Body):
    """Passages, best first."""

    passages: tuple[PassageBody, ...]


class SecretBody(Body):
    """Where the vendor may call, and what it signs its calls with."""

    path: str
    secret: str
    """give it to the vendor and nobody else"""


class SentenceBody(Body):
    """A part of the answer and the number of its citation."""

    text: str
    citation: int


class SimilarResponse(Body):
    """Best first."""

    tickets: tuple[NeighbourBody, ...]


class StartedBody(Body):
    """A run that was begun."""

    run_id: UUID
    run: RunBody | None
    """where it was waited for"""


class StepBody(Body):
    """A row of the transcript."""

    kind: Literal["request", "response", "result"]
    tool: str
    outcome: str
    text: str
    at: datetime


class StoppedBody(Body):
    """A tool that is stopped."""

    tool: str
    """`*` is all of them"""
    reason: str


class StoppedList(Body):
    """Stopped tools, by name."""

    stopped: tuple[StoppedBody, ...]


class SubjectBody(Body):
    """What a job works on."""

    kind: str
    id: UUID
    name: str
    """of a connection"""
    href: str
    """where to see how far it is and what came of it"""


class TenantBody(Body):
    """A customer."""

    tenant_id: UUID
    slug: str
    name: str
    """for people"""
    created_at: datetime


class TenantList(Body):
    """Tenants, by their short names."""

    tenants: tuple[TenantBody, ...]


class TermBody(Body):
    """What speaks for a label."""

    text: str
    weight: float


class TestBody(Body):
    """What reaching the system showed."""

    health: HealthBody
    rights: tuple[RightBody, ...]
    """none where it does not answer"""


class TextBody(Body):
    """A text."""

    text: str


class ToldStep(Body):
    """A step of a story that is over."""

    name: str
    parent: int | None
    begin: float
    seconds: float
    error: str


class TrainingBody(Body):
    """A training by a worker."""

    training_id: UUID
    asked_at: datetime
    scheduled: bool
    """by the schedule, not by a person"""
    threshold: float
    embed: bool
    state: Literal["waiting", "running", "done", "failed"]
    started_at: datetime | None
    finished_at: datetime | None
    tickets: int
    """how many were learned from"""
    version: int | None
    """of the model that came of it"""
    problem: str
    """what went wrong"""


class TrainingList(Body):
    """The last twenty, newest first."""

    trainings: tuple[TrainingBody, ...]


class TriageModelBody(Body):
    """A trained model."""

    version: int
    trained_by: str
    trained_at: datetime
    tickets: int
    """how many it has learned from"""
    release: str
    sha256: str
    size: int
    """bytes"""
    evaluation: dict[str, dict[str, float]]
    """by target, on tickets held out in training"""
    left_out: dict[str, dict[str, int]]
    """by target, labels of too few tickets"""
    embedding: str
    """space of the embedder that counted; empty without one"""
    words_only: dict[str, dict[str, float]]
    """as evaluation, where that embedder is absent"""


class TriageModelList(Body):
    """Models, newest first; the first one predicts."""

    models: tuple[TriageModelBody, ...]


class TriedBody(Body):
    """What a deployment did with a call of a few tokens."""

    model: str
    deployment: str
    state: str
    """`ok`, or the code of the error"""
    seconds: float | None
    """until the reply; null without one"""
    finding: str


class TriedList(Body):
    """One entry for each deployment."""

    results: tuple[TriedBody, ...]


class Try(Body):
    """One try at one deployment; ``waited`` seconds of back-off came before it."""

    deployment: str
    outcome: str
    seconds: float
    waited: float


class TurnBody(Body):
    """A turn."""

    _defaults: ClassVar[Mapping[str, Any]] = {"call_id": "", "tool": ""}
    position: int
    role: str
    content: str
    call_id: str
    tool: str
    created_at: datetime


class UsageLine(Body):
    """What calls of one group used."""

    group: dict[str, str]
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal
    """of the calls whose price is known"""
    unpriced: int
    """calls without a known price; they are not in cost_usd"""
    estimated: int
    unsettled: int
    errors: int
    mean_seconds: float


class UsageReport(Body):
    """A report, dearest group first."""

    usage: tuple[UsageLine, ...]


class UserBody(Body):
    """A person or service that can act."""

    principal_id: UUID
    name: str
    display_name: str
    kind: Literal["user", "service"]
    role: Literal["operator", "member"]
    """operator: oversees the tenant"""
    groups: tuple[str, ...]


class UserList(Body):
    """Users, by name."""

    users: tuple[UserBody, ...]


class VariantBody(Body):
    """One of the things tried."""

    _defaults: ClassVar[Mapping[str, Any]] = {"weight": 1.0}
    name: str
    version: int
    """of the prompt; 0 comes with Deskmind"""
    weight: float
    """share of the users relative to the others"""


class VariantResultBody(Body):
    """A variant's value of a metric, each user counted once."""

    users: int
    observations: int
    value: IntervalBody
    difference: IntervalBody | None
    """to the first variant; null for the first itself"""
    differs: bool
    """whether the interval of the difference excludes zero"""


class VerifyReport(Body):
    """What the log showed."""

    holds: bool
    origin: str
    """which log"""
    events: int
    covered: int
    """by the newest checkpoint that holds"""
    kept: int
    """checkpoints from elsewhere that it was compared with"""
    findings: tuple[FindingBody, ...]


class WebhookBody(Body):
    """A webhook, without its secret."""

    webhook_id: UUID
    url: str
    types: tuple[str, ...]
    description: str
    active: bool
    disabled_because: Literal["", "person", "failing", "gone"]
    old_secret_until: datetime | None
    """until then the secret before signs too"""
    failing_since: datetime | None
    """the first attempt that failed since one was accepted; none where nothing waits"""
    created_at: datetime
    changed_at: datetime


class WebhookList(Body):
    """Webhooks, the oldest first."""

    webhooks: tuple[WebhookBody, ...]


class WindowBody(Body):
    """What the request to the model held: tokens by part, how much was kept, what was left out."""

    limit: int
    """tokens of the model's window, reply included"""
    used: int
    tokens: dict[str, int]
    kept: dict[str, int]
    dropped: tuple[DroppedBody, ...]
    summarised: int
    """turns that a summary stands for"""
    counter: str
    exact: bool
    """whether the tokens are the model's own count, not an estimate"""


class WorkflowBody(Body):
    """A workflow that can be run."""

    name: str
    version: int
    description: str
    input: dict[str, Any]
    """JSON schema"""


class WorkflowList(Body):
    """Workflows, by name."""

    workflows: tuple[WorkflowBody, ...]


class WorkflowRunBody(Body):
    """A run of a workflow."""

    run_id: UUID
    workflow: str
    version: int
    state: Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"]
    input: dict[str, Any]
    output: Any
    """null until it is done"""
    problem: str
    """code of the error that ended it"""
    tainted: bool
    """whether it has read texts that others wrote"""
    parent_id: UUID | None
    """the run whose step it is"""
    forked_from: UUID | None
    wake_at: datetime | None
    """when it goes on, where it waits for a time"""
    tokens: int
    cost: Decimal
    """US dollars"""
    started_at: datetime
    ended_at: datetime | None


class WorkflowRunDetailsBody(Body):
    """A run with its steps."""

    run: WorkflowRunBody
    steps: tuple[WorkflowStepBody, ...]


class WorkflowRunList(Body):
    """Runs, newest first."""

    runs: tuple[WorkflowRunBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""


class WorkflowStepBody(Body):
    """A step."""

    path: str
    name: str
    kind: Literal["step", "tool", "agent", "workflow", "sleep", "undo"]
    state: Literal["running", "done", "failed"]
    attempts: int
    child_id: UUID | None
    """the run that it is"""
    value: Any
    problem: str
    reason: str
    began_at: datetime
    ended_at: datetime | None


class WriteBody(Body):
    """A write and what became of it."""

    write_id: UUID
    connection: str
    """its name; empty for a connector of the application's own"""
    run_id: UUID | None
    """of the agent that proposed it"""
    principal_id: UUID | None
    """who proposed it, or whose run did; null for a command on the service's machine"""
    decided_by: UUID | None
    """who had it sent, or rejected it"""
    vendor: str
    act: Literal["create", "comment", "update", "assign", "transition", "attach", "publish"]
    target: str
    target_key: str
    changes: tuple[WriteChange, ...]
    state: Literal["proposed", "sending", "applied", "absent", "uncertain", "rejected"]
    """absent: the vendor does not have it, it may be sent again; uncertain: a person has to look"""
    epoch: int
    """how often somebody began to send it"""
    written_id: str
    """the vendor's id of what was written"""
    url: str
    version: str
    differing: tuple[str, ...]
    """fields that the vendor holds otherwise than proposed"""
    problem: str
    """code of the last error"""
    made_at: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    looks: int
    """how often a worker has looked for it since it was sent"""
    look_at: datetime | None
    """when a worker looks again"""
    handed_at: datetime | None
    """since when workers leave it to a person"""
    at_work: bool
    """whether somebody may still be sending it"""


class WriteChange(Body):
    """One field in the vendor's terms."""

    field: str
    before: Any
    after: Any


class WriteList(Body):
    """Writes, newest first."""

    writes: tuple[WriteBody, ...]
    next: str | None
    """give it as `before` for the next page; null on the last one"""
