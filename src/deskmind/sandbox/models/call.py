"""A request as every wire format understands it, and an answer as the socket needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply


class Tool(NamedTuple):
    """A tool offered to the model: its name and the JSON schema of its arguments."""

    name: str
    schema: dict[str, Any]


@dataclass(slots=True)
class Call:
    """One request, read. `choose` is auto, none, any, or a tool's name; counts are tokens."""

    model: str
    body: dict[str, Any]
    input_tokens: int
    chat: bool = True
    stream: bool = False
    last_user: str = ""
    after_tool: bool = False
    tools: tuple[Tool, ...] = ()
    choose: str = "auto"
    schema: dict[str, Any] | None = None
    any_json: bool = False
    max_tokens: int | None = None
    stream_usage: bool = True
    cache_prefix: str = ""
    cache_prefix_tokens: int = 0
    cache_written: int = 0
    user: str | None = None
    metadata: object = None


class Event(NamedTuple):
    """Bytes of a stream; `tokens` of the answer in them; whether they are a chunk of content."""

    data: bytes
    tokens: int = 0
    content: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What rendering needs beside call and reply: a number, the time, the size of chunks, whether usage is told."""

    number: int
    created: int
    per_chunk: int = 1
    tell_usage: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered reply: a whole body, or the events of a stream."""

    body: bytes = b""
    events: Iterable[Event] = ()
    output_tokens: int = 0
    content_type: str = "application/json"


class Dialect(Protocol):
    """One endpoint of one vendor; `filters_prompt` if a filtered prompt is refused rather than answered."""

    filters_prompt: bool

    def keys(self, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, ...]:
        """The keys that the request shows, where this vendor looks for them."""
        ...

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request understood; `Refused` where the vendor would refuse it."""
        ...

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """The answer in the vendor's format."""
        ...

    def refuse(self, refused: Refused, target: Target, number: int) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body in the vendor's words; a content filter may be a 200."""
        ...

    def error_event(self, refused: Refused) -> bytes:
        """An error in the middle of a stream."""
        ...

    def headers(self, number: int) -> dict[str, str]:
        """What the vendor adds to each answer."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request went: method, path, the model and method named in the path, query and headers."""

    method: str
    path: str
    model: str = ""
    verb: str = ""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
