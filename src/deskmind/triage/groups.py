"""Joining what belongs together."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["joined"]


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups that ``pairs`` of numbers below ``count`` connect: ascending, by their first member; no singles."""
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    groups: dict[int, list[int]] = {}
    for number in range(count):
        groups.setdefault(root(number), []).append(number)
    return [members for members in groups.values() if len(members) > 1]
