"""The Merkle tree: known roots, an independent implementation, and what must hold of every tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from deskmind.governance.audit.tree import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# the entries and roots that implementations of Certificate Transparency (RFC 6962, RFC 9162) test against
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

entries = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def _tree(content: list[bytes]) -> Tree:
    return Tree(map(leaf_hash, content))


def test_the_known_roots() -> None:
    tree = _tree(ENTRIES)
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS
    assert tree.root(0) == EMPTY_ROOT == sha256().digest()


def test_known_proofs_of_the_tree_of_seven_in_the_rfc() -> None:
    """RFC 9162, section 2.1.5, draws this tree and spells out these proofs."""
    a, b, c, d, e, f, j = (leaf_hash(entry) for entry in ENTRIES[:7])
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, m = node_hash(g, h), node_hash(i, j)
    tree = _tree(ENTRIES[:7])
    assert tree.inclusion_proof(0) == [b, h, m]
    assert tree.inclusion_proof(3) == [c, g, m]
    assert tree.inclusion_proof(4) == [f, j, k]
    assert tree.inclusion_proof(6) == [i, k]
    assert tree.consistency_proof(3) == [c, d, g, m]
    assert tree.consistency_proof(4) == [m]
    assert tree.consistency_proof(6) == [i, j, k]


@given(entries)
def test_roots_and_proofs_are_those_of_another_implementation(content: list[bytes]) -> None:
    tree, oracle = _tree(content), InmemoryTree()
    for entry in content:
        oracle.append_entry(entry)
    assert tree.root() == oracle.get_root()
    for position in range(len(content)):
        path = [bytes.fromhex(item) for item in oracle.prove_inclusion(position + 1).serialize()["path"]]
        assert [leaf_hash(content[position]), *tree.inclusion_proof(position)] == path


@given(entries)
def test_appending_with_little_state_gives_the_same_roots(content: list[bytes]) -> None:
    tree, frontier = _tree(content), Frontier()
    assert frontier.root() == EMPTY_ROOT
    for size, entry in enumerate(content, 1):
        frontier.append(leaf_hash(entry))
        assert frontier.root() == tree.root(size)
        assert len(frontier.peaks) == size.bit_count() <= size.bit_length()
    resumed = Frontier(frontier.size, list(frontier.peaks))
    resumed.append(leaf_hash(b"next"))
    tree.append(leaf_hash(b"next"))
    assert resumed.root() == tree.root()


@given(entries, st.data())
def test_an_inclusion_proof_fits_its_leaf_position_and_tree_alone(
    content: list[bytes], data: st.DataObject
) -> None:
    tree = _tree(content)
    size = data.draw(st.integers(1, len(content)))
    position = data.draw(st.integers(0, size - 1))
    leaf, proof, root = leaf_hash(content[position]), tree.inclusion_proof(position, size), tree.root(size)
    assert verify_inclusion(leaf, position, size, proof, root)
    assert len(proof) <= (size - 1).bit_length()
    assert not verify_inclusion(leaf_hash(content[position] + b"!"), position, size, proof, root)
    assert not verify_inclusion(leaf, position, size, [*proof, root], root)
    assert not verify_inclusion(leaf, position, size, proof, leaf_hash(b"another root"))
    assert not verify_inclusion(leaf, size, size, proof, root)
    for at in range(len(proof)):
        assert not verify_inclusion(leaf, position, size, [*proof[:at], *proof[at + 1 :]], root)
        assert not verify_inclusion(leaf, position, size, [*proof[:at], leaf, *proof[at + 1 :]], root) or (
            proof[at] == leaf
        )


@given(entries, st.data())
def test_a_consistency_proof_shows_that_nothing_changed(content: list[bytes], data: st.DataObject) -> None:
    tree = _tree(content)
    second = data.draw(st.integers(1, len(content)))
    first = data.draw(st.integers(0, second))
    proof, old, new = tree.consistency_proof(first, second), tree.root(first), tree.root(second)
    assert verify_consistency(first, second, old, new, proof)
    assert not verify_consistency(first, second, old, new, [*proof, new])
    other = leaf_hash(b"another root")
    assert not verify_consistency(first, second, other, new, proof)
    if first:
        assert not verify_consistency(first, second, old, other, proof)
    changed = data.draw(st.integers(0, max(first - 1, 0)))
    rewritten = _tree([b"rewritten!" if at == changed else entry for at, entry in enumerate(content)])
    if 0 < first < second:
        forged = rewritten.consistency_proof(first, second)
        assert not verify_consistency(first, second, old, rewritten.root(second), forged)
        assert not verify_consistency(first, second, old, new, proof[:-1])


def test_what_there_is_not_is_not_proved() -> None:
    tree = _tree(ENTRIES)
    for wrong in (
        lambda: tree.root(9),
        lambda: tree.inclusion_proof(8),
        lambda: tree.inclusion_proof(3, 3),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.consistency_proof(5, 4),
        lambda: Frontier(3, [EMPTY_ROOT]),
    ):
        with pytest.raises(ValueError, match="tree"):
            wrong()
    assert not verify_consistency(5, 4, tree.root(5), tree.root(4), [])
    assert not verify_consistency(3, 8, tree.root(3), tree.root(8), [])
