"""The same statement as the application's own role in both scopes, then with a forged scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["show"]

_PROBE = "SELECT title FROM documents WHERE metadata->>'id' = '{id}'"
_FORGE = "SELECT set_config('deskmind.scope', replace(current_setting('deskmind.scope'), '.desk.', '.operate.'), true)"


async def show(stage: Stage) -> None:
    """Run it, and print what each scope gets."""
    stage.title("2. The database itself refuses")
    console = stage.console
    statement = _PROBE.format(id=stage.company.hidden_document)
    console.print(f"As the application's role: {statement}")
    for user in stage.company.askers:
        desk = await stage.desk_of(user)
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute(statement.encode())
            rows = [str(row[0]) for row in await cursor.fetchall()]
            console.print(f"  in {user}'s scope: {', '.join(rows) or '(0 rows)'}", markup=False)
            if not rows:
                await connection.execute(_FORGE)
                cursor = await connection.execute(statement.encode())
                count = len(await cursor.fetchall())
                console.print(
                    f"  in {user}'s scope, rewritten to an operator's with set_config: ({count} rows)",
                    markup=False,
                )
