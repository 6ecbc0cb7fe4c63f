"""A call of a tool while it is answered: what it tells its client meanwhile, and what it asks of whoever sits there.

Clients of the protocol up to 2025-11-25 are asked by requests in the midst of the call. Later ones get what is needed as the
call's result and call again with it, so that any process can go on: what a tool does before it asks, it does again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast, get_args

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from deskmind.api.mcp.session import Session
from deskmind.desk import Desk
from deskmind.errors import PermissionDeniedError, UnavailableError

__all__ = ["Call", "Context", "InputNeededError"]

Context = ServerRequestContext[Any, Any]
_LEVELS = cast("tuple[types.LoggingLevel, ...]", get_args(types.LoggingLevel))
_T = TypeVar("_T", types.ElicitResult, types.CreateMessageResult)


class InputNeededError(Exception):
    """The client is to call again with this."""

    def __init__(self, key: str, request: types.InputRequest) -> None:
        super().__init__(key)
        self.result = types.InputRequiredResult(input_requests={key: request})


class Call:
    """One call.

    Args:
        desk: of whoever calls.
        context: the message.
        session: of the client; one that is kept by nobody where it has none.
        given: what the client was asked before, and answers with this message.
        sampling: whether the operator allows to ask the client's model.
        seconds: that a person has to answer.
    """

    def __init__(
        self,
        desk: Desk,
        context: Context,
        session: Session,
        given: Mapping[str, types.InputResponse] | None = None,
        *,
        sampling: bool = False,
        seconds: float = 300.0,
    ) -> None:
        self.desk = desk
        self._context = context
        self._session = session
        self._given = given or {}
        self._sampling = sampling
        self._seconds = seconds

    @property
    def can_ask(self) -> bool:
        """Whether the client can put a question to the person before it."""
        known = self._context.session.client_capabilities
        asks = known.elicitation if known is not None else None
        return asks is not None and self._reachable and (asks.form is not None or asks.url is None)

    def check_known(self) -> None:
        """See that a client that could ask its user is not taken for one that cannot.

        Raises:
            UnavailableError: what the client can do is not known: its message is of no session of this process.
        """
        if self._context.session.client_capabilities is None:
            raise UnavailableError(
                "Whether the user can be asked is not known.",
                why="What the client can do is known in the session that it opened, and this message is of none that is open here.",
                remedy="Begin anew with `initialize`, and send Mcp-Session-Id to the same process.",
            )

    @property
    def wants_progress(self) -> bool:
        """Whether the client wants to be told how far the call is."""
        return "progress_token" in (self._context.meta or {})

    async def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far it is, to a client that wants to know; ``done`` grows with each."""
        await self._context.session.report_progress(done, total, message)

    async def tell(self, level: types.LoggingLevel, data: Any) -> None:
        """A log message, to a client that listens to its level. Of content it holds what the result does."""
        if _LEVELS.index(level) < self._least():
            return
        params = types.LoggingMessageNotificationParams(level=level, logger="deskmind", data=data)
        await self._context.session.send_notification(
            types.LoggingMessageNotification(params=params), related_request_id=self._context.request_id
        )

    async def ask(self, key: str, message: str, schema: Mapping[str, Any]) -> types.ElicitResult:
        """The person's answer; ``cancel`` where none came in time.

        Args:
            key: names the question within the call, and changes with what is asked.
            message: for the person.
            schema: a JSON Schema of plain values.

        Raises:
            UnavailableError: the client cannot ask anybody.
        """
        if not self.can_ask:
            raise UnavailableError(
                "Nobody can be asked here.",
                why="The client does not offer elicitation, or its message did not reach the process with its session.",
                remedy="Use a client that offers it, the console or the command line.",
            )
        params = types.ElicitRequestFormParams(message=message, requested_schema=dict(schema))
        return await self._put(key, types.ElicitRequest(params=params), types.ElicitResult(action="cancel"))

    async def sample(self, key: str, text: str, *, system: str = "", tokens: int = 1000) -> str:
        """What the client's own model says to a text.

        Raises:
            PermissionDeniedError: the operator does not allow it.
            UnavailableError: the client has no model to offer, or gave no text.
        """
        if not self._sampling:
            raise PermissionDeniedError(
                "The client's model may not be asked.", why="mcp.allow_sampling is not set."
            )
        known = self._context.session.client_capabilities
        if known is None or known.sampling is None or not self._reachable:
            raise _no_model("The client does not offer sampling.")
        message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=text))
        params = types.CreateMessageRequestParams(
            messages=[message], system_prompt=system or None, max_tokens=tokens
        )
        nothing = types.CreateMessageResult(
            role="assistant", model="", content=types.TextContent(type="text", text="")
        )
        said = await self._put(key, types.CreateMessageRequest(params=params), nothing)
        if not isinstance(said.content, types.TextContent) or not said.content.text:
            raise _no_model("It gave no text.")
        return said.content.text

    @property
    def _modern(self) -> bool:
        return self._context.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def _reachable(self) -> bool:
        return self._modern or self._context.session.can_send_request

    def _least(self) -> int:
        """Place of the lowest level that is told."""
        if not self._modern:
            return _LEVELS.index(self._session.level)
        wanted = (self._context.meta or {}).get(types.LOG_LEVEL_META_KEY)
        return _LEVELS.index(wanted) if wanted in _LEVELS else len(_LEVELS)

    async def _put(self, key: str, request: types.InputRequest, otherwise: _T) -> _T:
        """Ask the client; ``otherwise`` where no answer came in time."""
        if self._modern:
            given = self._given.get(key)
            if isinstance(given, type(otherwise)):
                return given
            raise InputNeededError(key, request)
        try:
            return await self._context.session.send_request(
                request,
                type(otherwise),
                request_read_timeout_seconds=self._seconds,
                metadata=ServerMessageMetadata(related_request_id=self._context.request_id),
            )
        except MCPError as error:
            if error.error.code == types.REQUEST_TIMEOUT:
                return otherwise
            raise UnavailableError("The client did not answer what it was asked.") from error


def _no_model(why: str) -> UnavailableError:
    return UnavailableError(
        "The client's model cannot be asked.", why=why, remedy="Read the text and put it to a model yourself."
    )
