"""User criteria: who may read a knowledge base or an article.

A criterion names users, groups, roles, companies, departments and locations: any of them suffices, or, with *Match all*,
one of each kind is needed. No *Can Read* criteria on a base let everybody in. What cannot be told in these terms (a
script, an inactive or empty criterion) gives nothing, and under *Cannot Read* it keeps everybody out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deskmind.connectors.access import NOBODY, PUBLIC, Access, Grantee, GranteeKind, any_of_all
from deskmind.connectors.servicenow.fields import Row

__all__ = ["Criteria", "Criterion"]

_KINDS: tuple[tuple[str, GranteeKind], ...] = (
    ("user", "user"),
    ("group", "group"),
    ("role", "role"),
    ("company", "company"),
    ("department", "department"),
    ("location", "location"),
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One record of ``user_criteria``.

    Attributes:
        sets: by kind, each not empty.
        match_all: whether one of each set is needed.
        scripted: whether a script decides.
        active: an inactive criterion is met by nobody and keeps nobody out.
    """

    name: str
    sets: tuple[frozenset[Grantee], ...]
    match_all: bool = False
    scripted: bool = False
    active: bool = True

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Criterion:
        """A row of the table."""
        row = Row(raw)
        sets = (frozenset(Grantee(kind, one) for one in row.listed(name)) for name, kind in _KINDS)
        return cls(
            row.shown("name") or row.text("sys_id"),
            tuple(one for one in sets if one),
            row.flag("match_all"),
            row.flag("advanced"),
            row.flag("active", default=True),
        )

    @property
    def readable(self) -> bool:
        """Whether it says who meets it."""
        return not self.scripted and bool(self.sets)

    def alternatives(self) -> tuple[tuple[frozenset[Grantee], ...], ...]:
        """The ways to meet it: each a list of sets that are all needed."""
        if self.match_all:
            return (self.sets,)
        return ((_union(self.sets),),)

    def widest(self) -> frozenset[Grantee]:
        """At least everybody who meets it."""
        return min(self.sets, key=len) if self.match_all else _union(self.sets)


@dataclass(frozen=True, slots=True)
class Criteria:
    """All criteria of an instance, and which bases they are set on.

    Attributes:
        by_id: criteria.
        can_read, cannot_read: ids of criteria by knowledge base.
        open_without: whether a base without *Can Read* criteria is open to everybody, as it comes out of the box
            (``glide.knowman.block_access_with_no_user_criteria`` is false).
        active: ids of the bases that are active and that we may see; in others nobody reads. None where that is not known.
        hidden: whether some may not be read by us; then nobody is let in anywhere.
    """

    by_id: Mapping[str, Criterion] = field(default_factory=dict[str, Criterion])
    can_read: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    cannot_read: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    open_without: bool = True
    hidden: bool = False
    active: frozenset[str] | None = None

    def access(self, base: str, can_read: Iterable[str], cannot_read: Iterable[str]) -> Access:
        """Who may read an article with criteria of its own in a base: who may by both."""
        if self.hidden:
            return Access(NOBODY.any_of, unread=("user criteria may not be read",))
        if self.active is not None and base not in self.active:
            return Access(NOBODY.any_of, unread=("the knowledge base is not active",))
        of_base = self._one(self.can_read.get(base, ()), self.cannot_read.get(base, ()), self.open_without)
        return of_base.both(self._one(tuple(can_read), tuple(cannot_read), open_without=True))

    def _one(self, can_read: Sequence[str], cannot_read: Sequence[str], open_without: bool) -> Access:
        denied, unread = self._denied(cannot_read)
        if denied is None:
            return Access(NOBODY.any_of, unread=unread)
        if not can_read:
            allowed = PUBLIC if open_without else NOBODY
            return Access(allowed.any_of, denied, unread)
        alternatives: list[tuple[frozenset[Grantee], ...]] = []
        for one in can_read:
            criterion = self.by_id.get(one)
            if criterion is None or not criterion.readable:
                unread = (*unread, f"can read: {one}")
            elif criterion.active:
                alternatives.extend(criterion.alternatives())
        sets = any_of_all(alternatives)
        if sets is None:
            return Access(NOBODY.any_of, unread=(*unread, "too many conditions"))
        return Access(sets, denied, unread)

    def _denied(self, ids: Sequence[str]) -> tuple[frozenset[Grantee] | None, tuple[str, ...]]:
        """Who is kept out, at least; None for everybody."""
        denied: frozenset[Grantee] = frozenset()
        for one in ids:
            criterion = self.by_id.get(one)
            if criterion is not None and not criterion.active:
                continue
            if criterion is None or not criterion.readable:
                return None, (f"cannot read: {one}",)
            denied |= criterion.widest()
        return denied, ()


def _union(sets: Iterable[frozenset[Grantee]]) -> frozenset[Grantee]:
    return frozenset(one for some in sets for one in some)
