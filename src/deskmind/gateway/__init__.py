"""The door to every model: routing, retries, fallback, budgets, and a ledger with one row a call.

It works alone in any script, ``Gateway(models, ledger=MemoryLedger())``; with a desk, calls are booked for its tenant and
user. Providers that speak OpenAI's protocol are called directly; all others through LiteLLM (extra ``litellm``).
"""

from deskmind.gateway.budgets import Budget, BudgetAlert, BudgetKeeper, BudgetStore, MemoryBudgetStore
from deskmind.gateway.gateway import Gateway
from deskmind.gateway.ledger import Intent, Ledger, MemoryLedger, UsageEntry
from deskmind.gateway.messages import (
    Attempt,
    Caller,
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Embeddings,
    Message,
    Outcome,
    Ranking,
    ToolCall,
    ToolCallPart,
    Usage,
)
from deskmind.gateway.models import Deployment, ModelConfig, Policy, Price, Timeouts
from deskmind.gateway.providers import Provider, ProviderFailure
from deskmind.gateway.routing import SharedHealth
from deskmind.gateway.shield import RedactionShield, Restorer, Shield, WordShield
from deskmind.gateway.streams import ChatStream

__all__ = [
    "Attempt",
    "Budget",
    "BudgetAlert",
    "BudgetKeeper",
    "BudgetStore",
    "Caller",
    "ChatDelta",
    "ChatRequest",
    "ChatResponse",
    "ChatStream",
    "Deployment",
    "Embeddings",
    "Gateway",
    "Intent",
    "Ledger",
    "MemoryBudgetStore",
    "MemoryLedger",
    "Message",
    "ModelConfig",
    "Outcome",
    "Policy",
    "Price",
    "Provider",
    "ProviderFailure",
    "Ranking",
    "RedactionShield",
    "Restorer",
    "SharedHealth",
    "Shield",
    "Timeouts",
    "ToolCall",
    "ToolCallPart",
    "Usage",
    "UsageEntry",
    "WordShield",
]
