"""``deskmind memory``: what is remembered, shown, corrected, pinned and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_rows, print_value, say
from deskmind.cli.session import CommandLine, desk_or_operator_of

if TYPE_CHECKING:
    from deskmind.agents.memory import Memory, Recalled
    from deskmind.app import Deskmind

__all__ = ["memory_app"]

memory_app = typer.Typer(help="What is remembered for a user, groups and the tenant.", no_args_is_help=True)
MemoryId = Annotated[UUID, typer.Argument(help="As printed by `deskmind memory list`.")]
_COLUMNS = ("memory", "kind", "for", "trust", "pinned", "uses", "text")


@memory_app.command("list")
def list_memories(
    kind: Annotated[str | None, typer.Option("--kind", help="semantic, procedural or episodic.")] = None,
    audience: Annotated[str | None, typer.Option("--for", help="user, group or tenant.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Those that were superseded, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 50,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List a user's memories with those of the user's groups and the tenant, newest first; without --user the shared ones."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Memory]:
        desk = await desk_or_operator_of(app, tenant, user)
        given: dict[str, Any] = {"kind": kind, "audience": audience}
        return await desk.memories.list(**given, history=history, limit=limit)

    found = line.run(work)
    rows = [_row(one) for one in found]
    print_rows(
        rows,
        _COLUMNS,
        as_json=as_json,
        empty="Nothing is remembered.",
        document=[one.as_dict() for one in found],
    )


@memory_app.command("show")
def show(
    memory_id: MemoryId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a memory, where it came from, and what it superseded."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Memory]:
        return await (await desk_or_operator_of(app, tenant, user)).memories.show(memory_id)

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    for one in found:
        say(f"{one.text}")
        state = f"superseded {one.superseded_at:%Y-%m-%d %H:%M}" if one.superseded_at else "counts"
        say(f"  {one.kind}, for the {one.audience}, {one.trust}, {state}; used {one.uses} times")
        run = f", run {one.run_id}" if one.run_id else ""
        step = f", step {one.step}" if one.step is not None else ""
        say(f"  from {one.origin} {one.source}{run}{step}, {one.made_at:%Y-%m-%d %H:%M}")


@memory_app.command("add")
def add(
    text: Annotated[str, typer.Argument(help="What to remember.")],
    kind: Annotated[str, typer.Option("--kind", help="semantic, procedural or episodic.")] = "semantic",
    subject: Annotated[
        str, typer.Option("--subject", help="What it is about; a newer one about the same supersedes it.")
    ] = "",
    audience: Annotated[str, typer.Option("--for", help="user, group or tenant.")] = "user",
    group: Annotated[str, typer.Option("--group", help="Name of the group.")] = "",
    pinned: Annotated[bool, typer.Option("--pin", help="It does not fade.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Remember something for a user, a group (--for group --group NAME) or the tenant (--for tenant)."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Memory:
        from deskmind.agents.memory import Draft

        desk = await desk_or_operator_of(app, tenant, user)
        values: dict[str, Any] = {"kind": kind, "subject": subject}
        chosen: dict[str, Any] = {"audience": audience}
        return await desk.memories.add(Draft(text, **values), **chosen, group=group, pinned=pinned)

    _print(line.run(work), "It is remembered", as_json=as_json)


@memory_app.command("recall")
def recall(
    question: Annotated[str, typer.Argument(help="What memories are compared with.")],
    tokens: Annotated[int, typer.Option("--tokens", min=0, help="At most so many, by estimate.")] = 800,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what an agent would be told about a question."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Recalled:
        return await (await desk_or_operator_of(app, tenant, user)).memories.recall(question, tokens=tokens)

    found = line.run(work)
    if as_json:
        print_json(
            {
                "tokens": found.tokens,
                "tainted": found.tainted,
                "text": found.text,
                "memories": [one.as_dict() for one in found.memories],
            }
        )
        return
    say(found.text or "Nothing is remembered about this.")


@memory_app.command("correct")
def correct(
    memory_id: MemoryId,
    text: Annotated[str, typer.Argument(help="What is right.")],
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say what is right; the memory so far stays in the history."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Memory:
        return await (await desk_or_operator_of(app, tenant, user)).memories.correct(memory_id, text)

    _print(line.run(work), "It is corrected", as_json=as_json)


@memory_app.command("pin")
def pin(
    memory_id: MemoryId,
    release: Annotated[bool, typer.Option("--release", help="Let it fade again.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Keep a memory from fading."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Memory:
        return await (await desk_or_operator_of(app, tenant, user)).memories.pin(
            memory_id, pinned=not release
        )

    _print(line.run(work), "It is released" if release else "It is pinned", as_json=as_json)


@memory_app.command("forget")
def forget(
    memory_id: MemoryId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Remove a memory with its history, for good."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> int:
        return await (await desk_or_operator_of(app, tenant, user)).memories.forget(memory_id)

    gone = line.run(work)
    print_value({"memory_id": str(memory_id), "forgotten": gone}, f"{gone} forgotten.", as_json=as_json)


def _row(one: Memory) -> dict[str, Any]:
    return {
        "memory": one.memory_id,
        "kind": one.kind,
        "for": one.audience,
        "trust": one.trust,
        "pinned": one.pinned,
        "uses": one.uses,
        "text": one_line(one.text)[:120],
    }


def _print(one: Memory, said: str, *, as_json: bool) -> None:
    print_value(one.as_dict(), f"{said}: {one.memory_id}", as_json=as_json)
