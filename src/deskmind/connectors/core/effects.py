"""Proposals into effects: sent once, read back, compared; an unknown outcome reconciled by the mark it left.

What is the same for all vendors. A vendor's ``Writer`` knows its requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import uuid4

from deskmind.connectors.core.upload import Upload, measured, opened
from deskmind.connectors.writing import Act, Applied, Change, Claims, Outcome, Proposal, marker_of
from deskmind.errors import ConflictError, DeskmindError, InvalidRequestError, OutcomeUnknownError

__all__ = [
    "Draft",
    "Effects",
    "Now",
    "Writer",
    "attach_draft",
    "changes_of",
    "named",
    "needed",
    "reference_line",
]

_CHANGING = frozenset({Act.UPDATE, Act.ASSIGN, Act.TRANSITION, Act.PUBLISH})
_SETTLED = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal as its vendor puts it, before it has an id."""

    changes: tuple[Change, ...]
    request: Mapping[str, Any]
    key: str = ""
    version: str = ""
    internal: bool = True
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Now:
    """How the vendor holds what was proposed.

    Attributes:
        found: whether the record or entry is there.
        values: of the proposal's fields, as they are.
    """

    found: bool
    id: str = ""
    key: str = ""
    url: str = ""
    version: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Writer(Protocol):
    """One vendor's writes."""

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """What the act means in the vendor's terms; only reads are sent."""
        ...

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """Send it; the vendor's id of what was written."""
        ...

    async def now(self, proposal: Proposal, written: str) -> Now:
        """Read what was proposed: by the id that ``send`` gave, or else by its mark."""
        ...


class Effects:
    """Proposes, applies and reconciles."""

    def __init__(self, vendor: str, writer: Writer, *, lag: timedelta = timedelta(0)) -> None:
        """``lag`` is how long a write may be missing from what is read."""
        self._vendor = vendor
        self._writer = writer
        self._lag = max(lag, _SETTLED)

    async def propose(self, act: Act, target: str, values: Mapping[str, Any]) -> Proposal:
        """What would be written."""
        if act is not Act.CREATE and act is not Act.PUBLISH and not target:
            raise InvalidRequestError(
                f"The act '{act}' needs a record.", remedy="Name it by the vendor's id."
            )
        identity = uuid4().hex
        marker = marker_of(identity)
        draft = await self._writer.draft(act, target, dict(values), marker)
        return Proposal(
            vendor=self._vendor,
            act=act,
            changes=draft.changes,
            request=draft.request,
            target=target,
            key=draft.key,
            marker=marker if draft.marked else "",
            version=draft.version,
            internal=draft.internal,
            id=identity,
        )

    async def apply(
        self, proposal: Proposal, *, claims: Claims | None, content: bytes | Path | None
    ) -> Applied:
        """Send it once and read it back.

        Raises:
            ConflictError: the target has changed since, or somebody has sent the proposal before.
            OutcomeUnknownError: no answer came, and the vendor's state does not show it done.
        """
        if proposal.vendor != self._vendor:
            raise InvalidRequestError(
                "The proposal is for another system.", remedy="Apply it where it was made."
            )
        if proposal.act is Act.ATTACH:
            async with opened(proposal.request, content) as upload:
                return await self._applied(proposal, upload, claims)
        return await self._applied(proposal, None, claims)

    async def reconcile(self, proposal: Proposal, *, sent_at: datetime | None = None) -> Outcome:
        """Whether it was written, by the mark it would have left, or by the values themselves.

        Args:
            proposal: what was sent.
            sent_at: when; None for when it was proposed.
        """
        now = await self._writer.now(proposal, "")
        # a request whose answer was lost may still be under way, and an index behind
        settled = datetime.now(UTC) - (sent_at or proposal.made_at) > self._lag
        if proposal.marker or proposal.act is Act.ATTACH:
            if now.found:
                return Outcome.APPLIED
            return Outcome.ABSENT if settled else Outcome.UNCERTAIN
        told = [change for change in proposal.changes if change.field in now.values]
        if told and not _differing(proposal, now):
            return Outcome.APPLIED
        return Outcome.ABSENT if settled and now.version == proposal.version else Outcome.UNCERTAIN

    async def _applied(self, proposal: Proposal, upload: Upload | None, claims: Claims | None) -> Applied:
        await self._unchanged(proposal)
        if claims is not None and not await claims.take(proposal):
            raise ConflictError(
                "The proposal was sent before.",
                why="Each is sent once, by whoever claims it first.",
                remedy="Look at its outcome, or reconcile it.",
            )
        written = await self._sent(proposal, upload, claims)
        try:
            now = await self._writer.now(proposal, written)
        except DeskmindError:  # it was taken, and nobody has seen how
            if claims is not None:
                await claims.settle(proposal, Outcome.UNCERTAIN, written)
            raise
        if claims is not None:
            await claims.settle(proposal, Outcome.APPLIED, now.id or written)
        return Applied(
            proposal.id, now.id or written, now.key, now.url, now.version, differing=_differing(proposal, now)
        )

    async def _unchanged(self, proposal: Proposal) -> None:
        """By the version, and by the values: a vendor's version may be a time to the second."""
        if proposal.act not in _CHANGING or not proposal.version:
            return
        now = await self._writer.now(proposal, proposal.target)
        held = now.values
        changed = any(
            one.field in held and not _same(one.before, held[one.field]) for one in proposal.changes
        )
        if now.version != proposal.version or changed:
            raise ConflictError(
                f"{proposal.key or proposal.target} has changed since the proposal was made.",
                why="Somebody else wrote to it.",
                remedy="Look at it and propose the change anew.",
            )

    async def _sent(self, proposal: Proposal, upload: Upload | None, claims: Claims | None) -> str:
        try:
            return await self._writer.send(proposal, upload)
        except OutcomeUnknownError as error:
            outcome = await self._after_loss(proposal, error)
            if outcome is Outcome.APPLIED:
                return ""
            if claims is not None:
                await claims.settle(proposal, outcome, "")
            raise
        except DeskmindError:
            if claims is not None:
                await claims.settle(proposal, Outcome.ABSENT, "")
            raise

    async def _after_loss(self, proposal: Proposal, lost: OutcomeUnknownError) -> Outcome:
        """What can be said at once; only a mark that is there proves anything so early."""
        try:
            return await self.reconcile(proposal, sent_at=datetime.now(UTC))
        except DeskmindError:
            lost.details["reconciled"] = False
            return Outcome.UNCERTAIN


def needed(values: Mapping[str, Any], *names: str) -> None:
    """Raise where a value is missing."""
    missing = [name for name in names if values.get(name) in (None, "")]
    if missing:
        raise InvalidRequestError(
            f"The proposal lacks {', '.join(missing)}.",
            remedy="The vendor's page names the values of each act.",
        )


def reference_line(marker: str) -> str:
    """The mark as people see it at the end of a text."""
    return f"Ref: {marker}"


def named(values: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Values by the vendor's field names: ours translated, ``fields`` as they are."""
    fields = dict(values.pop("fields", None) or {})
    unknown: Sequence[str] = [name for name in values if name not in names]
    if unknown:
        raise InvalidRequestError(
            f"The values {', '.join(sorted(unknown))} are not known.",
            remedy="Give the vendor's own fields under 'fields'.",
        )
    return {**{names[name]: value for name, value in values.items() if value is not None}, **fields}


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields that would not be as they are."""
    return tuple(
        Change(name, before.get(name), value) for name, value in after.items() if before.get(name) != value
    )


def _differing(proposal: Proposal, now: Now) -> tuple[str, ...]:
    return tuple(
        change.field
        for change in proposal.changes
        if change.field in now.values and not _same(change.after, now.values[change.field])
    )


def _same(wanted: Any, held: Any) -> bool:
    if isinstance(wanted, list) and isinstance(held, list):  # labels and tags: others may be there too
        there = {str(one) for one in cast("list[Any]", held)}
        return all(str(one) in there for one in cast("list[Any]", wanted))
    return bool(wanted == held) or f"{wanted}" == f"{held}"


async def attach_draft(values: dict[str, Any], key: str, internal: bool) -> Draft:
    """The draft of an attachment: its name, type, size and digest, not its content.

    Whoever has no content at hand gives ``size`` and ``digest`` (SHA-256 in hex).
    """
    needed(values, "name")
    content: Any = values.get("content")
    if content is not None:
        if not isinstance(content, (bytes, Path)):  # text of others must not name a file of ours
            raise InvalidRequestError("The file's content is neither bytes nor a path.")
        size, digest = await measured(content)
    else:
        needed(values, "size", "digest")
        size, digest = int(values["size"]), str(values["digest"]).lower()
    request = {
        "name": str(values["name"]),
        "content_type": str(values.get("content_type") or "application/octet-stream"),
        "size": size,
        "digest": digest,
    }
    change = Change("attachment", None, f"{request['name']} ({size:,} bytes)")
    return Draft((change,), request, key, internal=internal)
