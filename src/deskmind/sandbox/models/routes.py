"""Which path speaks which wire format."""

from __future__ import annotations

import re

from deskmind.sandbox.models.azure import AzureChat, AzureEmbeddings
from deskmind.sandbox.models.call import Dialect
from deskmind.sandbox.models.openai_chat import ChatCompletions
from deskmind.sandbox.models.openai_vectors import Embeddings, Rerank

EXACT: dict[str, Dialect] = {
    "/v1/chat/completions": ChatCompletions(),
    "/v1/embeddings": Embeddings(),
    "/v1/rerank": Rerank(),
}
UNKNOWN: Dialect = EXACT["/v1/chat/completions"]
"""Who refuses a path that nobody speaks."""

_PATTERNS: tuple[tuple[re.Pattern[str], Dialect], ...] = (
    (re.compile(r"/openai/deployments/(?P<model>[^/]+)/chat/completions"), AzureChat()),
    (re.compile(r"/openai/deployments/(?P<model>[^/]+)/embeddings"), AzureEmbeddings()),
)


def route(path: str) -> tuple[Dialect, str, str] | None:
    """The format spoken at `path`, with the model and method named in it; None if there is none."""
    if exact := EXACT.get(path):
        return exact, "", ""
    for pattern, dialect in _PATTERNS:
        if match := pattern.fullmatch(path):
            found = match.groupdict()
            return dialect, found["model"], found.get("verb") or ""
    return None
