"""Gemini's embeddings: POST /v1beta/models/{model}:embedContent and :batchEmbedContents."""

from __future__ import annotations

import json
from typing import Any

from deskmind.sandbox.models import shape, tokens, vectors
from deskmind.sandbox.models.call import Answer, Call, Target, Turn
from deskmind.sandbox.models.gemini_content import either, parts
from deskmind.sandbox.models.gemini_errors import GeminiErrors
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply


class EmbedContent(GeminiErrors):
    """The embedding of one content, or of each of a batch."""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` without content."""
        texts = [_text(one) for one in _requests(target.verb, body)]
        if not texts or not all(texts):
            raise Refused("bad_request", "* EmbedContentRequest.content: contents is not specified\n")
        counted = sum(tokens.count(text) or 1 for text in texts)
        return Call(target.model, body, counted, chat=False, choose=target.verb)

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """The vector or vectors; Gemini tells no usage here."""
        found = [
            {
                "values": vectors.embed(
                    _text(one), call.model, shape.whole_number(either(one, "outputDimensionality"))
                )
            }
            for one in _requests(call.choose, call.body)
        ]
        answer = {"embeddings": found} if call.choose == "batchEmbedContents" else {"embedding": found[0]}
        return Answer(json.dumps(answer).encode(), content_type="application/json; charset=UTF-8")


def _requests(verb: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    if verb == "embedContent":
        return [body]
    return [shape.mapping(one) for one in shape.items(body.get("requests"))]


def _text(request: dict[str, Any]) -> str:
    return " ".join(shape.text(part.get("text")) for part in parts(shape.mapping(request.get("content"))))
