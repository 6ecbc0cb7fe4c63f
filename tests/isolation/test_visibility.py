"""Property: every operation shows a user exactly the documents a plain model says it may see."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import NotFoundError, PermissionDeniedError
from deskmind.knowledge.ingest.staging import intern_acl
from deskmind.scope import EVERYONE, NO_ONE

_GROUPS = ("red", "green", "blue")
_USERS = ("ann", "ben", "cyd")
_PRINCIPALS = (*_GROUPS, *_USERS, "everyone", "nobody")
_serial = itertools.count()


@dataclass(frozen=True)
class Access:
    """A conjunction of any-of sets, and a deny set."""

    any_of: tuple[frozenset[str], ...]
    deny: frozenset[str]

    def admits(self, user: str, groups: frozenset[str]) -> bool:
        """The model: plain sets."""
        mine = {user, "everyone", *groups}
        return all(clause & mine for clause in self.any_of) and not self.deny & mine


_NAMES = st.frozensets(st.sampled_from(_PRINCIPALS), max_size=3)
_ACCESS = st.builds(
    Access,
    st.lists(_NAMES, min_size=1, max_size=3).map(tuple),
    st.frozensets(st.sampled_from(_PRINCIPALS[:6]), max_size=2),
)
_MEMBERS = st.dictionaries(
    st.sampled_from(_USERS), st.frozensets(st.sampled_from(_GROUPS)), min_size=3, max_size=3
)


async def _tenant(app: Deskmind, members: dict[str, frozenset[str]], documents: list[Access]) -> Desk:
    """A tenant with the users and one document for each access list."""
    name = f"visible-{next(_serial)}"
    await app.tenants.create(name)
    desk = await app.desk(tenant=name)
    for group in _GROUPS:
        await desk.principals.add_group(group)
    ids = {group.name: group.principal_id for group in await desk.principals.groups()}
    for user, groups in members.items():
        ids[user] = (await desk.principals.add_user(user, groups=sorted(groups))).principal_id
    ids |= {"everyone": EVERYONE, "nobody": NO_ONE}
    for number, access in enumerate(documents):
        await desk.knowledge.add(
            f"d{number}.md", f"# Document {number}\n\nshared subject, own word{number}".encode()
        )
        async with desk.database.transaction(desk.scope) as connection:
            acl = await intern_acl(
                connection,
                [[ids[item] for item in clause] for clause in access.any_of],
                [ids[item] for item in access.deny],
            )
            await connection.execute(
                "UPDATE documents SET acl_id = %s WHERE title = %s", (acl, f"Document {number}")
            )
    return desk


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_MEMBERS, st.lists(_ACCESS, min_size=1, max_size=4))
async def test_everyone_sees_exactly_what_the_model_says(
    app: Deskmind, members: dict[str, frozenset[str]], documents: list[Access]
) -> None:
    operator = await _tenant(app, members, documents)
    everything = {item.title: item.document_id for item in await operator.knowledge.documents()}
    assert len(everything) == len(documents)
    stranger = await _tenant(app, members, [Access((frozenset({"everyone"}),), frozenset())])
    for user, groups in members.items():
        allowed = {
            f"Document {number}" for number, access in enumerate(documents) if access.admits(user, groups)
        }
        desk = await app.desk(tenant=operator.scope.tenant, user=user)
        assert {item.title for item in await desk.knowledge.documents()} == allowed
        assert {item.title for item in await desk.knowledge.search("shared subject", limit=50)} == allowed
        answer = await desk.ask("What is the shared subject of the document?")
        assert {citation.title for citation in answer.citations} <= allowed
        assert {passage.title for passage in answer.passages} <= allowed
        for title, document_id in everything.items():
            if title in allowed:
                assert (await desk.knowledge.document(document_id)).summary.title == title
                with pytest.raises(PermissionDeniedError):
                    await desk.knowledge.delete(document_id)
            else:
                with pytest.raises(NotFoundError):
                    await desk.knowledge.document(document_id)
                with pytest.raises(NotFoundError):
                    await desk.knowledge.delete(document_id)
        for document_id in [item.document_id for item in await stranger.knowledge.documents()]:
            with pytest.raises(NotFoundError):
                await desk.knowledge.document(document_id)
        for refused in (
            desk.principals.users(),
            desk.principals.add_user("eve"),
            desk.keys.all(),
            desk.audit(),
        ):
            with pytest.raises(PermissionDeniedError):
                await refused
        for group in set(_GROUPS) - groups:
            with pytest.raises(PermissionDeniedError):
                await desk.knowledge.add("mine.md", b"# Mine\n\ntext", groups=[group])
    assert len(await operator.knowledge.documents()) == len(documents)
