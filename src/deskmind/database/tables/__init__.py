"""The tables as SQLAlchemy Core describes them: the other half of the drift check.

Row-level security, grants, functions and partitions are not described here but checked by the catalogue test.
"""

from __future__ import annotations

from sqlalchemy import MetaData

from deskmind.database.tables._agents import describe_agents
from deskmind.database.tables._governance import describe_explain, describe_privacy, describe_redaction
from deskmind.database.tables._knowledge import (
    describe_ingest,
    describe_knowledge,
    describe_sync,
    describe_triage,
    describe_writes,
)
from deskmind.database.tables._memory import describe_agent_versions, describe_memory
from deskmind.database.tables._models import describe_usage
from deskmind.database.tables._people import (
    describe_access,
    describe_grants,
    describe_installation,
    describe_principals,
    describe_request_keys,
)
from deskmind.database.tables._webhooks import describe_webhooks
from deskmind.database.tables._wording import describe_conversations, describe_experiments, describe_prompts
from deskmind.database.tables._workflows import describe_workflows

__all__ = ["describe"]


def describe(schema: str) -> MetaData:
    """The metadata of all tables in ``schema`` but procrastinate's and the embedding spaces'."""
    metadata = MetaData(schema=schema)
    describe_installation(metadata)
    describe_principals(metadata)
    describe_access(metadata)
    describe_grants(metadata)
    describe_usage(metadata)
    describe_knowledge(metadata)
    describe_ingest(metadata)
    describe_prompts(metadata)
    describe_experiments(metadata)
    describe_conversations(metadata)
    describe_explain(metadata)
    describe_privacy(metadata)
    describe_redaction(metadata)
    describe_sync(metadata)
    describe_triage(metadata)
    describe_agents(metadata)
    describe_writes(metadata)
    describe_request_keys(metadata)
    describe_workflows(metadata)
    describe_memory(metadata)
    describe_agent_versions(metadata)
    describe_webhooks(metadata)
    return metadata
