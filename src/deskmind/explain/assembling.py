"""From the row of a story to what is shown of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.explain.explanation import (
    AnswerFacts,
    CacheDecision,
    Fate,
    PassageFate,
    PromptUse,
    StoryPart,
)
from deskmind.observability.story import ToldStep

if TYPE_CHECKING:
    from deskmind.explain.reading import StoryRow

__all__ = ["Names", "assemble"]


@dataclass(frozen=True, slots=True)
class Names:
    """What identifiers stand for, as far as whoever explains may see it."""

    principals: Mapping[UUID, str]
    titles: Mapping[UUID, str]
    sections: Mapping[UUID, Sequence[str]]

    def principal(self, principal_id: UUID) -> str:
        """A name, else the id."""
        return self.principals.get(principal_id, str(principal_id))


def assemble(row: StoryRow, names: Names) -> StoryPart:
    """A story with the names of what it mentions."""
    told = row.told
    notes = tuple((str(kind), float(at), facts) for kind, at, facts in told.get("notes", ()))
    ranking = _first(notes, "passages")
    return StoryPart(
        kind=row.kind,
        operation=row.operation,
        error=row.error,
        began_at=row.began_at,
        seconds=row.seconds,
        principal=names.principal(row.principal_id),
        principal_id=str(row.principal_id),
        role=told.get("role", ""),
        groups=tuple(sorted(names.principal(group) for group in row.groups)),
        question=row.question,
        http=_first(notes, "http"),
        prompts=tuple(_prompt(facts) for facts in _facts(notes, "prompt")),
        candidates=_first(notes, "candidates"),
        limit=ranking.get("limit"),
        passages=tuple(_passages(notes, ranking, names)),
        answer=_answer(notes),
        caches=tuple(
            CacheDecision(facts.get("cache", ""), facts.get("outcome", ""), facts.get("why", ""), at)
            for kind, at, facts in notes
            if kind == "cache"
        ),
        redactions=_redactions(notes),
        jobs=tuple(_facts(notes, "job")),
        steps=tuple(ToldStep(*step) for step in told.get("steps", ())),
        dropped=told.get("dropped", 0),
        notes=notes,
    )


_Notes = Sequence[tuple[str, float, Mapping[str, Any]]]


def _facts(notes: _Notes, wanted: str) -> Iterator[Mapping[str, Any]]:
    return (facts for kind, _, facts in notes if kind == wanted)


def _first(notes: _Notes, wanted: str) -> Mapping[str, Any]:
    nothing: Mapping[str, Any] = {}
    return next(_facts(notes, wanted), nothing)


def _prompt(facts: Mapping[str, Any]) -> PromptUse:
    return PromptUse(
        facts.get("name", ""),
        facts.get("version"),
        facts.get("experiment") or "",
        facts.get("variant") or "",
    )


def _answer(notes: _Notes) -> AnswerFacts | None:
    found = next(_facts(notes, "answer"), None)
    if found is None or "found" not in found:
        return None
    evidence = _first(notes, "evidence")
    return AnswerFacts(
        found["found"],
        found.get("confidence"),
        evidence.get("threshold"),
        found.get("mode", ""),
        found.get("model", ""),
        found.get("sentences", 0),
    )


def _redactions(notes: _Notes) -> dict[str, int]:
    """Each note of kind ``redaction`` has a ``type`` and a ``count``."""
    counts: Counter[str] = Counter()
    for facts in _facts(notes, "redaction"):
        counts[str(facts.get("type", ""))] += int(facts.get("count", 1))
    return dict(sorted(counts.items()))


def _passages(notes: _Notes, ranking: Mapping[str, Any], names: Names) -> Iterator[PassageFate]:
    limit = ranking.get("limit", 0)
    cited: dict[str, int] = {}
    for place, chunk in enumerate(_first(notes, "answer").get("cited", ()), 1):
        cited.setdefault(chunk, place)
    context = set(_first(notes, "context").get("chunks", ()))
    for rank, (chunk, document, ordinal, dense, lexical, fused, rerank) in enumerate(
        ranking.get("ranked", ()), 1
    ):
        fate, why = _fate(rank, limit, cited.get(chunk), given=chunk in context, asked=bool(context))
        title = names.titles.get(UUID(document))
        yield PassageFate(
            rank,
            chunk,
            document,
            ordinal,
            title or "",
            " > ".join(names.sections.get(UUID(chunk), ())),
            title is not None,
            dense,
            lexical,
            fused,
            rerank,
            fate,
            why,
        )


def _fate(rank: int, limit: int, cited: int | None, *, given: bool, asked: bool) -> tuple[Fate, str]:
    if cited is not None:
        return "cited", f"cited as [{cited}]"
    if rank > limit:
        return "dropped", f"rank {rank} of {limit} that are kept"
    if given:
        return "given", "given to the model, not cited"
    if asked:
        return "kept", "did not fit into what the model is given"
    return "kept", "kept, not cited"
