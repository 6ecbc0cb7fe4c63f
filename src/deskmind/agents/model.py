"""The gateway as a model of pydantic-ai: each call passes the one door, and its reply is a row before it is acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from deskmind.agents.events import ModelReplied, TextPiece
from deskmind.agents.journal import Journal
from deskmind.agents.wire import (
    chat_messages,
    chat_options,
    parts_of,
    schema_messages,
    schema_options,
    storable_json,
)
from deskmind.gateway import ChatResponse, Message
from deskmind.observability.story import storable

if TYPE_CHECKING:
    from deskmind.gateway.service import Models

__all__ = ["GatewayModel"]


class GatewayModel(Model[None]):
    """A configured model of the desk, for one run."""

    def __init__(self, models: Models, journal: Journal) -> None:
        super().__init__(profile=ModelProfile(supports_json_schema_output=True))
        self._models = models
        self._journal = journal

    @property
    def model_name(self) -> str:
        """The configured name."""
        return self._journal.definition.model

    @property
    def system(self) -> str:
        """The provider, as telemetry names it."""
        return "deskmind"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One reply, within the limits of the run, written down."""
        journal = self._journal
        definition = journal.definition
        definition.limits.check(journal.used)
        fresh = messages[len(journal.history) :]
        _, parameters = self.prepare_request(model_settings, model_request_parameters)
        native = definition.tool_calling == "native"
        said = (chat_messages if native else schema_messages)(messages, parameters)
        reply = await self._asked(said, (chat_options if native else schema_options)(parameters))
        response = self._response(reply, native)
        written: list[dict[str, Any]] = ModelMessagesTypeAdapter.dump_python([*fresh, response], mode="json")
        await journal.replied(
            written[:-1],
            written[-1],
            tokens=reply.usage.input_tokens + reply.usage.output_tokens,
            cost=reply.cost,
        )
        wanted = tuple(part.tool_name for part in response.parts if isinstance(part, ToolCallPart))
        journal.emit(ModelReplied(reply.text, wanted, journal.used.steps))
        return response

    async def _asked(self, messages: list[Message], options: dict[str, Any]) -> ChatResponse:
        journal, definition = self._journal, self._journal.definition
        how: dict[str, Any] = {"max_tokens": definition.limits.reply_tokens, "feature": "agent", **options}
        if not self._in_pieces:
            return await self._models.chat(definition.model, messages, **how)
        step = journal.used.steps + 1
        async with await self._models.stream(definition.model, messages, **how) as stream:
            async for piece in stream:
                if piece.text or piece.restarted:
                    journal.emit(TextPiece(piece.text, step, piece.restarted))
            assert stream.response is not None
            return stream.response

    @property
    def _in_pieces(self) -> bool:
        """Whether somebody listens, to text that nobody has to check first."""
        definition = self._journal.definition
        plain = definition.output is None and definition.tool_calling == "native"
        return self._journal.pieces and plain and not definition.checks

    def _response(self, reply: ChatResponse, native: bool) -> ModelResponse:
        """Calls get ids of ours: some models give the same one twice in a run."""
        prefix, text = f"c{self._journal.used.steps + 1}", storable(reply.text)
        if native:
            parts: list[Any] = [TextPart(text)] if text else []
            parts += [
                ToolCallPart(call.name, storable_json(call.arguments), tool_call_id=f"{prefix}.{index}")
                for index, call in enumerate(reply.tool_calls)
            ]
        else:
            parts = list(parts_of(storable_json(text), prefix))
        usage = RequestUsage(
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            cache_read_tokens=reply.usage.cached_tokens,
        )
        return ModelResponse(parts=parts, usage=usage, model_name=reply.provider_model)
