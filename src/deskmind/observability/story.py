"""What one request did, step by step: recorded in memory while it runs, handed to a sink when it is over.

``telling(…)`` begins a story, ``span`` and ``observed`` add its steps, ``note(…)`` its facts. Where no story is told
each of them costs one look at a context variable. A story is bounded, and holds names, numbers and identifiers, never
content.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol, cast
from uuid import UUID

import orjson

from deskmind.errors import DeskmindError
from deskmind.observability.correlation import correlation_id
from deskmind.observability.leaving import leave
from deskmind.scope import Scope

__all__ = [
    "MOST_NOTES",
    "MOST_STEPS",
    "Note",
    "Step",
    "Story",
    "StoryKind",
    "StorySink",
    "ToldStep",
    "begin_step",
    "code_of",
    "current_story",
    "note",
    "note_question",
    "storable",
    "tell",
    "telling",
]

StoryKind = Literal["http", "operation", "job"]

MOST_STEPS = 200
MOST_NOTES = 200
_LONGEST_NAME = 80
_MOST_BYTES = 16_384
_TOO_MUCH = b'{"cut":true}'
_LONGEST_TEXT = 120
_MOST_ITEMS = 60
_DEEPEST = 3
_place: ContextVar[Step | None] = ContextVar("deskmind_story", default=None)


class StorySink(Protocol):
    """Where stories go when they are over."""

    def take(self, story: Story) -> None:
        """Keep a story, or drop it; returns at once and raises nothing."""
        ...


class Note(NamedTuple):
    """A fact: what it is about, when it was noted in seconds from the story's begin, and its values as JSON.

    One piece of bytes, because many objects that live until the story is written would keep the collector busy.
    """

    kind: str
    at: float
    values: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The values."""
        return orjson.loads(self.values)


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A step of a story that is over.

    Attributes:
        name: of the span.
        parent: place of the step it stands in, None for the first.
        begin: seconds from the story's begin.
        seconds: how long it took; never beyond the end of its parent.
        error: code of the error that ended it, empty for none.
    """

    name: str
    parent: int | None
    begin: float
    seconds: float
    error: str


class Step:
    """A step while it runs; from ``begin_step``, ended once with ``end``."""

    __slots__ = ("_token", "begun", "ended", "error", "name", "parent", "place", "story")

    def __init__(
        self, story: Story, name: str, parent: Step | None, place: int, *, around: bool = True
    ) -> None:
        self.story = story
        self.place = place
        self.name = name
        self.parent = parent
        self.error = ""
        self.ended: float | None = None
        self.begun = time.perf_counter()
        self._token: Token[Step | None] | None = _place.set(self) if around else None

    def end(self, error: BaseException | None = None) -> None:
        """The step is over; afterwards new steps stand where this one stood."""
        if self.ended is None and self.story.ended is None:
            self.ended = time.perf_counter()
            if error is not None:
                self.error = code_of(error)
        if self._token is not None:
            leave(self._token)
            self._token = None


class Story:
    """One request, command or run of a job while it is told.

    Attributes:
        kind: ``http``, ``operation`` (from Python or the command line) or ``job``.
        request_id: the correlation id.
        scope: who acts; None until an operation is entered.
        operation: name of the first operation.
        sink: where it goes at its end, None for nowhere.
        began_at: seconds since the epoch.
        ended: ``time.perf_counter()`` at its end, None before.
        error: code of the error of the first operation, ``cancelled``, or empty.
        notes: facts in the order they were noted.
        question: the text of the question, where that is kept.
        dropped: steps and notes beyond the bounds.
        story_id: given when it is first written, so that it is stored once however often that is tried.
    """

    __slots__ = (
        "_begun",
        "_steps",
        "_told",
        "began_at",
        "dropped",
        "ended",
        "error",
        "kind",
        "notes",
        "operation",
        "question",
        "request_id",
        "scope",
        "sink",
        "story_id",
    )

    def __init__(self, kind: StoryKind) -> None:
        self.kind: StoryKind = kind
        self.request_id = correlation_id()
        self.scope: Scope | None = None
        self.operation = ""
        self.sink: StorySink | None = None
        self.began_at = time.time()
        self.ended: float | None = None
        self.error = ""
        self.notes: list[Note] = []
        self.question = ""
        self.dropped = 0
        self.story_id: UUID | None = None
        self._told: list[tuple[str, int | None, float, float, str]] | None = None
        self._steps = [Step(self, kind, None, 0)]
        self._begun = self._steps[0].begun

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far."""
        return (self.ended or time.perf_counter()) - self._begun

    def begin(self, name: str, parent: Step, *, around: bool = True) -> Step | None:
        """A further step; None when there are too many."""
        place = len(self._steps)
        if place >= MOST_STEPS:
            self.dropped += 1
            return None
        step = Step(self, name, parent, place, around=around)
        self._steps.append(step)
        return step

    def note(self, kind: str, facts: Mapping[str, object]) -> None:
        """Keep a fact while there is room."""
        if self.ended is not None:
            return
        if len(self.notes) >= MOST_NOTES:
            self.dropped += 1
            return
        self.notes.append(Note(kind, time.perf_counter() - self._begun, _as_json(facts)))

    def fail(self, operation: str, code: str) -> None:
        """An operation ended with an error; that of the first is the story's."""
        if operation == self.operation and self.scope is not None:
            self.error = code

    def belongs_to(self, scope: Scope) -> bool:
        """Whether it is this principal's, or nobody's yet."""
        return self.scope is None or (
            self.scope.tenant_id == scope.tenant_id and self.scope.principal_id == scope.principal_id
        )

    def close(self) -> None:
        """It is over: what still runs is counted up to now, what comes later is not part of it."""
        if self.ended is None:
            self.ended = time.perf_counter()
            self._steps[0].end()
            # a step knows its story: kept by it any longer, each story would be a circle for the collector to find
            self._told, self._steps = self._placed(), []
            if self.sink is not None:
                self.sink.take(self)

    def steps(self) -> list[ToldStep]:
        """The steps in the order they began: a tree in which a child lies within its parent.

        A step that outlived its parent, in a task of its own, stands in the nearest one that lasted as long.
        """
        return [ToldStep(*values) for values in self.placed_steps()]

    def placed_steps(self) -> list[tuple[str, int | None, float, float, str]]:
        """The same as plain values, for whoever writes them down."""
        return self._placed() if self._told is None else self._told

    def _placed(self) -> list[tuple[str, int | None, float, float, str]]:
        origin = self._begun
        over = self.ended if self.ended is not None else time.perf_counter()
        ends: list[float] = []
        told: list[tuple[str, int | None, float, float, str]] = []
        for step in self._steps:
            end = over if step.ended is None or step.ended > over or not ends else step.ended
            ends.append(end)
            parent = step.parent
            while parent is not None and ends[parent.place] < end:
                parent = parent.parent
            place = None if parent is None else parent.place
            begun = step.begun
            seconds = end - begun if end > begun else 0.0
            told.append((step.name[:_LONGEST_NAME], place, begun - origin, seconds, step.error))
        return told


class telling:  # noqa: N801
    """Tell a story: ``with telling("job") as story: …``; it goes to its sink at the end.

    Args:
        kind: of the story.
        sink: where it goes; when left out, where the first operation's database keeps stories.
    """

    __slots__ = ("_kind", "_sink", "story")

    story: Story

    def __init__(self, kind: StoryKind, sink: StorySink | None = None) -> None:
        self._kind: StoryKind = kind
        self._sink = sink

    def __enter__(self) -> Story:
        self.story = Story(self._kind)
        self.story.sink = self._sink
        return self.story

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.story.error = self.story.error or code_of(error)
        self.story.close()


def tell(scope: Scope, operation: str, sink: StorySink | None) -> telling | None:
    """An operation begins: give the story that is being told its principal, or begin one that ends with the operation.

    An operation of somebody else inside a story is never part of it.
    """
    if sink is None or scope.act == "directory":
        return None
    place = _place.get()
    if place is not None and place.story.ended is None and place.story.belongs_to(scope):
        _own(place.story, scope, operation, sink)
        return None
    begun = telling("operation")
    _own(begun.__enter__(), scope, operation, sink)
    return begun


def begin_step(name: str, *, around: bool = True) -> Step | None:
    """A step of the story that is being told here; None where none is.

    Args:
        name: of the span.
        around: whether what comes until its end stands in it; not for what ends elsewhere, as streams do.
    """
    place = _place.get()
    if place is None or place.story.ended is not None:
        return None
    return place.story.begin(name, place, around=around)


def note(kind: str, /, **facts: object) -> None:
    """Add a fact to the story that is being told here.

    Args:
        kind: what it is about, such as ``cache``.
        facts: names, numbers, identifiers, and short lists of those; never content. They are cut to size.
    """
    place = _place.get()
    if place is not None:
        place.story.note(kind, facts)


def note_question(text: str) -> None:
    """Keep the question's text; to be called only where ``explain.keep_questions`` says so."""
    place = _place.get()
    if place is not None and place.story.ended is None:
        place.story.question = text


def current_story() -> Story | None:
    """The story that is being told here."""
    place = _place.get()
    return place.story if place is not None and place.story.ended is None else None


def storable(text: str) -> str:
    """Without what PostgreSQL or UTF-8 cannot hold."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def code_of(error: BaseException) -> str:
    """An error's code when it is ours, ``cancelled``, or the name of its type."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "cancelled"
    return error.code if isinstance(error, DeskmindError) else type(error).__name__


def _own(story: Story, scope: Scope, operation: str, sink: StorySink) -> None:
    if story.scope is None:
        story.scope, story.operation, story.sink = scope, operation, story.sink or sink


def _as_json(facts: Mapping[str, object]) -> bytes:
    """As they are when they are plain and small, else cut to size."""
    try:
        values = orjson.dumps(facts)
        if len(values) <= _MOST_BYTES and b"\\u0000" not in values:
            return values
    except (TypeError, RecursionError):
        pass
    values = orjson.dumps(_bounded(facts))
    return values if len(values) <= _MOST_BYTES else _TOO_MUCH


def _bounded(value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)[:_LONGEST_TEXT]
    if isinstance(value, Mapping) and depth < _DEEPEST:
        items = list(cast("Mapping[object, object]", value).items())[:_MOST_ITEMS]
        return {_cut(name): _bounded(item, depth + 1) for name, item in items}
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        items = cast("Sequence[object]", value)[:_MOST_ITEMS]
        return [_bounded(item, depth + 1) for item in items]
    return "…" if isinstance(value, list | tuple | Mapping) else _cut(value)


def _cut(value: object) -> str:
    return storable(str(value)[:_LONGEST_TEXT])
