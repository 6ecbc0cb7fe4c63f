"""Results of searches, kept while nothing changes, so that each further page costs no search."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from deskmind.sandbox.jira import jql
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site

_KEPT = 32
_FOR = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Kept:
    writes: int
    at: datetime
    issues: list[Issue]


class Results:
    """A search as the vendor does it; the same question is answered from memory until a write or 30 seconds later."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def find(self, sight: Sight, query: str, reconcile: tuple[int, ...] = ()) -> list[Issue]:
        """The issues in the query's order."""
        site, key, now = self._site, (sight.account, query), self._site.clock()
        kept = self._kept.get(key)
        if kept and not reconcile and kept.writes == site.writes and now - kept.at < _FOR:
            return kept.issues
        settled = site.settled()
        found = jql.search(site, sight, query, reconcile)
        if settled and not reconcile:
            self._kept[key] = _Kept(site.writes, now, found)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found
