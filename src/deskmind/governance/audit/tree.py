"""The Merkle tree of RFC 9162 (section 2.1) with SHA-256: roots, proofs and their verification; no storage.

Hashes are 32 bytes. Positions count from 0, sizes are numbers of leaves. ``Frontier`` appends with O(log n) state;
``Tree`` keeps every complete node and makes proofs in O(log n).

>>> tree = Tree(leaf_hash(event) for event in (b"opened", b"assigned", b"resolved"))
>>> proof = tree.inclusion_proof(1)
>>> verify_inclusion(leaf_hash(b"assigned"), 1, tree.size, proof, tree.root())
True
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "Tree",
    "leaf_hash",
    "node_hash",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: its prefix keeps a leaf from passing for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two hashes."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """What appending needs of a tree: the roots of its complete subtrees, one for each bit set in its size.

    Attributes:
        size: leaves so far.
        peaks: the subtrees' roots, largest first.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list[bytes])

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError("a tree of this size has another number of complete subtrees")

    def append(self, leaf: bytes) -> None:
        """Add one leaf's hash. Amortised O(1)."""
        size = self.size
        while size & 1:
            leaf = node_hash(self.peaks.pop(), leaf)
            size >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far. O(log n)."""
        return _folded(self.peaks)


class Tree:
    """A tree that keeps its complete nodes, about 64 bytes a leaf, so that it can prove.

    Args:
        leaves: hashes of leaves to begin with.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Leaves so far."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf's hash. Amortised O(1)."""
        level, at = leaf, 0
        self._levels[0].append(level)
        while len(self._levels[at]) % 2 == 0:
            level = node_hash(self._levels[at][-2], level)
            at += 1
            if at == len(self._levels):
                self._levels.append([])
            self._levels[at].append(level)

    def root(self, size: int | None = None) -> bytes:
        """The root now, or when there were ``size`` leaves.

        Raises:
            ValueError: there were never so many.
        """
        size = self._known(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, position: int, size: int | None = None) -> list[bytes]:
        """The hashes that lead from a leaf to the root of a tree of ``size`` leaves, lowest first.

        Raises:
            ValueError: that tree has no such leaf.
        """
        size = self._known(size)
        if not 0 <= position < size:
            raise ValueError(f"a tree of {size} leaves has none at position {position}")
        start, end = 0, size
        path: list[bytes] = []
        while end - start > 1:
            middle = start + _split(end - start)
            if position < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, first: int, second: int | None = None) -> list[bytes]:
        """The hashes that show a tree of ``second`` leaves to continue that of ``first``; none when nothing needs showing.

        Raises:
            ValueError: ``first`` is greater, or there were never so many leaves.
        """
        second = self._known(second)
        if not 0 <= first <= second:
            raise ValueError(f"a tree of {second} leaves does not continue one of {first}")
        if first in {0, second}:
            return []
        start, end, whole = 0, second, True
        path: list[bytes] = []
        while first != end:
            middle = start + _split(end - start)
            if first <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, whole = middle, False
        return ([] if whole else [self._range(start, end)]) + path[::-1]

    def _known(self, size: int | None) -> int:
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves, not {size}")
        return size

    def _range(self, start: int, end: int) -> bytes:
        """The root over the leaves from ``start`` to before ``end``, where ``start`` is the left edge of a subtree."""
        peaks: list[bytes] = []
        while start < end:
            height = (end - start).bit_length() - 1
            peaks.append(self._levels[height][start >> height])
            start += 1 << height
        return _folded(peaks)


def verify_inclusion(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows a leaf's hash at a position of the tree with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= position < size:
        return False
    node, last, found = position, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows the second tree to begin with all of the first, unchanged (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return not proof and first_root == second_root
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not proof or not path:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The greatest power of two that is smaller than ``size``, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _folded(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root
