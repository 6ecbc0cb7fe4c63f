"""What happens to stored chunks when only the audience of a document changes."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.desk import Desk


async def _chunk_ids(desk: Desk) -> set[object]:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT chunk_id FROM chunks")
        return {row[0] for row in await cursor.fetchall()}


async def test_a_permission_change_rewrites_no_chunk(operator: Desk, app: Deskmind) -> None:
    text = b"# Pay\n\nSeverance is nine weeks.\n"
    await operator.principals.add_user("insider", groups=["hr"])
    await operator.principals.add_user("outsider")
    await operator.knowledge.add("pay.md", text)
    before = await _chunk_ids(operator)
    outsider = await app.desk(tenant=operator.scope.tenant, user="outsider")
    insider = await app.desk(tenant=operator.scope.tenant, user="insider")
    assert await outsider.knowledge.search("severance")

    report = await operator.knowledge.add("pay.md", text, groups=["hr"])

    assert report.count("stored") == 1
    assert await _chunk_ids(operator) == before
    assert await outsider.knowledge.search("severance") == []
    assert await insider.knowledge.search("severance")

    again = await operator.knowledge.add("pay.md", text, groups=["hr"])
    assert again.count("unchanged") == 1
    await operator.knowledge.add("pay.md", text)
    assert await outsider.knowledge.search("severance")


async def test_records_that_left_a_file_are_gone(operator: Desk) -> None:
    await operator.knowledge.add("t.csv", b"subject,description\nA,alpha\nB,beta\nC,gamma\n")
    assert len(await operator.knowledge.documents()) == 3
    await operator.knowledge.add("t.csv", b"subject,description\nA,alpha\nB,beta\n")
    assert {item.title for item in await operator.knowledge.documents()} == {"A", "B"}


async def test_term_statistics_equal_a_recount(operator: Desk) -> None:
    for round_ in range(3):
        for number in range(4):
            words = " ".join(f"word{(number * round_ + place) % 7}" for place in range(20))
            await operator.knowledge.add(f"n{number}.md", f"# N{number}\n\n{words}".encode())
    documents = await operator.knowledge.documents()
    await operator.knowledge.delete(documents[0].document_id)
    async with operator.database.transaction(operator.scope) as connection:
        cursor = await connection.execute("SELECT terms FROM lexical")
        counted: dict[int, int] = {0: 0}
        for (terms,) in await cursor.fetchall():
            counted[0] += 1
            for term in terms:
                counted[term] = counted.get(term, 0) + 1
    statistics = await _statistics(operator)
    assert {term: count for term, count in statistics.items() if count} == counted


async def _statistics(desk: Desk) -> dict[int, int]:
    """Read with the administrator's rights: the application may not see the statistics."""
    from psycopg import AsyncConnection

    address = desk.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address) as connection:
        cursor = await connection.execute(
            "SELECT term, chunk_count FROM deskmind.lexical_statistics WHERE tenant_id = %s",
            (desk.scope.tenant_id,),
        )
        return dict(await cursor.fetchall())
