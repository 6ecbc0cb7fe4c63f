"""Versions and labels in the database."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from psycopg import errors as pg

from deskmind.errors import (
    ConflictError,
    InvalidRequestError,
    PermissionDeniedError,
    PromptError,
    PromptNotFoundError,
)
from deskmind.prompts import PromptTemplate, Variable, prompt_to_file, versions


def prompt(text: str, name: str = "triage") -> PromptTemplate:
    return PromptTemplate(
        name, [("user", text + " {{ ticket }}")], {"ticket": Variable()}, description=f"about {text}"
    )


async def test_versions_count_up_and_equal_content_is_one_version(office: Any) -> None:
    prompts = office.operator.prompts
    first = await prompts.save(prompt("one"), note="begin")
    second = await prompts.save(prompt("two"))
    again = await prompts.save(prompt("one"), note="the same")
    assert [item.version for item in (first, second, again)] == [1, 2, 1]
    assert [(item.version, item.note) for item in await prompts.versions("triage")] == [(2, ""), (1, "begin")]
    assert (await prompts.get("triage", version=1)).template == prompt("one")
    assert first.author == "operator"
    assert (await prompts.save(prompt("one", "other"))).version == 1


async def test_a_long_version_is_parsed_beside_the_requests(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.operator.prompts.save(prompt("one " * 1_000))
    threads: list[int] = []
    read = PromptTemplate.from_dict

    def noted(fields: dict[str, Any]) -> PromptTemplate:
        threads.append(threading.get_ident())
        return read(fields)

    monkeypatch.setattr(PromptTemplate, "from_dict", noted)
    for ask in (
        lambda: office.operator.prompts.get("triage", version=1),
        lambda: office.operator.prompts.versions("triage"),
    ):
        versions._parsed.cache_clear()
        await ask()
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_saving_at_once_loses_nothing(office: Any) -> None:
    texts = [f"text {n}" for n in range(8)]
    saved = await asyncio.gather(*(office.operator.prompts.save(prompt(text)) for text in texts))
    assert sorted(item.version for item in saved) == list(range(1, 9))
    assert {item.template.messages[0][1] for item in saved} == {f"{text} {{{{ ticket }}}}" for text in texts}


async def test_labels_move_and_roll_back_on_record(office: Any) -> None:
    prompts = office.operator.prompts
    for text in ("one", "two", "three"):
        await prompts.save(prompt(text))
    with pytest.raises(PromptNotFoundError, match="no label 'production'"):
        await prompts.get("triage")
    for version in (1, 2, 2, 3):
        await prompts.label("triage", "production", version)
    assert (await prompts.get("triage")).version == 3
    assert (await prompts.rollback("triage")).version == 2
    assert (await prompts.rollback("triage")).version == 1
    with pytest.raises(ConflictError, match="no earlier place"):
        await prompts.rollback("triage")
    await prompts.label("triage", "production", 3)
    assert (await prompts.rollback("triage")).version == 1
    history = await prompts.history("triage")
    assert [(move.version, move.as_dict()["rollback"]) for move in history] == [
        (1, True), (3, False), (1, True), (2, True), (3, False), (2, False), (1, False),
    ]  # fmt: skip
    acts = [event.details for event in await office.operator.audit() if event.action == "prompts.write"]
    assert acts[0] == {"act": "rollback", "label": "production", "version": 1, "before": 3}
    assert sum(details["act"] == "label" for details in acts) == 4
    assert (await prompts.get("triage", version=1)).labels == ("production",)


async def test_two_who_move_a_label_at_once_get_one_order(office: Any) -> None:
    prompts = office.operator.prompts
    for text in ("one", "two", "three", "four"):
        await prompts.save(prompt(text))
    moved = await asyncio.gather(
        *(prompts.label("triage", "production", version) for version in (1, 2, 3, 4)), return_exceptions=True
    )
    done = [item for item in moved if not isinstance(item, BaseException)]
    assert all(isinstance(item, ConflictError) for item in moved if isinstance(item, BaseException))
    history = await prompts.history("triage")
    assert [move.position for move in history] == list(range(len(done), 0, -1))
    assert (await prompts.get("triage")).version == history[0].version


async def test_the_shared_prompt_is_beneath_the_tenants_own(office: Any) -> None:
    prompts, member = office.operator.prompts, office.ann.prompts
    shared = await member.get("answer")
    assert (shared.version, shared.author) == (0, "deskmind")
    taken = {"question": Variable(), "passages": Variable("list")}
    own = PromptTemplate("answer", [("user", "{{ question }}")], taken, "ours")
    await prompts.save(own, label="production")
    assert (await member.get("answer")).template == own
    assert (await office.stranger.prompts.get("answer")).version == 0
    listed = {item.name: item for item in await member.list()}
    assert (listed["answer"].newest, listed["answer"].labels, listed["answer"].shared) == (
        1,
        {"production": 1},
        True,
    )
    assert listed["answer"].description == "ours"
    assert (listed["summarise"].newest, listed["summarise"].labels) == (0, {"production": 0})
    assert (await prompts.rollback("answer")).version == 0
    with pytest.raises(ConflictError, match="comes with Deskmind"):
        await prompts.rollback("answer")
    await prompts.label("answer", "production", 1)
    await prompts.label("answer", "production", 0)
    assert (await member.get("answer")).version == 0
    assert [item.version for item in await member.versions("answer")] == [1, 0]
    assert (await member.get("answer", version=1)).labels == ()


async def test_members_read_and_operators_write(office: Any) -> None:
    saved = await office.operator.prompts.save(prompt("one"), label="production")
    assert await office.ann.prompts.get("triage") == saved
    assert (await office.ann.prompts.render("triage", {"ticket": "INC1"}))[0].content == "one INC1"
    for refused in (
        office.ann.prompts.save(prompt("two")),
        office.ann.prompts.label("triage", "production", 1),
        office.ann.prompts.rollback("triage"),
        office.ann.prompts.import_(prompt_to_file(prompt("two"))),
    ):
        with pytest.raises(PermissionDeniedError):
            await refused


async def test_tenants_do_not_see_each_others_prompts(office: Any) -> None:
    await office.operator.prompts.save(prompt("secret"), label="production")
    with pytest.raises(PromptNotFoundError, match="There is no prompt"):
        await office.stranger.prompts.get("triage")
    assert "triage" not in {item.name for item in await office.stranger.prompts.list()}
    async with office.stranger.database.transaction(office.stranger.scope) as connection:
        for table in ("prompt_versions", "prompt_labels"):
            cursor = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prompt_versions SET note = 'x'",
        "DELETE FROM prompt_versions",
        "UPDATE prompt_labels SET version = 1",
        "DELETE FROM prompt_labels",
    ],
)
async def test_what_was_saved_cannot_be_changed_by_sql(office: Any, statement: str) -> None:
    await office.operator.prompts.save(prompt("one"), label="production")
    with pytest.raises(pg.InsufficientPrivilege):
        async with office.operator.database.transaction(office.operator.scope) as connection:
            await connection.execute(statement.encode())


async def test_members_cannot_write_by_sql_either(office: Any) -> None:
    with pytest.raises(pg.InsufficientPrivilege):
        async with office.ann.database.transaction(office.ann.scope) as connection:
            await connection.execute(
                "INSERT INTO prompt_labels (tenant_id, name, label, position, origin, moved_by)"
                " VALUES (%s, 'answer', 'production', 1, 1, 'ann')",
                (office.ann.scope.tenant_id,),
            )


async def test_the_difference_of_two_versions(office: Any) -> None:
    prompts = office.operator.prompts
    await prompts.save(prompt("one"), label="production")
    await prompts.save(prompt("two"))
    difference = await prompts.diff("triage", "production", 2)
    assert difference.startswith("--- triage (version 1)\n+++ triage (version 2)\n")
    assert "-  content: one {{ ticket }}" in difference
    assert "+  content: two {{ ticket }}" in difference
    assert await prompts.diff("triage", 1, 1) == ""


async def test_files_come_and_go_without_loss(office: Any) -> None:
    prompts = office.operator.prompts
    text = await prompts.export("answer")
    imported = await prompts.import_(text, label="staging")
    assert (imported.version, imported.labels) == (1, ("staging",))
    assert (
        await prompts.export("answer", version=1) == await prompts.export("answer", label="staging") == text
    )
    with pytest.raises(PromptError, match=r"x\.yaml is not valid YAML"):
        await prompts.import_("name: [", source="x.yaml")


async def test_what_is_not_there_says_what_is(office: Any) -> None:
    prompts = office.operator.prompts
    await prompts.save(prompt("one"), label="staging")
    for asked in (
        prompts.get("triage", version=2),
        prompts.get("triage", version=0),
        prompts.get("triage", label="live"),
        prompts.label("triage", "live", 7),
    ):
        with pytest.raises(PromptNotFoundError, match="newest version is 1; its labels: staging → 1"):
            await asked
    with pytest.raises(PromptNotFoundError, match="There is no prompt 'none'"):
        await prompts.versions("none")
    with pytest.raises(InvalidRequestError, match="not by both"):
        await prompts.get("triage", version=1, label="staging")
    with pytest.raises(InvalidRequestError, match="cannot be a label"):
        await prompts.label("triage", "7", 1)
    with pytest.raises(InvalidRequestError, match="note"):
        await prompts.save(prompt("x"), note="\x00")
