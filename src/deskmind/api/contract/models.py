"""The endpoints that OpenAI's clients call: they are no routes of the framework's, so that their schemas are said here."""

from __future__ import annotations

from typing import Any

__all__ = ["add_models"]

_TAGS = ["models"]
_EVENT_STREAM: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "each event of the stream",
            "required": ["data"],
            "properties": {"data": {"type": "string", "description": "JSON, or `[DONE]`"}},
        }
    }
}
_ERRORS = {
    "400": "refused by the policy of redaction, or longer than the model reads",
    "401": "no valid API key",
    "403": "not permitted",
    "404": "no such model",
    "408": "not received in time",
    "413": "too large",
    "422": "not valid",
    "429": "a limit, a budget, or the provider admits no more",
    "500": "an error of ours",
    "502": "the provider's answer cannot be used",
    "503": "temporarily unavailable",
    "504": "not answered in time",
}


def add_models(document: dict[str, Any]) -> None:
    """Add the paths and their schemas."""
    document["components"].setdefault("schemas", {}).update(_SCHEMAS)
    paths: dict[str, Any] = document["paths"]
    paths["/v1/chat/completions"] = {"post": _chat()}
    paths["/v1/embeddings"] = {
        "post": _operation(
            "createEmbeddings", "Embed texts, as OpenAI's API does", "EmbeddingList", "EmbeddingsRequest"
        )
    }
    paths["/v1/models"] = {"get": _operation("listModels", "The models that may be called", "ModelList")}
    paths["/v1/models/{model}"] = {
        "get": {
            **_operation("getModel", "One model", "Model"),
            "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}],
        }
    }


def _chat() -> dict[str, Any]:
    said = _operation(
        "createChatCompletion",
        "Have a model go on with a conversation, as OpenAI's API does; with `stream` as server-sent events",
        "ChatCompletion",
        "ChatCompletionRequest",
    )
    said["responses"]["200"]["content"] |= _EVENT_STREAM
    return said


def _operation(name: str, summary: str, answer: str, body: str | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": name,
        "tags": _TAGS,
        "summary": summary,
        "responses": {"200": {"description": "as OpenAI's API", "content": _json(answer)}},
    }
    for status, description in _ERRORS.items():
        said["responses"][status] = {"description": description, "content": _json("ModelsProblem")}
    if body is not None:
        said["requestBody"] = {"required": True, "content": _json(body)}
    return said


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


_TEXT = {"type": "string"}
_SAID = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_SCHEMAS: dict[str, Any] = {
    "ModelsProblem": _object(
        "error",
        error=_object(
            "message type code",
            message={**_TEXT, "examples": ["There is no such model. GET /v1/models lists them."]},
            type={**_TEXT, "examples": ["not_found_error"]},
            code={**_TEXT, "examples": ["not_found"]},
            param={"type": "null"},
            request_id=_TEXT,
        ),
    ),
    "Model": _object(
        "id object created owned_by",
        id={**_TEXT, "examples": ["fast"]},
        object={"const": "model"},
        created=_COUNT,
        owned_by={**_TEXT, "examples": ["deskmind"]},
    ),
    "ModelList": _object(
        "object data",
        object={"const": "list"},
        data={"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
    ),
    "ChatMessage": _object(
        "role",
        role={"enum": ["system", "developer", "user", "assistant"], "examples": ["user"]},
        content={**_TEXT, "examples": ["How do I reset my VPN token?"]},
    ),
    "ChatCompletionRequest": {
        **_object(
            "model messages",
            model={**_TEXT, "minLength": 1, "examples": ["fast"]},
            messages={"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/ChatMessage"}},
            stream={"type": "boolean", "examples": [False]},
            max_completion_tokens={"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "examples": [200]},
            temperature={"type": "number", "minimum": 0, "maximum": 2, "examples": [0]},
        ),
        "description": "Further fields of OpenAI's API, such as `tools`, are passed on.",
    },
    "ChatCompletion": _object(
        "id object created model choices",
        id={**_TEXT, "examples": ["chatcmpl-4f1c"]},
        object={"const": "chat.completion"},
        created=_COUNT,
        model={**_TEXT, "examples": ["fast"]},
        choices={
            "type": "array",
            "items": {
                "type": "object",
                "examples": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "In the portal."},
                        "finish_reason": "stop",
                    }
                ],
            },
        },
        usage={
            "type": "object",
            "examples": [{"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}],
        },
    ),
    "EmbeddingsRequest": _object(
        "model input",
        model={**_TEXT, "minLength": 1, "examples": ["embed"]},
        input={
            "anyOf": [_SAID, {"type": "array", "minItems": 1, "items": _SAID}],
            "examples": [["reset the VPN token"]],
        },
        encoding_format={"enum": ["float", "base64"]},
    ),
    "EmbeddingList": _object(
        "object data model",
        object={"const": "list"},
        data={
            "type": "array",
            "items": _object(
                "object index embedding",
                object={"const": "embedding"},
                index=_COUNT,
                embedding={
                    "anyOf": [{"type": "array", "items": {"type": "number"}}, _TEXT],
                    "examples": [[0.1, -0.2]],
                },
            ),
        },
        model={**_TEXT, "examples": ["embed"]},
        usage={"type": "object", "examples": [{"prompt_tokens": 5, "total_tokens": 5}]},
    ),
}
