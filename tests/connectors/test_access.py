"""Mirrored access never lets in whom the vendor keeps out."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from deskmind.connectors import EVERYONE, NOBODY, PUBLIC, Access, Grantee
from deskmind.connectors.access import any_of_all
from deskmind.connectors.freshservice.sight import folder_access
from deskmind.connectors.servicenow.criteria import Criteria, Criterion

_GRANTEES = [
    Grantee("user", "u"),
    Grantee("group", "a"),
    Grantee("group", "b"),
    Grantee("role", "r"),
    Grantee("company", "c"),
]
_SETS = st.frozensets(st.sampled_from(_GRANTEES), min_size=1, max_size=3)
_CRITERIA = st.builds(
    Criterion,
    st.just("x"),
    st.lists(_SETS, max_size=3).map(tuple),
    st.booleans(),
    st.booleans() | st.just(False),
    st.booleans() | st.just(True),
)
EVERY_PERSON = [
    set(some) for some in chain.from_iterable(combinations(_GRANTEES, n) for n in range(len(_GRANTEES) + 1))
]


def vendor_meets(one: Criterion, held: set[Grantee]) -> bool:
    """The vendor's own rule, written apart: a criterion that we cannot read could be met by anybody."""
    if not one.active:
        return False
    if one.scripted or not one.sets:
        return False
    return all(held & some for some in one.sets) if one.match_all else any(held & some for some in one.sets)


@given(
    st.lists(_CRITERIA, max_size=3),
    st.lists(_CRITERIA, max_size=2),
    st.lists(_CRITERIA, max_size=2),
    st.lists(_CRITERIA, max_size=2),
)
def test_no_article_is_visible_that_the_vendor_would_hide(
    base_can: list[Criterion], base_cannot: list[Criterion], can: list[Criterion], cannot: list[Criterion]
) -> None:
    everything = [*base_can, *base_cannot, *can, *cannot]
    by_id = {str(place): one for place, one in enumerate(everything)}
    names = iter(by_id)
    take = lambda some: [next(names) for _ in some]  # noqa: E731
    first, second = take(base_can), take(base_cannot)
    criteria = Criteria(by_id, {"kb": first}, {"kb": second})
    access = criteria.access("kb", take(can), take(cannot))
    for held in EVERY_PERSON:
        denied = any(
            vendor_meets(one, held) or (one.active and (one.scripted or not one.sets))
            for one in (*base_cannot, *cannot)
        )
        allowed = all(not some or any(vendor_meets(one, held) for one in some) for some in (base_can, can))
        assert not access.permits(held) or (allowed and not denied)


def test_a_base_without_criteria_is_open_and_hidden_criteria_close_all() -> None:
    assert Criteria().access("kb", (), ()).permits(())
    assert not Criteria(open_without=False).access("kb", (), ()).permits(())
    assert not Criteria(hidden=True).access("kb", (), ()).permits({Grantee("user", "u")})


@given(st.lists(st.lists(_SETS, min_size=1, max_size=3), max_size=3))
def test_a_conjunction_says_the_same_as_the_alternatives(
    alternatives: list[list[frozenset[Grantee]]],
) -> None:
    sets = any_of_all(alternatives)
    assert sets is not None
    for held in EVERY_PERSON:
        wanted = any(all(held & some for some in one) for one in alternatives)
        assert Access(sets).permits(held) is wanted


def test_more_conditions_than_a_list_holds_let_nobody_in() -> None:
    many = Access(tuple(frozenset({Grantee("user", str(n))}) for n in range(20)))
    more = Access(tuple(frozenset({Grantee("user", str(n))}) for n in range(20, 40)))
    assert not many.both(more).permits({Grantee("user", str(n)) for n in range(40)})
    assert PUBLIC.both(NOBODY) == NOBODY
    assert PUBLIC.permits(())
    assert not Access((frozenset({EVERYONE}),), frozenset({EVERYONE})).permits(())


def test_a_folders_visibility_that_is_not_known_closes_it() -> None:
    assert folder_access({"visibility": 1}).permits(())
    assert folder_access({"visibility": 4, "department_ids": [7]}).permits({Grantee("department", "7")})
    assert not folder_access({"visibility": 9}).permits({Grantee("scope", "agents")})
    assert not folder_access({}).permits({Grantee("scope", "agents")})
