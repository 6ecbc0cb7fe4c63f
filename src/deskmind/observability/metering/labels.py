"""Label sets that are made once and recognised at once."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Bounded", "Labels", "TenantLabel", "labels"]

_MOST_INTERNED = 20_000
_interned: dict[tuple[tuple[str, str], ...], Labels] = {}


class Labels(dict[str, str]):
    """A label set that is never changed, so that its series can be found by its identity.

    For any other meter provider it is an ordinary mapping.
    """

    __slots__ = ()


def labels(values: dict[str, str] | None = None) -> Labels:
    """The label set of these values; the same object for the same values."""
    key = tuple(sorted(values.items())) if values else ()
    found = _interned.get(key)
    if found is None:
        found = Labels(values or {})
        if len(_interned) < _MOST_INTERNED:
            found = _interned.setdefault(key, found)
    return found


class Bounded:
    """Lets at most so many values through as labels, first come first served, and says ``other`` for the rest.

    >>> bounded = Bounded(1, known=["chat"])
    >>> [bounded(name) for name in ("chat", "triage", "Summarise THIS for anna@example.org", "triage")]
    ['chat', 'triage', 'other', 'triage']

    Args:
        most: values beside the known ones.
        known: values that are always let through.
        longest: characters; a longer value is ``other``.
    """

    __slots__ = ("_let", "_longest", "_most")

    def __init__(self, most: int, *, known: Iterable[str] = (), longest: int = 60) -> None:
        self._let = {value: value for value in known}
        self._most = most + len(self._let)
        self._longest = longest

    def __call__(self, value: str) -> str:
        """The value, or ``other``."""
        found = self._let.get(value)
        if found is not None:
            return found
        if len(self._let) >= self._most or len(value) > self._longest:
            return "other"
        self._let[value] = value
        return value


class TenantLabel:
    """A tenant's id as a label, for a bounded number of tenants.

    ``top``: half of the places go to the first tenants that are seen, the others to tenants that were seen eight times;
    a place is kept, because a series that changed hands would fall. A tenant with a share p of the calls is among the first
    k with a probability of 1 - (1 - p)ᵏ, so that the busiest get places. The rest is ``other``.

    Args:
        mode: ``off`` says nothing, ``id`` every id, ``top`` those of ``most`` tenants.
        most: places.

    Attributes:
        off: whether there is no label.
    """

    _WAITING = 8
    _MOST_WATCHED = 1_000

    def __init__(self, mode: str, most: int = 20) -> None:
        self.off = mode == "off"
        self._mode = mode
        self._most = most
        self._placed: set[str] = set()
        self._seen: dict[str, int] = {}

    def __call__(self, tenant: str) -> str:
        """The label; empty for none."""
        if self.off:
            return ""
        if self._mode == "id" or tenant in self._placed or self._place(tenant):
            return tenant
        return "other"

    def _place(self, tenant: str) -> bool:
        if len(self._placed) >= self._most:
            return False
        if len(self._placed) >= (self._most + 1) // 2:
            if len(self._seen) >= self._MOST_WATCHED:
                self._seen.clear()
            self._seen[tenant] = self._seen.get(tenant, 0) + 1
            if self._seen[tenant] < self._WAITING:
                return False
        self._placed.add(tenant)
        return True
