"""OpenAI's embeddings, and reranking as Cohere and Jina offer it: POST /v1/embeddings, POST /v1/rerank."""

from __future__ import annotations

import json
from typing import Any

from deskmind.sandbox.models import shape, tokens, vectors
from deskmind.sandbox.models.call import Answer, Call, Target, Turn
from deskmind.sandbox.models.openai_errors import OpenAIErrors
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply


class Embeddings(OpenAIErrors):
    """Embeddings of one text or many, as numbers or base64. Lists of token numbers are taken as text."""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` without model or input."""
        model = target.model or shape.text(body.get("model"))
        if not model:
            raise Refused("bad_request", "you must provide a model parameter")
        if not (texts := _inputs(body.get("input"))):
            raise Refused("bad_request", "'$.input' is invalid. Please check the API reference.")
        counted = sum(tokens.count(text) or 1 for text in texts)
        return Call(model, body, counted, chat=False, user=shape.text(body.get("user")) or None)

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """The list of vectors."""
        size = shape.whole_number(call.body.get("dimensions"))
        found = [vectors.embed(text, call.model, size) for text in _inputs(call.body["input"])]
        coded = call.body.get("encoding_format") == "base64"
        answer: dict[str, Any] = {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": vectors.as_base64(vector) if coded else vector,
                }
                for index, vector in enumerate(found)
            ],
            "model": call.model,
        }
        if turn.tell_usage:
            answer["usage"] = {"prompt_tokens": call.input_tokens, "total_tokens": call.input_tokens}
        return Answer(json.dumps(answer).encode())


class Rerank(OpenAIErrors):
    """Reranking: documents (texts, or objects with a `text`) by the share of the query's words they hold."""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` without model, query or documents."""
        model, query = shape.text(body.get("model")), shape.text(body.get("query"))
        for name, value in (("model", model), ("query", query), ("documents", body.get("documents"))):
            if not value:
                raise Refused("bad_request", f"invalid request: {name} is required", param=name)
        counted = tokens.count(query) + sum(tokens.count(text) or 1 for text in _documents(body))
        return Call(model, body, counted, chat=False)

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """The results, the most relevant first."""
        query, texts = call.body["query"], _documents(call.body)
        scored = sorted(
            ((vectors.likeness(query, text), index) for index, text in enumerate(texts)),
            key=lambda pair: (-pair[0], pair[1]),
        )
        most = shape.whole_number(call.body.get("top_n")) or len(scored)
        results: list[dict[str, Any]] = [
            {"index": index, "relevance_score": score} for score, index in scored[:most]
        ]
        if call.body.get("return_documents"):
            for result in results:
                result["document"] = {"text": texts[result["index"]]}
        answer: dict[str, Any] = {
            "id": f"00000000-0000-4000-8000-{turn.number:012d}",
            "model": call.model,
            "results": results,
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
        if turn.tell_usage:
            answer["usage"] = {"total_tokens": call.input_tokens}
        return Answer(json.dumps(answer).encode())


def _inputs(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given] if given else []
    parts = shape.items(given)
    if parts and all(isinstance(part, int) for part in parts):
        return [" ".join(str(part) for part in parts)]
    return [
        part if isinstance(part, str) else " ".join(str(one) for one in shape.items(part)) for part in parts
    ]


def _documents(body: dict[str, Any]) -> list[str]:
    return [
        part if isinstance(part, str) else shape.text(shape.mapping(part).get("text"))
        for part in shape.items(body.get("documents"))
    ]
