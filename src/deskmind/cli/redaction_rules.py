"""``deskmind redaction``: a tenant's own patterns, actions and names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_rows, print_value
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind

__all__ = ["redaction_app"]

redaction_app = typer.Typer(help="What a tenant says of redaction.", no_args_is_help=True)
patterns_app = typer.Typer(help="Forms of its own identifiers.", no_args_is_help=True)
actions_app = typer.Typer(help="What is done with each type.", no_args_is_help=True)
directory_app = typer.Typer(help="Names of people, devices, organisations.", no_args_is_help=True)
redaction_app.add_typer(patterns_app, name="patterns")
redaction_app.add_typer(actions_app, name="actions")
redaction_app.add_typer(directory_app, name="directory")

Name = Annotated[str, typer.Argument(help="The pattern's name: a-z, 0-9 and '_.-'.")]
Type = Annotated[str, typer.Option("--type", help="What it is, such as EMPLOYEE_ID or ASSET_NUMBER.")]
Source = Annotated[str, typer.Option("--source", help="Where the names come from.")]


@patterns_app.command("add")
def add_pattern(
    name: Name,
    regex: Annotated[
        str, typer.Argument(help="A regular expression; a group named 'value' is what is found.")
    ],
    kind: Type = "EMPLOYEE_ID",
    score: Annotated[float, typer.Option("--score", help="How sure a match is.", min=0, max=1)] = 0.9,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Add a pattern, or put another in its place; one that some text could make slow is refused."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        added = await (await operator_of(app, tenant)).redaction.add_pattern(
            name, regex, type=kind, score=score
        )
        print_value(added.as_dict(), f"{added.type} is found by the pattern {name}.", as_json=as_json)

    line.run(work)


@patterns_app.command("list")
def list_patterns(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List the tenant's patterns."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        found = await (await operator_of(app, tenant)).redaction.patterns()
        print_rows(
            [item.as_dict() for item in found],
            ("name", "type", "score", "regex"),
            as_json=as_json,
            empty="No patterns yet. Add one with: deskmind redaction patterns add NAME REGEX",
        )

    line.run(work)


@patterns_app.command("remove")
def remove_pattern(
    name: Name, tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Remove a pattern."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).redaction.remove_pattern(name)
        print_value({"removed": name}, f"Removed the pattern {name}.", as_json=as_json)

    line.run(work)


@patterns_app.command("test")
def try_pattern(
    regex: Annotated[str, typer.Argument(help="A regular expression.")],
    text: Annotated[str | None, typer.Option("--text", help="A text; standard input when left out.")] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check an expression as adding it would, and show where it matches a text; nothing is stored."""
    line = CommandLine(home, config, as_json=as_json)

    def act() -> None:
        from deskmind.governance.redaction.service import checked_pattern

        expression = checked_pattern("test", regex, "EMPLOYEE_ID", 1.0).pattern().expression
        given = sys.stdin.read() if text is None else text
        group = "value" if "value" in expression.groupindex else 0
        rows = [
            {"start": match.start(group), "end": match.end(group), "text": match[group]}
            for match in expression.finditer(given)
        ]
        print_rows(
            rows, ("start", "end", "text"), as_json=as_json, empty="It is a good expression; nothing matches."
        )

    line.guard(act)


@actions_app.command("list")
def list_actions(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Show what is done with each type, by the settings and the tenant."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        actions = await (await operator_of(app, tenant)).redaction.actions()
        rows = [{"type": str(entity), "action": str(action)} for entity, action in actions.items()]
        print_rows(rows, ("type", "action"), as_json=as_json, empty="")

    line.run(work)


@actions_app.command("set")
def set_action(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Such as CREDIT_CARD.")],
    action: Annotated[
        str, typer.Argument(help="mask, placeholder, hash, allow, block; 'default' as the settings say.")
    ],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say what is done with a type in this tenant."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        given = None if action == "default" else action
        await (await operator_of(app, tenant)).redaction.set_action(kind, given)
        print_value({"type": kind.upper(), "action": action}, f"{kind.upper()}: {action}.", as_json=as_json)

    line.run(work)


@directory_app.command("add")
def add_names(
    values: Annotated[list[str] | None, typer.Argument(help="Names.", show_default=False)] = None,
    kind: Type = "PERSON",
    file: Annotated[Path | None, typer.Option("--file", help="A file with one name a line.")] = None,
    source: Source = "by-hand",
    replace: Annotated[bool, typer.Option("--replace", help="Forget what this source said before.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take in names that are to be found in texts; users of the tenant are known anyway."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        from deskmind.governance.redaction import DirectoryEntry, RedactionPolicy

        (entity,) = RedactionPolicy.parse({kind: "mask"}).actions
        lines = file.read_text("utf-8").splitlines() if file is not None else []
        named = [
            DirectoryEntry(value.strip(), entity) for value in (*(values or ()), *lines) if value.strip()
        ]
        count = await (await operator_of(app, tenant)).redaction.know(named, source=source, replace=replace)
        print_value(
            {"source": source, "known": count}, f"{count} names are known of {source}.", as_json=as_json
        )

    line.run(work)


@directory_app.command("list")
def list_names(
    source: Annotated[str | None, typer.Option("--source", help="Of this source only.")] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the names beside those of users."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        found = await (await operator_of(app, tenant)).redaction.directory(source=source)
        rows = [{"type": str(entry.type), "value": entry.value} for entry in found]
        print_rows(rows, ("type", "value"), as_json=as_json, empty="No names yet.")

    line.run(work)


@directory_app.command("remove")
def remove_names(
    values: Annotated[list[str], typer.Argument(help="Names.")],
    source: Source = "by-hand",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take names out again."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        count = await (await operator_of(app, tenant)).redaction.forget(values, source=source)
        if as_json:
            print_json({"removed": count})
        else:
            print_value({"removed": count}, f"{count} names are forgotten.", as_json=False)

    line.run(work)
