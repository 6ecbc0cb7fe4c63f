"""Answers as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from deskmind.api.schemas import AnswerBody
from deskmind.errors import DeskmindError
from deskmind.knowledge.answering import AnswerEvent

__all__ = ["server_sent_events"]


async def server_sent_events(events: AsyncIterator[AnswerEvent]) -> AsyncIterator[str]:
    """``delta`` events with pieces of text, then ``answer`` with the whole, or ``problem``."""
    number = 0
    try:
        async for event in events:
            number += 1
            if event.answer is not None:
                yield _event(number, "answer", AnswerBody.of(event.answer).model_dump(mode="json"))
            else:
                yield _event(number, "delta", {"text": event.text})
    except DeskmindError as error:
        yield _event(number + 1, "problem", error.problem())


def _event(number: int, name: str, data: object) -> str:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
