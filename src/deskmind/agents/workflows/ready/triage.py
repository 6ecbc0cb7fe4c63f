"""*triage*: classify a ticket, find what is known about its like, route it and note why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskmind.agents.workflows.flow import Flow
from deskmind.agents.workflows.ready.tickets import read_ticket, write
from deskmind.agents.workflows.workflow import workflow
from deskmind.errors import MissingExtraError, NotFoundError, StepFailedError

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["triage"]

_MOST_QUERY = 1000


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a model chooses: one of the labels, and why."""

    label: str
    reason: str


@workflow("triage")
async def triage(
    flow: Flow,
    connection: str,
    ticket: str,
    routes: dict[str, dict[str, Any]],
    target: str = "assignment_group",
    model: str = "",
    note: bool = True,
) -> dict[str, Any]:
    """Classify a ticket, enrich it with what is known, and route it.

    Args:
        flow: the run.
        connection: name of the connected system.
        ticket: the vendor's id, or the key where the ticket was read before.
        routes: by label, the values of the assignment in the vendor's terms, such as ``{"Network": {"group": "…"}}``.
        target: what the tenant's triage model predicts, as the labels name it.
        model: asked where the triage model is not sure, or there is none.
        note: whether an internal note says why.
    """
    found = await flow.step("read", read_ticket, flow.systems, connection, ticket, retries=2)
    label, by = await _classified(flow, found["text"], sorted(routes), target, model)
    known = await flow.parallel(
        similar=lambda one: one.step("similar", _similar, flow.desk, found["text"], retries=1),
        passages=lambda one: one.step("passages", _passages, flow.desk, found["title"], retries=1),
    )
    routed = await write(flow, "route", connection, "assign", ticket=found["id"], values=routes[label])
    noted = None
    if note:
        values = {"text": _note(label, by, known), "internal": True}
        noted = await write(flow, "note", connection, "comment", ticket=found["id"], values=values)
    return {
        "ticket": found["key"],
        "label": label,
        "by": by,
        "routed": routed.outcome,
        "noted": noted.outcome if noted else "",
        **known,
    }


async def _classified(flow: Flow, text: str, labels: list[str], target: str, model: str) -> tuple[str, str]:
    """The label and whose it is: the tenant's past, a model's, or a person's."""
    guess = await flow.step("classify", _predicted, flow.desk, text, target, untrusted=False)
    if guess is not None and guess["sure"] and guess["label"] in labels:
        return guess["label"], f"past tickets ({guess['confidence']:.0%})"
    chosen = await flow.agent(
        "choose",
        f"Which of these labels fits the ticket? {', '.join(labels)}",
        instructions="You sort tickets of a service desk. Choose one of the given labels, exactly as written.",
        model=model,
        output_type=_Choice,
        untrusted=text,
    )
    if chosen.label in labels:
        return chosen.label, "a model"
    said = await flow.ask(
        "choose-by-hand", f"Where does the ticket belong? Answer with one of: {', '.join(labels)}"
    )
    if said.strip() not in labels:
        raise StepFailedError(
            "Nobody named a route.", why="The answer is none of the labels.", problem="no-route"
        )
    return said.strip(), "a technician"


async def _predicted(desk: Desk, text: str, target: str) -> dict[str, Any] | None:
    try:
        (said,) = await desk.triage.predict([text])
    except (NotFoundError, MissingExtraError):
        return None
    guess = said.guesses.get(target)
    if guess is None:
        return None
    return {"label": guess.label, "confidence": guess.confidence, "sure": not guess.abstained}


async def _similar(desk: Desk, text: str) -> list[str]:
    try:
        return [one.reference for one in await desk.triage.similar(text, limit=3, least=0.3)]
    except (NotFoundError, MissingExtraError):
        return []


async def _passages(desk: Desk, title: str) -> list[str]:
    found = await desk.knowledge.search(title[:_MOST_QUERY] or "-", limit=10)
    return list(dict.fromkeys(one.title for one in found))[:3]


def _note(label: str, by: str, known: Mapping[str, list[str]]) -> str:
    parts = [f"Routed as **{label}**, by {by}."]
    if known["similar"]:
        parts.append(f"Similar tickets: {', '.join(known['similar'])}.")
    if known["passages"]:
        parts.append("\n".join(f"- {title}" for title in known["passages"]))
    return "\n\n".join(parts)
