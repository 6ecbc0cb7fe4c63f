"""Proposals into effects: sent once, read back, compared; an unknown outcome reconciled by the mark it left.

What is the same for all vendors. A vendor's ``Writer`` knows its requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import uuid4

from deskmind.connectors.writing import Act, Applied, Change, Claims, Outcome, Proposal, marker_of
from deskmind.errors import ConflictError, DeskmindError, InvalidRequestError, OutcomeUnknownError

__all__ = [
    "Draft",
    "Effects",
    "Now",
    "Upload",
    "Writer",
    "attach_draft",
    "changes_of",
    "named",
    "needed",
    "reference_line",
]

_WITH_VERSION = frozenset({Act.UPDATE, Act.ASSIGN, Act.TRANSITION})
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


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of an attachment."""

    name: str
    content_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 in hex."""
        return hashlib.sha256(self.content).hexdigest()


class Writer(Protocol):
    """One vendor's writes."""

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """What the act means in the vendor's terms; only reads are sent."""
        ...

    async def version(self, proposal: Proposal) -> str:
        """The target's version now."""
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
        upload = _upload(proposal, content)
        await self._unchanged(proposal)
        if claims is not None and not await claims.take(proposal):
            raise ConflictError(
                "The proposal was sent before.",
                why="Each is sent once, by whoever claims it first.",
                remedy="Look at its outcome, or reconcile it.",
            )
        written = await self._sent(proposal, upload, claims)
        now = await self._writer.now(proposal, written)
        if claims is not None:
            await claims.settle(proposal, Outcome.APPLIED, now.id or written)
        return Applied(
            proposal.id, now.id or written, now.key, now.url, now.version, differing=_differing(proposal, now)
        )

    async def reconcile(self, proposal: Proposal) -> Outcome:
        """Whether it was written, by the mark it would have left, or by the values themselves."""
        now = await self._writer.now(proposal, "")
        if proposal.marker or proposal.act is Act.ATTACH:
            if now.found:
                return Outcome.APPLIED
            # a request whose answer was lost may still be under way, and an index behind
            return Outcome.ABSENT if datetime.now(UTC) - proposal.made_at > self._lag else Outcome.UNCERTAIN
        told = [change for change in proposal.changes if change.field in now.values]
        if told and not _differing(proposal, now):
            return Outcome.APPLIED
        settled = datetime.now(UTC) - proposal.made_at > self._lag
        return Outcome.ABSENT if settled and now.version == proposal.version else Outcome.UNCERTAIN

    async def _unchanged(self, proposal: Proposal) -> None:
        if proposal.act not in _WITH_VERSION or not proposal.version:
            return
        if await self._writer.version(proposal) != proposal.version:
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
            if claims is not None:
                await claims.settle(proposal, outcome, "")
            if outcome is not Outcome.APPLIED:
                raise
            return ""
        except DeskmindError:
            if claims is not None:
                await claims.settle(proposal, Outcome.ABSENT, "")
            raise

    async def _after_loss(self, proposal: Proposal, lost: OutcomeUnknownError) -> Outcome:
        """What can be said at once; only a mark that is there proves anything so early."""
        try:
            return await self.reconcile(proposal)
        except DeskmindError:
            lost.details["reconciled"] = False
            return Outcome.UNCERTAIN


def needed(values: Mapping[str, Any], *names: str) -> None:
    """Raise where a value is missing."""
    missing = [name for name in names if values.get(name) in {None, ""}]
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


def _upload(proposal: Proposal, content: bytes | Path | None) -> Upload | None:
    if proposal.act is not Act.ATTACH:
        return None
    if content is None:
        raise InvalidRequestError("The file's content is missing.", remedy="Give it as content=…")
    data = content if isinstance(content, bytes) else content.read_bytes()
    upload = Upload(proposal.request["name"], proposal.request["content_type"], data)
    if upload.digest != proposal.request["digest"]:
        raise InvalidRequestError(
            "The file is not the one that was proposed.", remedy="Propose the attachment anew with this file."
        )
    return upload


def attach_draft(values: dict[str, Any], key: str, internal: bool) -> Draft:
    """The draft of an attachment: its name, type, size and digest, not its content."""
    needed(values, "name", "content")
    content: bytes | Path = values["content"]
    data = content if isinstance(content, bytes) else content.read_bytes()
    upload = Upload(str(values["name"]), str(values.get("content_type") or "application/octet-stream"), data)
    request = {
        "name": upload.name,
        "content_type": upload.content_type,
        "size": len(data),
        "digest": upload.digest,
    }
    return Draft(
        (Change("attachment", None, f"{upload.name} ({len(data):,} bytes)"),), request, key, internal=internal
    )
