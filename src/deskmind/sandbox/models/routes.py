"""Which path speaks which wire format."""

from __future__ import annotations

import re

from deskmind.sandbox.models.anthropic_messages import Messages
from deskmind.sandbox.models.azure import AzureChat, AzureEmbeddings
from deskmind.sandbox.models.call import Dialect
from deskmind.sandbox.models.gemini_content import GenerateContent
from deskmind.sandbox.models.gemini_vectors import EmbedContent
from deskmind.sandbox.models.openai_chat import ChatCompletions
from deskmind.sandbox.models.openai_vectors import Embeddings, Rerank

EXACT: dict[str, Dialect] = {
    "/v1/chat/completions": ChatCompletions(),
    "/v1/embeddings": Embeddings(),
    "/v1/rerank": Rerank(),
    "/v2/rerank": Rerank(),
    "/v1/messages": Messages(),
}
UNKNOWN: Dialect = EXACT["/v1/chat/completions"]
"""Who refuses a path that nobody speaks."""
GENERATE_CONTENT: Dialect = GenerateContent()

_DEPLOYMENT = r"/openai/deployments/(?P<model>[^/]+)/"
_GEMINI = r"/v1(?:beta)?/models/(?P<model>[^/:]+):"
_PATTERNS: tuple[tuple[re.Pattern[str], Dialect], ...] = (
    (re.compile(_DEPLOYMENT + r"chat/completions"), AzureChat()),
    (re.compile(_DEPLOYMENT + r"embeddings"), AzureEmbeddings()),
    (re.compile(_GEMINI + r"(?P<verb>generateContent|streamGenerateContent)"), GENERATE_CONTENT),
    (re.compile(_GEMINI + r"(?P<verb>embedContent|batchEmbedContents)"), EmbedContent()),
)


def route(path: str) -> tuple[Dialect, str, str] | None:
    """The format spoken at `path`, with the model and method named in it; None if there is none."""
    for pattern, dialect in _PATTERNS:
        if match := pattern.fullmatch(path):
            found = match.groupdict()
            return dialect, found["model"], found.get("verb") or ""
    return None
