"""Who serves models: OpenAI's protocol directly, all others through LiteLLM."""

from deskmind.gateway.providers.failures import ProviderFailure
from deskmind.gateway.providers.openai import OpenAIProvider
from deskmind.gateway.providers.protocol import (
    Provider,
    ProviderReply,
    ProviderStream,
    ProviderVectors,
    Ranked,
)

__all__ = [
    "OpenAIProvider",
    "Provider",
    "ProviderFailure",
    "ProviderReply",
    "ProviderStream",
    "ProviderVectors",
    "Ranked",
]
