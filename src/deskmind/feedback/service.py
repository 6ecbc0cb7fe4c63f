"""``desk.feedback``: thumbs up or down on an answer, with a reason and a correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol, get_args
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import Person, record
from deskmind.governance.privacy.holds import heeding_holds
from deskmind.knowledge.characters import check_characters
from deskmind.observability import instruments
from deskmind.observability.metering import labels
from deskmind.prompts.experiments import FEEDBACK
from deskmind.prompts.trials import insert_outcome, read_experiment
from deskmind.scope import OPERATOR, Scope

__all__ = ["REASONS", "Feedback", "FeedbackEntry", "FeedbackRoom", "Rating", "Reason"]

Rating = Literal["up", "down"]
Reason = Literal["", "wrong", "outdated", "incomplete", "not_found_but_exists", "unclear", "other"]

REASONS: tuple[str, ...] = get_args(Reason)[1:]
"""Why an answer is rated so; none has to be given."""

MOST_CORRECTION = 4_000
_MAX_LIMIT = 200
_LONGEST_ID = 128

_given = instruments.counter(instruments.FEEDBACK)
_RATINGS = {rating: labels({"deskmind.rating": rating}) for rating in get_args(Rating)}

_ANSWER = """
SELECT began_at, found, mode, prompt, prompt_version, experiment, variant, documents, groups FROM request_stories
 WHERE tenant_id = %s AND request_id = %s AND principal_id = %s AND found IS NOT NULL
 ORDER BY began_at DESC LIMIT 1
"""

_GIVE = """
INSERT INTO feedback (tenant_id, principal_id, request_id, feedback_id, rating, reason, correction, answered_at, found,
                      mode, prompt, prompt_version, experiment, variant, documents, groups)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, principal_id, request_id) DO UPDATE
   SET rating = excluded.rating, reason = excluded.reason, correction = excluded.correction, given_at = now(),
       revisions = feedback.revisions + 1
"""

_COLUMNS = """
SELECT f.feedback_id, f.request_id,
       CASE WHEN f.principal_id = %(operator)s THEN 'operator' ELSE coalesce((SELECT p.name FROM principals p
            WHERE p.tenant_id = f.tenant_id AND p.principal_id = f.principal_id), f.principal_id::text) END,
       f.rating, f.reason, f.correction, f.given_at, f.revisions, f.answered_at, f.found, f.mode, f.prompt,
       f.prompt_version, f.experiment, f.variant, f.documents
  FROM feedback f
"""

_ONE = _COLUMNS + (
    " WHERE f.tenant_id = %(tenant)s AND f.principal_id = %(principal)s AND f.request_id = %(request)s"
)

_LIST = (
    _COLUMNS
    + """
 WHERE f.tenant_id = %(tenant)s AND (%(rating)s::text IS NULL OR f.rating = %(rating)s)
   AND (%(moment)s::timestamptz IS NULL OR (f.given_at, f.feedback_id) < (%(moment)s, %(feedback)s::uuid))
 ORDER BY f.given_at DESC, f.feedback_id DESC LIMIT %(limit)s
"""
)


class FeedbackRoom(Protocol):
    """What the application lends."""

    async def settle_stories(self) -> None:
        """Write what this process has told so far: the answer may have been given a moment ago."""
        ...


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """A rating.

    Attributes:
        feedback_id: of the row.
        request_id: of the answer.
        principal: name of the asker, or the id.
        rating: ``up`` or ``down``.
        reason: one of ``REASONS``, or empty.
        correction: what the answer should have been; content.
        given_at: when, the last time.
        revisions: how often it was replaced.
        answered_at: when the answer was given.
        found: whether it was an answer or an honest "not found".
        mode, prompt, prompt_version, experiment, variant: how it came about.
        documents: ids of those it cites.
    """

    feedback_id: UUID
    request_id: str
    principal: str
    rating: Rating
    reason: Reason
    correction: str
    given_at: datetime
    revisions: int
    answered_at: datetime
    found: bool
    mode: str | None
    prompt: str | None
    prompt_version: int | None
    experiment: str | None
    variant: str | None
    documents: tuple[UUID, ...]

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list."""
        return self.given_at, self.feedback_id

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "feedback_id": str(self.feedback_id),
            "request_id": self.request_id,
            "principal": self.principal,
            "rating": self.rating,
            "reason": self.reason,
            "correction": self.correction,
            "given_at": self.given_at.isoformat(),
            "revisions": self.revisions,
            "answered_at": self.answered_at.isoformat(),
            "found": self.found,
            "mode": self.mode,
            "prompt": self.prompt,
            "prompt_version": self.prompt_version,
            "experiment": self.experiment,
            "variant": self.variant,
            "documents": [str(document) for document in self.documents],
        }


class Feedback:
    """Ratings of answers: given by who asked, read by them and by operators."""

    def __init__(self, database: Database, scope: Scope, room: FeedbackRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where feedback is kept."""
        return self._database

    @operation(Permission.FEEDBACK_GIVE)
    async def give(
        self, request_id: str, rating: Rating, *, reason: Reason = "", correction: str = ""
    ) -> FeedbackEntry:
        """Rate an answer one was given; a later rating of the same answer replaces the earlier one.

        An answer that was worded for an experiment's variant leaves the outcome ``feedback``, 1 or 0, there.

        Args:
            request_id: ``Answer.request_id``.
            rating: ``up`` or ``down``.
            reason: one of ``REASONS``.
            correction: what the answer should have been, at most 4,000 characters.

        Raises:
            NotFoundError: no answer of one's own has this id, or it is too old to be explained.
            InvalidRequestError: the rating, reason or correction is not acceptable.
            LegalHoldError: it would replace a correction that a legal hold keeps.
        """
        _check(rating, reason, correction)
        await self._room.settle_stories()
        async with self._database.transaction(self._scope) as connection, heeding_holds():
            answer = await self._answer(connection, request_id)
            previous = await self._one(connection, request_id)
            await connection.execute(
                _GIVE,
                (
                    *(self._scope.tenant_id, self._scope.principal_id, request_id, uuid4()),
                    *(rating, reason, correction, *answer),
                ),
            )
            await record(
                connection,
                self._scope,
                Permission.FEEDBACK_GIVE,
                resource=request_id,
                rating=rating,
                reason=reason,
                corrected=bool(correction),
                replaces=previous.rating if previous is not None else None,
            )
            entry = await self._one(connection, request_id)
            assert entry is not None
            await self._observe(connection, entry)
        _given.add(1, _RATINGS[rating])
        return entry

    @operation(Permission.FEEDBACK_READ)
    async def list(
        self,
        *,
        limit: int = 50,
        before: tuple[datetime, UUID] | None = None,
        rating: Rating | None = None,
    ) -> list[FeedbackEntry]:
        """Ratings, the newest first: one's own, or as an operator all of the tenant.

        Args:
            limit: at most this many, 1 to 200.
            before: ``place`` of the last one of the previous page.
            rating: only these.

        Raises:
            InvalidRequestError: the limit is not 1 to 200.
        """
        if not 1 <= limit <= _MAX_LIMIT:
            raise InvalidRequestError(
                f"A limit of {limit} is not possible.", remedy=f"Choose 1 to {_MAX_LIMIT}."
            )
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _LIST,
                {
                    "tenant": self._scope.tenant_id,
                    "rating": rating,
                    "moment": before[0] if before else None,
                    "feedback": before[1] if before else None,
                    "limit": limit,
                    "operator": OPERATOR,
                },
            )
            entries = [_entry(row) for row in await cursor.fetchall()]
            if self._scope.act == "operate":
                await record(connection, self._scope, Permission.FEEDBACK_READ, entries=len(entries))
            return entries

    @operation(Permission.FEEDBACK_ERASE)
    async def forget(self, principal_id: UUID) -> int:
        """Remove every rating of one user of the tenant, corrections included; gives how many."""
        async with self._database.transaction(self._scope) as connection, heeding_holds():
            cursor = await connection.execute(
                "DELETE FROM feedback WHERE tenant_id = %s AND principal_id = %s",
                (self._scope.tenant_id, principal_id),
            )
            await record(
                connection,
                self._scope,
                Permission.FEEDBACK_ERASE,
                resource=Person(principal_id=principal_id),
                ratings=cursor.rowcount,
            )
            return cursor.rowcount

    async def _answer(self, connection: Connection, request_id: str) -> tuple[Any, ...]:
        row = None
        if 0 < len(request_id) <= _LONGEST_ID and "\x00" not in request_id:
            cursor = await connection.execute(
                _ANSWER, (self._scope.tenant_id, request_id, self._scope.principal_id)
            )
            row = await cursor.fetchone()
        if row is None:
            raise NotFoundError(
                "There is no such answer.",
                why="No answer of yours that is still on record has this request id.",
                remedy="Give the request_id that came with the answer; only who asked may rate it.",
            )
        return row

    async def _one(self, connection: Connection, request_id: str) -> FeedbackEntry | None:
        cursor = await connection.execute(
            _ONE,
            {
                "tenant": self._scope.tenant_id,
                "principal": self._scope.principal_id,
                "request": request_id,
                "operator": OPERATOR,
            },
        )
        row = await cursor.fetchone()
        return None if row is None else _entry(row)

    async def _observe(self, connection: Connection, entry: FeedbackEntry) -> None:
        """Tell the experiment that chose the answer's prompt; one that has stopped takes no outcomes."""
        if entry.experiment is None or entry.variant is None:
            return
        found = await read_experiment(connection, self._scope, entry.experiment)
        if found.running:
            await insert_outcome(
                connection,
                self._scope,
                found.experiment_id,
                entry.variant,
                FEEDBACK,
                float(entry.rating == "up"),
                request_id=entry.request_id,
                replaces=True,
            )


def _check(rating: str, reason: str, correction: str) -> None:
    if rating not in get_args(Rating):
        raise InvalidRequestError("A rating is 'up' or 'down'.")
    if reason not in get_args(Reason):
        raise InvalidRequestError("This is no known reason.", remedy=f"Known: {', '.join(REASONS)}.")
    if len(correction) > MOST_CORRECTION:
        raise InvalidRequestError(
            f"The correction has {len(correction):,} characters.",
            why=f"At most {MOST_CORRECTION:,} are kept.",
            remedy="Shorten it, or add it to the knowledge.",
        )
    check_characters(correction=correction)


def _entry(row: Sequence[Any]) -> FeedbackEntry:
    entry = FeedbackEntry(*row)
    return replace(entry, documents=tuple(entry.documents))
