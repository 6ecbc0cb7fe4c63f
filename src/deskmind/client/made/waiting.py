"""The same resources for code that waits.

Written by scripts/client_code.py from the OpenAPI document; changes made here are lost.
"""

from __future__ import annotations

from deskmind.client.made import resources
from deskmind.waiting import Blocking, Iterating, Loop, Part

__all__ = ["Resources"]


class Access(Part[resources.AsyncAccess]):
    """``client.access``."""

    check = Blocking(resources.AsyncAccess.check)
    get_policy = Blocking(resources.AsyncAccess.get_policy)
    get_policy_schema = Blocking(resources.AsyncAccess.get_policy_schema)
    review = Blocking(resources.AsyncAccess.review)
    set_policy = Blocking(resources.AsyncAccess.set_policy)


class Agents(Part[resources.AsyncAgents]):
    """``client.agents``."""

    allow_tool = Blocking(resources.AsyncAgents.allow_tool)
    cancel_run = Blocking(resources.AsyncAgents.cancel_run)
    define = Blocking(resources.AsyncAgents.define)
    get = Blocking(resources.AsyncAgents.get)
    get_run = Blocking(resources.AsyncAgents.get_run)
    lift_block = Blocking(resources.AsyncAgents.lift_block)
    list = Blocking(resources.AsyncAgents.list)
    list_blocks = Blocking(resources.AsyncAgents.list_blocks)
    list_runs = Blocking(resources.AsyncAgents.list_runs)
    each_runs = Iterating(resources.AsyncAgents.each_runs)
    list_stopped_tools = Blocking(resources.AsyncAgents.list_stopped_tools)
    list_versions = Blocking(resources.AsyncAgents.list_versions)
    publish = Blocking(resources.AsyncAgents.publish)
    resume_run = Blocking(resources.AsyncAgents.resume_run)
    run = Blocking(resources.AsyncAgents.run)
    start_run = Blocking(resources.AsyncAgents.start_run)
    stop_tool = Blocking(resources.AsyncAgents.stop_tool)
    test = Blocking(resources.AsyncAgents.test)


class Approvals(Part[resources.AsyncApprovals]):
    """``client.approvals``."""

    approve = Blocking(resources.AsyncApprovals.approve)
    edit = Blocking(resources.AsyncApprovals.edit)
    get = Blocking(resources.AsyncApprovals.get)
    list = Blocking(resources.AsyncApprovals.list)
    each = Iterating(resources.AsyncApprovals.each)
    reject = Blocking(resources.AsyncApprovals.reject)


class Audit(Part[resources.AsyncAudit]):
    """``client.audit``."""

    export = Blocking(resources.AsyncAudit.export)
    forget_person = Blocking(resources.AsyncAudit.forget_person)
    get_checkpoint = Blocking(resources.AsyncAudit.get_checkpoint)
    prove_event = Blocking(resources.AsyncAudit.prove_event)
    search_events = Blocking(resources.AsyncAudit.search_events)
    each_events = Iterating(resources.AsyncAudit.each_events)
    verify = Blocking(resources.AsyncAudit.verify)


class Budgets(Part[resources.AsyncBudgets]):
    """``client.budgets``."""

    delete = Blocking(resources.AsyncBudgets.delete)
    list = Blocking(resources.AsyncBudgets.list)
    set = Blocking(resources.AsyncBudgets.set)


class Chat(Part[resources.AsyncChat]):
    """``client.chat``."""

    create_completion = Blocking(resources.AsyncChat.create_completion)


class Connectors(Part[resources.AsyncConnectors]):
    """``client.connectors``."""

    add = Blocking(resources.AsyncConnectors.add)
    get = Blocking(resources.AsyncConnectors.get)
    list = Blocking(resources.AsyncConnectors.list)
    list_records = Blocking(resources.AsyncConnectors.list_records)
    each_records = Iterating(resources.AsyncConnectors.each_records)
    preview_sync = Blocking(resources.AsyncConnectors.preview_sync)
    remove = Blocking(resources.AsyncConnectors.remove)
    reset_sync = Blocking(resources.AsyncConnectors.reset_sync)
    show_secret = Blocking(resources.AsyncConnectors.show_secret)
    sync = Blocking(resources.AsyncConnectors.sync)
    test = Blocking(resources.AsyncConnectors.test)


class Conversations(Part[resources.AsyncConversations]):
    """``client.conversations``."""

    append_turns = Blocking(resources.AsyncConversations.append_turns)
    create = Blocking(resources.AsyncConversations.create)
    erase = Blocking(resources.AsyncConversations.erase)
    get = Blocking(resources.AsyncConversations.get)
    list = Blocking(resources.AsyncConversations.list)
    each = Iterating(resources.AsyncConversations.each)
    rename = Blocking(resources.AsyncConversations.rename)
    summarise = Blocking(resources.AsyncConversations.summarise)


class Deliveries(Part[resources.AsyncDeliveries]):
    """``client.deliveries``."""

    get = Blocking(resources.AsyncDeliveries.get)
    replay = Blocking(resources.AsyncDeliveries.replay)


class Deployments(Part[resources.AsyncDeployments]):
    """``client.deployments``."""

    list = Blocking(resources.AsyncDeployments.list)
    test = Blocking(resources.AsyncDeployments.test)


class Documents(Part[resources.AsyncDocuments]):
    """``client.documents``."""

    add = Blocking(resources.AsyncDocuments.add)
    delete = Blocking(resources.AsyncDocuments.delete)
    get = Blocking(resources.AsyncDocuments.get)
    list = Blocking(resources.AsyncDocuments.list)
    each = Iterating(resources.AsyncDocuments.each)
    upload = Blocking(resources.AsyncDocuments.upload)


class Embeddings(Part[resources.AsyncEmbeddings]):
    """``client.embeddings``."""

    create = Blocking(resources.AsyncEmbeddings.create)


class Evidence(Part[resources.AsyncEvidence]):
    """``client.evidence``."""

    list_keys = Blocking(resources.AsyncEvidence.list_keys)
    make = Blocking(resources.AsyncEvidence.make)


class Experiments(Part[resources.AsyncExperiments]):
    """``client.experiments``."""

    get_report = Blocking(resources.AsyncExperiments.get_report)
    list = Blocking(resources.AsyncExperiments.list)
    start = Blocking(resources.AsyncExperiments.start)
    stop = Blocking(resources.AsyncExperiments.stop)
    weigh = Blocking(resources.AsyncExperiments.weigh)


class Feedback(Part[resources.AsyncFeedback]):
    """``client.feedback``."""

    give = Blocking(resources.AsyncFeedback.give)
    list = Blocking(resources.AsyncFeedback.list)
    each = Iterating(resources.AsyncFeedback.each)


class Grants(Part[resources.AsyncGrants]):
    """``client.grants``."""

    grant_role = Blocking(resources.AsyncGrants.grant_role)
    revoke_role = Blocking(resources.AsyncGrants.revoke_role)


class Groups(Part[resources.AsyncGroups]):
    """``client.groups``."""

    add = Blocking(resources.AsyncGroups.add)
    list = Blocking(resources.AsyncGroups.list)


class Ingests(Part[resources.AsyncIngests]):
    """``client.ingests``."""

    get = Blocking(resources.AsyncIngests.get)


class Installation(Part[resources.AsyncInstallation]):
    """``client.installation``."""

    list_acts = Blocking(resources.AsyncInstallation.list_acts)
    each_acts = Iterating(resources.AsyncInstallation.each_acts)
    list_closed_accounts = Blocking(resources.AsyncInstallation.list_closed_accounts)


class Jobs(Part[resources.AsyncJobs]):
    """``client.jobs``."""

    cancel = Blocking(resources.AsyncJobs.cancel)
    get = Blocking(resources.AsyncJobs.get)
    list = Blocking(resources.AsyncJobs.list)
    each = Iterating(resources.AsyncJobs.each)


class Keys(Part[resources.AsyncKeys]):
    """``client.keys``."""

    create = Blocking(resources.AsyncKeys.create)
    list = Blocking(resources.AsyncKeys.list)
    revoke = Blocking(resources.AsyncKeys.revoke)
    rotate = Blocking(resources.AsyncKeys.rotate)


class Memories(Part[resources.AsyncMemories]):
    """``client.memories``."""

    add = Blocking(resources.AsyncMemories.add)
    correct = Blocking(resources.AsyncMemories.correct)
    forget = Blocking(resources.AsyncMemories.forget)
    get = Blocking(resources.AsyncMemories.get)
    list = Blocking(resources.AsyncMemories.list)
    each = Iterating(resources.AsyncMemories.each)
    recall = Blocking(resources.AsyncMemories.recall)


class Models(Part[resources.AsyncModels]):
    """``client.models``."""

    get = Blocking(resources.AsyncModels.get)
    list = Blocking(resources.AsyncModels.list)


class Operations(Part[resources.AsyncOperations]):
    """``client.operations``."""

    health = Blocking(resources.AsyncOperations.health)
    metrics = Blocking(resources.AsyncOperations.metrics)
    ready = Blocking(resources.AsyncOperations.ready)


class Privacy(Part[resources.AsyncPrivacy]):
    """``client.privacy``."""

    apply_retention = Blocking(resources.AsyncPrivacy.apply_retention)
    erase_person = Blocking(resources.AsyncPrivacy.erase_person)
    export_person = Blocking(resources.AsyncPrivacy.export_person)
    get_erasure = Blocking(resources.AsyncPrivacy.get_erasure)
    list_erasures = Blocking(resources.AsyncPrivacy.list_erasures)
    each_erasures = Iterating(resources.AsyncPrivacy.each_erasures)
    list_holds = Blocking(resources.AsyncPrivacy.list_holds)
    place_hold = Blocking(resources.AsyncPrivacy.place_hold)
    readmit_person = Blocking(resources.AsyncPrivacy.readmit_person)
    release_hold = Blocking(resources.AsyncPrivacy.release_hold)
    show_data_map = Blocking(resources.AsyncPrivacy.show_data_map)
    verify_receipt = Blocking(resources.AsyncPrivacy.verify_receipt)


class Prompts(Part[resources.AsyncPrompts]):
    """``client.prompts``."""

    diff = Blocking(resources.AsyncPrompts.diff)
    export = Blocking(resources.AsyncPrompts.export)
    get = Blocking(resources.AsyncPrompts.get)
    get_label = Blocking(resources.AsyncPrompts.get_label)
    list = Blocking(resources.AsyncPrompts.list)
    list_versions = Blocking(resources.AsyncPrompts.list_versions)
    move_label = Blocking(resources.AsyncPrompts.move_label)
    render = Blocking(resources.AsyncPrompts.render)
    rollback_label = Blocking(resources.AsyncPrompts.rollback_label)
    save = Blocking(resources.AsyncPrompts.save)


class Quality(Part[resources.AsyncQuality]):
    """``client.quality``."""

    report = Blocking(resources.AsyncQuality.report)


class Redaction(Part[resources.AsyncRedaction]):
    """``client.redaction``."""

    add_names = Blocking(resources.AsyncRedaction.add_names)
    forget_names = Blocking(resources.AsyncRedaction.forget_names)
    list_actions = Blocking(resources.AsyncRedaction.list_actions)
    list_names = Blocking(resources.AsyncRedaction.list_names)
    list_patterns = Blocking(resources.AsyncRedaction.list_patterns)
    redact_texts = Blocking(resources.AsyncRedaction.redact_texts)
    remove_pattern = Blocking(resources.AsyncRedaction.remove_pattern)
    set_action = Blocking(resources.AsyncRedaction.set_action)
    set_pattern = Blocking(resources.AsyncRedaction.set_pattern)


class Requests(Part[resources.AsyncRequests]):
    """``client.requests``."""

    explain = Blocking(resources.AsyncRequests.explain)
    list = Blocking(resources.AsyncRequests.list)
    each = Iterating(resources.AsyncRequests.each)


class Roles(Part[resources.AsyncRoles]):
    """``client.roles``."""

    define = Blocking(resources.AsyncRoles.define)
    delete = Blocking(resources.AsyncRoles.delete)
    list = Blocking(resources.AsyncRoles.list)


class Runs(Part[resources.AsyncRuns]):
    """``client.runs``."""

    cancel = Blocking(resources.AsyncRuns.cancel)
    follow = Iterating(resources.AsyncRuns.follow, ahead=16)
    fork = Blocking(resources.AsyncRuns.fork)
    get = Blocking(resources.AsyncRuns.get)
    list = Blocking(resources.AsyncRuns.list)
    each = Iterating(resources.AsyncRuns.each)
    pause = Blocking(resources.AsyncRuns.pause)
    replay = Blocking(resources.AsyncRuns.replay)
    resume = Blocking(resources.AsyncRuns.resume)


class Tenants(Part[resources.AsyncTenants]):
    """``client.tenants``."""

    create = Blocking(resources.AsyncTenants.create)
    erase = Blocking(resources.AsyncTenants.erase)
    get = Blocking(resources.AsyncTenants.get)
    list = Blocking(resources.AsyncTenants.list)


class Triage(Part[resources.AsyncTriage]):
    """``client.triage``."""

    find_duplicate_tickets = Blocking(resources.AsyncTriage.find_duplicate_tickets)
    find_similar_tickets = Blocking(resources.AsyncTriage.find_similar_tickets)
    find_ticket_clusters = Blocking(resources.AsyncTriage.find_ticket_clusters)
    get_training = Blocking(resources.AsyncTriage.get_training)
    list_models = Blocking(resources.AsyncTriage.list_models)
    list_trainings = Blocking(resources.AsyncTriage.list_trainings)
    predict = Blocking(resources.AsyncTriage.predict)
    train = Blocking(resources.AsyncTriage.train)


class Usage(Part[resources.AsyncUsage]):
    """``client.usage``."""

    report = Blocking(resources.AsyncUsage.report)


class Users(Part[resources.AsyncUsers]):
    """``client.users``."""

    add = Blocking(resources.AsyncUsers.add)
    list = Blocking(resources.AsyncUsers.list)
    set_groups = Blocking(resources.AsyncUsers.set_groups)


class Webhooks(Part[resources.AsyncWebhooks]):
    """``client.webhooks``."""

    add = Blocking(resources.AsyncWebhooks.add)
    change = Blocking(resources.AsyncWebhooks.change)
    delete = Blocking(resources.AsyncWebhooks.delete)
    disable = Blocking(resources.AsyncWebhooks.disable)
    enable = Blocking(resources.AsyncWebhooks.enable)
    get = Blocking(resources.AsyncWebhooks.get)
    list = Blocking(resources.AsyncWebhooks.list)
    list_deliveries = Blocking(resources.AsyncWebhooks.list_deliveries)
    each_deliveries = Iterating(resources.AsyncWebhooks.each_deliveries)
    list_event_types = Blocking(resources.AsyncWebhooks.list_event_types)
    replay_dead_letters = Blocking(resources.AsyncWebhooks.replay_dead_letters)
    rotate_secret = Blocking(resources.AsyncWebhooks.rotate_secret)
    test = Blocking(resources.AsyncWebhooks.test)


class Workflows(Part[resources.AsyncWorkflows]):
    """``client.workflows``."""

    add_schedule = Blocking(resources.AsyncWorkflows.add_schedule)
    disable_schedule = Blocking(resources.AsyncWorkflows.disable_schedule)
    enable_schedule = Blocking(resources.AsyncWorkflows.enable_schedule)
    list = Blocking(resources.AsyncWorkflows.list)
    list_schedules = Blocking(resources.AsyncWorkflows.list_schedules)
    remove_schedule = Blocking(resources.AsyncWorkflows.remove_schedule)
    start = Blocking(resources.AsyncWorkflows.start)


class Writes(Part[resources.AsyncWrites]):
    """``client.writes``."""

    get = Blocking(resources.AsyncWrites.get)
    list = Blocking(resources.AsyncWrites.list)
    each = Iterating(resources.AsyncWrites.each)
    propose = Blocking(resources.AsyncWrites.propose)
    reconcile = Blocking(resources.AsyncWrites.reconcile)
    reject = Blocking(resources.AsyncWrites.reject)
    resolve = Blocking(resources.AsyncWrites.resolve)
    send = Blocking(resources.AsyncWrites.send)


class Resources(Part[resources.AsyncResources]):
    """All resources of a service."""

    ask = Blocking(resources.AsyncResources.ask)
    ask_stream = Iterating(resources.AsyncResources.ask_stream, ahead=16)
    search = Blocking(resources.AsyncResources.search)

    def __init__(self, part: resources.AsyncResources, loop: Loop) -> None:
        super().__init__(part, loop)
        self.access = Access(part.access, loop)
        self.agents = Agents(part.agents, loop)
        self.approvals = Approvals(part.approvals, loop)
        self.audit = Audit(part.audit, loop)
        self.budgets = Budgets(part.budgets, loop)
        self.chat = Chat(part.chat, loop)
        self.connectors = Connectors(part.connectors, loop)
        self.conversations = Conversations(part.conversations, loop)
        self.deliveries = Deliveries(part.deliveries, loop)
        self.deployments = Deployments(part.deployments, loop)
        self.documents = Documents(part.documents, loop)
        self.embeddings = Embeddings(part.embeddings, loop)
        self.evidence = Evidence(part.evidence, loop)
        self.experiments = Experiments(part.experiments, loop)
        self.feedback = Feedback(part.feedback, loop)
        self.grants = Grants(part.grants, loop)
        self.groups = Groups(part.groups, loop)
        self.ingests = Ingests(part.ingests, loop)
        self.installation = Installation(part.installation, loop)
        self.jobs = Jobs(part.jobs, loop)
        self.keys = Keys(part.keys, loop)
        self.memories = Memories(part.memories, loop)
        self.models = Models(part.models, loop)
        self.operations = Operations(part.operations, loop)
        self.privacy = Privacy(part.privacy, loop)
        self.prompts = Prompts(part.prompts, loop)
        self.quality = Quality(part.quality, loop)
        self.redaction = Redaction(part.redaction, loop)
        self.requests = Requests(part.requests, loop)
        self.roles = Roles(part.roles, loop)
        self.runs = Runs(part.runs, loop)
        self.tenants = Tenants(part.tenants, loop)
        self.triage = Triage(part.triage, loop)
        self.usage = Usage(part.usage, loop)
        self.users = Users(part.users, loop)
        self.webhooks = Webhooks(part.webhooks, loop)
        self.workflows = Workflows(part.workflows, loop)
        self.writes = Writes(part.writes, loop)
