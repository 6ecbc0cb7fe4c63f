"""What the tenant's tickets of the past say."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from deskmind.agents.tool import ToolContext, tool
from deskmind.governance.access import Permission

__all__ = ["similar_tickets", "triage_predict"]


@tool(permission=Permission.TRIAGE_SIMILAR)
async def similar_tickets(
    context: ToolContext, text: str, limit: Annotated[int, Field(ge=1, le=20)] = 5
) -> list[dict[str, Any]]:
    """Find resolved tickets of the past that are like a text.

    Args:
        context: of the call.
        text: of the new ticket, summary first.
        limit: how many.
    """
    found = await context.desk.triage.similar(text, limit=limit)
    return [
        {"ticket": one.reference, "similarity": round(one.similarity, 3), "labels": dict(one.labels)}
        for one in found
    ]


@tool(permission=Permission.TRIAGE_PREDICT, untrusted=False)
async def triage_predict(context: ToolContext, text: str) -> dict[str, Any]:
    """Predict what people would choose for a ticket: category, priority, group, as far as it was learned.

    Args:
        context: of the call.
        text: of the ticket, summary first.
    """
    (said,) = await context.desk.triage.predict([text])
    return {
        target: {"label": guess.label, "confidence": round(guess.confidence, 3), "sure": not guess.abstained}
        for target, guess in said.guesses.items()
    }
