"""The desk and its parts, each method as one that waits. A test compares them with the asynchronous ones."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from deskmind.agents import Agents, Approvals, Memories
from deskmind.agents.definitions import StoredAgents
from deskmind.agents.workflows import Schedules, Workflows
from deskmind.app import Deskmind
from deskmind.backlog import Jobs
from deskmind.blocking._waiting import Streaming
from deskmind.desk import Desk
from deskmind.explain import Requests
from deskmind.feedback import Feedback, Quality
from deskmind.gateway.service import Budgets, Models, Usage
from deskmind.governance.access.api_keys import ApiKeys
from deskmind.governance.access.operating import Installation
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.service import Access
from deskmind.governance.access.tenants import Tenants
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.evidence.service import Evidence
from deskmind.governance.privacy.service import Privacy
from deskmind.governance.redaction.service import Redaction
from deskmind.knowledge.service import Knowledge
from deskmind.prompts.conversations import Conversations
from deskmind.prompts.experiments import Experiments
from deskmind.prompts.store import Prompts
from deskmind.scope import Scope
from deskmind.sync.connections import Connections
from deskmind.sync.service import Sync
from deskmind.triage.service import Triage
from deskmind.waiting import Blocking, Iterating, Loop, Part
from deskmind.webhooks.service import Webhooks
from deskmind.writes import Writes

__all__ = ["BlockingDesk", "BlockingDeskmind"]


class BlockingKnowledge(Part[Knowledge]):
    """``desk.knowledge``."""

    ingest = Blocking(Knowledge.ingest)
    add = Blocking(Knowledge.add)
    add_files = Blocking(Knowledge.add_files)
    search = Blocking(Knowledge.search)
    ask = Blocking(Knowledge.ask)
    ask_stream = Iterating(Knowledge.ask_stream)
    documents = Blocking(Knowledge.documents)
    document = Blocking(Knowledge.document)
    ticket = Blocking(Knowledge.ticket)
    named = Blocking(Knowledge.named)
    view = Blocking(Knowledge.view)
    versions = Blocking(Knowledge.versions)
    ticket_versions = Blocking(Knowledge.ticket_versions)
    delete = Blocking(Knowledge.delete)
    ingest_report = Blocking(Knowledge.ingest_report)


class BlockingPrompts(Part[Prompts]):
    """``desk.prompts``."""

    list = Blocking(Prompts.list)
    get = Blocking(Prompts.get)
    versions = Blocking(Prompts.versions)
    history = Blocking(Prompts.history)
    render = Blocking(Prompts.render)
    save = Blocking(Prompts.save)
    label = Blocking(Prompts.label)
    rollback = Blocking(Prompts.rollback)
    diff = Blocking(Prompts.diff)
    export = Blocking(Prompts.export)
    import_ = Blocking(Prompts.import_)


class BlockingExperiments(Part[Experiments]):
    """``desk.experiments``."""

    start = Blocking(Experiments.start)
    weigh = Blocking(Experiments.weigh)
    stop = Blocking(Experiments.stop)
    all = Blocking(Experiments.all)
    report = Blocking(Experiments.report)
    assign = Blocking(Experiments.assign)
    observe = Blocking(Experiments.observe)
    feedback = Blocking(Experiments.feedback)
    forget = Blocking(Experiments.forget)


class BlockingConversations(Part[Conversations]):
    """``desk.conversations``."""

    create = Blocking(Conversations.create)
    list = Blocking(Conversations.list)
    get = Blocking(Conversations.get)
    append = Blocking(Conversations.append)
    rename = Blocking(Conversations.rename)
    summarise = Blocking(Conversations.summarise)
    erase = Blocking(Conversations.erase)
    purge = Blocking(Conversations.purge)
    erase_of = Blocking(Conversations.erase_of)


class BlockingPrincipals(Part[Principals]):
    """``desk.principals``."""

    add_user = Blocking(Principals.add_user)
    set_groups = Blocking(Principals.set_groups)
    add_group = Blocking(Principals.add_group)
    users = Blocking(Principals.users)
    groups = Blocking(Principals.groups)
    scope_of = Blocking(Principals.scope_of)


class BlockingKeys(Part[ApiKeys]):
    """``desk.keys``."""

    create = Blocking(ApiKeys.create)
    all = Blocking(ApiKeys.all)
    rotate = Blocking(ApiKeys.rotate)
    revoke = Blocking(ApiKeys.revoke)


class BlockingAccess(Part[Access]):
    """``desk.access``."""

    check = Blocking(Access.check)
    check_of = Blocking(Access.check_of)
    review = Blocking(Access.review)
    grant = Blocking(Access.grant)
    revoke = Blocking(Access.revoke)
    roles = Blocking(Access.roles)
    define_role = Blocking(Access.define_role)
    delete_role = Blocking(Access.delete_role)
    policy = Blocking(Access.policy)
    policy_schema = Blocking(Access.policy_schema)
    set_policy = Blocking(Access.set_policy)


class BlockingModels(Part[Models]):
    """``desk.models``."""

    chat = Blocking(Models.chat)
    stream = Streaming(Models.stream)
    embed = Blocking(Models.embed)
    rerank = Blocking(Models.rerank)
    list = Blocking(Models.list)
    test = Blocking(Models.test)


class BlockingUsage(Part[Usage]):
    """``desk.usage``."""

    report = Blocking(Usage.report)


class BlockingBudgets(Part[Budgets]):
    """``desk.budgets``."""

    set = Blocking(Budgets.set)
    list = Blocking(Budgets.list)
    delete = Blocking(Budgets.delete)


class BlockingRequests(Part[Requests]):
    """``desk.requests``."""

    explain = Blocking(Requests.explain)
    list = Blocking(Requests.list)


class BlockingFeedback(Part[Feedback]):
    """``desk.feedback``."""

    give = Blocking(Feedback.give)
    list = Blocking(Feedback.list)
    forget = Blocking(Feedback.forget)


class BlockingQuality(Part[Quality]):
    """``desk.quality``."""

    report = Blocking(Quality.report)


class BlockingRedaction(Part[Redaction]):
    """``desk.redaction``."""

    redact = Blocking(Redaction.redact)
    redactor = Blocking(Redaction.redactor)
    patterns = Blocking(Redaction.patterns)
    add_pattern = Blocking(Redaction.add_pattern)
    remove_pattern = Blocking(Redaction.remove_pattern)
    actions = Blocking(Redaction.actions)
    set_action = Blocking(Redaction.set_action)
    directory = Blocking(Redaction.directory)
    know = Blocking(Redaction.know)
    forget = Blocking(Redaction.forget)


class BlockingTriage(Part[Triage]):
    """``desk.triage``."""

    train = Blocking(Triage.train)
    retrain = Blocking(Triage.retrain)
    training = Blocking(Triage.training)
    trainings = Blocking(Triage.trainings)
    predict = Blocking(Triage.predict)
    evaluate = Blocking(Triage.evaluate)
    models = Blocking(Triage.models)
    similar = Blocking(Triage.similar)
    duplicates = Blocking(Triage.duplicates)
    clusters = Blocking(Triage.clusters)


class BlockingAgents(Part[Agents]):
    """``desk.agents``."""

    versions = Blocking(Agents.versions)
    run = Blocking(Agents.run)
    start = Blocking(Agents.start)
    resume = Blocking(Agents.resume)
    requeue = Blocking(Agents.requeue)
    cancel = Blocking(Agents.cancel)
    list = Blocking(Agents.list)
    show = Blocking(Agents.show)
    stop_tool = Blocking(Agents.stop_tool)
    allow_tool = Blocking(Agents.allow_tool)
    stopped_tools = Blocking(Agents.stopped_tools)
    blocks = Blocking(Agents.blocks)
    lift = Blocking(Agents.lift)


class BlockingApprovals(Part[Approvals]):
    """``desk.approvals``."""

    list = Blocking(Approvals.list)
    show = Blocking(Approvals.show)
    approve = Blocking(Approvals.approve)
    edit = Blocking(Approvals.edit)
    reject = Blocking(Approvals.reject)


class BlockingWorkflows(Part[Workflows]):
    """``desk.workflows``."""

    all = Blocking(Workflows.all)
    run = Blocking(Workflows.run)
    start = Blocking(Workflows.start)
    resume = Blocking(Workflows.resume)
    unpause = Blocking(Workflows.unpause)
    pause = Blocking(Workflows.pause)
    cancel = Blocking(Workflows.cancel)
    fork = Blocking(Workflows.fork)
    replay = Blocking(Workflows.replay)
    runs = Blocking(Workflows.runs)
    show = Blocking(Workflows.show)
    events = Iterating(Workflows.events)


class BlockingSchedules(Part[Schedules]):
    """``desk.schedules``."""

    add = Blocking(Schedules.add)
    all = Blocking(Schedules.all)
    enable = Blocking(Schedules.enable)
    remove = Blocking(Schedules.remove)


class BlockingStoredAgents(Part[StoredAgents]):
    """``desk.stored_agents``."""

    list = Blocking(StoredAgents.list)
    get = Blocking(StoredAgents.get)
    versions = Blocking(StoredAgents.versions)
    save = Blocking(StoredAgents.save)
    publish = Blocking(StoredAgents.publish)
    agent = Blocking(StoredAgents.agent)
    run = Blocking(StoredAgents.run)
    start = Blocking(StoredAgents.start)
    test = Blocking(StoredAgents.test)


class BlockingMemories(Part[Memories]):
    """``desk.memories``."""

    list = Blocking(Memories.list)
    show = Blocking(Memories.show)
    recall = Blocking(Memories.recall)
    add = Blocking(Memories.add)
    learn = Blocking(Memories.learn)
    correct = Blocking(Memories.correct)
    pin = Blocking(Memories.pin)
    forget = Blocking(Memories.forget)


class BlockingConnections(Part[Connections]):
    """``desk.connections``."""

    add = Blocking(Connections.add)
    all = Blocking(Connections.all)
    get = Blocking(Connections.get)
    test = Blocking(Connections.test)
    webhook_secret = Blocking(Connections.webhook_secret)
    remove = Blocking(Connections.remove)


class BlockingSync(Part[Sync]):
    """``desk.sync``."""

    run = Blocking(Sync.run)
    preview = Blocking(Sync.preview)
    status = Blocking(Sync.status)
    reset = Blocking(Sync.reset)
    records = Blocking(Sync.records)
    training_tickets = Blocking(Sync.training_tickets)


class BlockingWrites(Part[Writes]):
    """``desk.writes``."""

    propose = Blocking(Writes.propose)
    send = Blocking(Writes.send)
    reject = Blocking(Writes.reject)
    list = Blocking(Writes.list)
    show = Blocking(Writes.show)
    reconcile = Blocking(Writes.reconcile)
    resolve = Blocking(Writes.resolve)


class BlockingInstallation(Part[Installation]):
    """``desk.installation``."""

    tenants = Blocking(Installation.tenants)
    tenant = Blocking(Installation.tenant)
    acts = Blocking(Installation.acts)
    closed_accounts = Blocking(Installation.closed_accounts)
    create = Blocking(Installation.create)
    erase = Blocking(Installation.erase)


class BlockingJobs(Part[Jobs]):
    """``desk.jobs``."""

    list = Blocking(Jobs.list)
    get = Blocking(Jobs.get)
    cancel = Blocking(Jobs.cancel)


class BlockingWebhooks(Part[Webhooks]):
    """``desk.webhooks``."""

    add = Blocking(Webhooks.add)
    all = Blocking(Webhooks.all)
    get = Blocking(Webhooks.get)
    change = Blocking(Webhooks.change)
    rotate = Blocking(Webhooks.rotate)
    disable = Blocking(Webhooks.disable)
    enable = Blocking(Webhooks.enable)
    remove = Blocking(Webhooks.remove)
    test = Blocking(Webhooks.test)
    deliveries = Blocking(Webhooks.deliveries)
    delivery = Blocking(Webhooks.delivery)
    replay = Blocking(Webhooks.replay)
    replay_dead = Blocking(Webhooks.replay_dead)


class BlockingAuditLog(Part[AuditLog]):
    """``desk.audit_log``."""

    search = Blocking(AuditLog.search)
    checkpoint = Blocking(AuditLog.checkpoint)
    verify = Blocking(AuditLog.verify)
    prove = Blocking(AuditLog.prove)
    export = Iterating(AuditLog.export)
    forget = Blocking(AuditLog.forget)
    rewrap = Blocking(AuditLog.rewrap)
    wrapped_under = Blocking(AuditLog.wrapped_under)
    events = Iterating(AuditLog.events)


class BlockingPrivacy(Part[Privacy]):
    """``desk.privacy``."""

    map = Blocking(Privacy.map)
    export = Blocking(Privacy.export)
    plan = Blocking(Privacy.plan)
    request_erasure = Blocking(Privacy.request_erasure)
    erase = Blocking(Privacy.erase)
    resume = Blocking(Privacy.resume)
    erasures = Blocking(Privacy.erasures)
    erasure = Blocking(Privacy.erasure)
    verify_receipt = Blocking(Privacy.verify_receipt)
    replay = Blocking(Privacy.replay)
    readmit = Blocking(Privacy.readmit)
    hold = Blocking(Privacy.hold)
    holds = Blocking(Privacy.holds)
    release = Blocking(Privacy.release)
    retain = Blocking(Privacy.retain)
    retention = Blocking(Privacy.retention)


class BlockingEvidence(Part[Evidence]):
    """``desk.evidence``."""

    make = Blocking(Evidence.make)
    public_keys = Blocking(Evidence.public_keys)


class BlockingTenants(Part[Tenants]):
    """``app.tenants``."""

    create = Blocking(Tenants.create)
    all = Blocking(Tenants.all)
    named = Blocking(Tenants.named)


class BlockingDesk(Part[Desk]):
    """``Desk`` for synchronous code, with the same parts; what notebooks use most is on the desk itself too."""

    ask = Blocking(Desk.ask)
    ask_stream = Iterating(Desk.ask_stream)
    audit = Blocking(Desk.audit)
    metrics = Blocking(Desk.metrics)

    def __init__(self, desk: Desk, loop: Loop) -> None:
        super().__init__(desk, loop)
        self.knowledge = BlockingKnowledge(desk.knowledge, loop)
        self.prompts = BlockingPrompts(desk.prompts, loop)
        self.experiments = BlockingExperiments(desk.experiments, loop)
        self.conversations = BlockingConversations(desk.conversations, loop)
        self.principals = BlockingPrincipals(desk.principals, loop)
        self.keys = BlockingKeys(desk.keys, loop)
        self.access = BlockingAccess(desk.access, loop)
        self.models = BlockingModels(desk.models, loop)
        self.usage = BlockingUsage(desk.usage, loop)
        self.budgets = BlockingBudgets(desk.budgets, loop)
        self.requests = BlockingRequests(desk.requests, loop)
        self.feedback = BlockingFeedback(desk.feedback, loop)
        self.quality = BlockingQuality(desk.quality, loop)
        self.redaction = BlockingRedaction(desk.redaction, loop)
        self.triage = BlockingTriage(desk.triage, loop)
        self.connections = BlockingConnections(desk.connections, loop)
        self.sync = BlockingSync(desk.sync, loop)
        self.writes = BlockingWrites(desk.writes, loop)
        self.jobs = BlockingJobs(desk.jobs, loop)
        self.installation = BlockingInstallation(desk.installation, loop)
        self.webhooks = BlockingWebhooks(desk.webhooks, loop)
        self.agents = BlockingAgents(desk.agents, loop)
        self.approvals = BlockingApprovals(desk.approvals, loop)
        self.workflows = BlockingWorkflows(desk.workflows, loop)
        self.schedules = BlockingSchedules(desk.schedules, loop)
        self.stored_agents = BlockingStoredAgents(desk.stored_agents, loop)
        self.memories = BlockingMemories(desk.memories, loop)
        self.audit_log = BlockingAuditLog(desk.audit_log, loop)
        self.privacy = BlockingPrivacy(desk.privacy, loop)
        self.evidence = BlockingEvidence(desk.evidence, loop)
        self.agent = desk.agent
        self.add_user = self.principals.add_user
        self.ingest = self.knowledge.ingest
        self.search = self.knowledge.search
        self.documents = self.knowledge.documents
        self.document = self.knowledge.document
        self.delete = self.knowledge.delete

    def acting_for(self, user: str) -> BlockingDesk:
        """The desk of a user with this one's principal in the user's place; see ``Desk.acting_for``."""
        return BlockingDesk(self.loop.run(self.part.acting_for(user)), self.loop)

    @property
    def scope(self) -> Scope:
        """Tenant, principal and groups."""
        return self.part.scope


class BlockingDeskmind:
    """``Deskmind`` for synchronous code.

    >>> with BlockingDeskmind.open() as app:
    ...     answer = app.desk(tenant="acme", user="req1").ask("How do I reset my password?")
    """

    def __init__(self, app: Deskmind) -> None:
        self._app = app
        self._loop = Loop("application")

    @classmethod
    def open(cls, **options: Any) -> Self:
        """As ``Deskmind.open``; to be entered with ``with``."""
        return cls(Deskmind.open(**options))

    def __enter__(self) -> Self:
        try:
            self._loop.run(self._app.start())
        except BaseException:
            self._loop.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.close(self._app.close)

    @property
    def tenants(self) -> BlockingTenants:
        """The tenants of this installation."""
        return BlockingTenants(self._app.tenants, self._loop)

    def create_tenant(self, slug: str, *, name: str = "") -> None:
        """Add a tenant; see ``Tenants.create``."""
        self.tenants.create(slug, name=name)

    def desk(self, *, tenant: str, user: str | None = None) -> BlockingDesk:
        """The desk of a user, or of the tenant's operator; see ``Deskmind.desk``."""
        return BlockingDesk(self._loop.run(self._app.desk(tenant=tenant, user=user)), self._loop)

    def authenticate(self, api_key: str) -> BlockingDesk:
        """The desk of the user an API key stands for; see ``Deskmind.authenticate``."""
        return BlockingDesk(self._loop.run(self._app.authenticate(api_key)), self._loop)
