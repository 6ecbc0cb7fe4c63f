"""Prompts: versions, labels, files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_rows, print_value, say
from deskmind.cli.session import CommandLine, operator_of
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.prompts.versions import PromptVersion

__all__ = ["prompts_app"]

prompts_app = typer.Typer(help="Prompts: versions, labels, files.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The prompt's name.")]
Version = Annotated[
    int | None,
    typer.Option("--version", "-v", min=0, help="This version; 0 comes with Deskmind.", show_default=False),
]
Label = Annotated[
    str | None,
    typer.Option("--label", "-l", help="The version this label points at.", show_default="production"),
]
MoveLabel = Annotated[
    str | None, typer.Option("--label", "-l", help="Point this label at it as well.", show_default=False)
]
Note = Annotated[str, typer.Option("--note", "-m", help="Why, for the history.")]


@prompts_app.command("list")
def list_prompts(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List prompts."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        found = await (await operator_of(app, tenant)).prompts.list()
        rows = [
            {**item.as_dict(), "prompt": item.name, "labels": _labels(item.labels), "shared": item.shared}
            for item in found
        ]
        print_rows(
            rows,
            ("prompt", "newest", "labels", "shared", "description"),
            as_json=as_json,
            empty="No prompts yet. Save one with: deskmind prompts save FILE",
            document=[item.as_dict() for item in found],
        )

    line.run(work)


@prompts_app.command("show")
def show_prompt(
    name: Name,
    version: Version = None,
    label: Label = None,
    versions: Annotated[bool, typer.Option("--versions", help="List its versions.")] = False,
    history: Annotated[bool, typer.Option("--history", help="List the moves of the label.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a prompt, its versions, or where a label has been."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        prompts = (await operator_of(app, tenant)).prompts
        if versions:
            _show_versions(await prompts.versions(name), as_json=as_json)
        elif history:
            moves = [move.as_dict() for move in await prompts.history(name, label or "production")]
            print_rows(
                moves,
                ("position", "version", "rollback", "moved_by", "moved_at"),
                as_json=as_json,
                empty="The label was never moved.",
            )
        else:
            found = await prompts.get(name, version=version, label=label)
            _show(found, await prompts.export(name, version=found.version), as_json=as_json)

    line.run(work)


@prompts_app.command("save")
def save_prompt(
    file: Annotated[Path, typer.Argument(help="A YAML file; '-' reads standard input.", allow_dash=True)],
    note: Note = "",
    label: MoveLabel = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Save a file as a new version of the prompt it describes."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        prompts = (await operator_of(app, tenant)).prompts
        saved = await prompts.import_(_read(file), note=note, label=label, source=file.name)
        print_value(saved.as_dict(), _saved(saved), as_json=as_json)

    line.run(work)


@prompts_app.command("label")
def label_prompt(
    name: Name,
    label: Annotated[str, typer.Argument(help="Such as production or staging.")],
    version: Annotated[int, typer.Argument(min=0, help="0 is the prompt that comes with Deskmind.")],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Point a label at a version."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        move = await (await operator_of(app, tenant)).prompts.label(name, label, version)
        print_value(move.as_dict(), f"{label} of {name} is version {move.version}.", as_json=as_json)

    line.run(work)


@prompts_app.command("rollback")
def rollback_prompt(
    name: Name,
    label: Annotated[str, typer.Argument()] = "production",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Point a label at where it was before."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        move = await (await operator_of(app, tenant)).prompts.rollback(name, label)
        print_value(move.as_dict(), f"{label} of {name} is version {move.version} again.", as_json=as_json)

    line.run(work)


@prompts_app.command("diff")
def diff_prompt(
    name: Name,
    old: Annotated[str, typer.Argument(help="A version's number or a label.")],
    new: Annotated[str, typer.Argument(help="A version's number or a label.")],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Show what changed between two versions."""

    async def work(app: Deskmind) -> None:
        prompts = (await operator_of(app, tenant)).prompts
        sys.stdout.write(await prompts.diff(name, _reference(old), _reference(new)))

    CommandLine(home, config).run(work)


@prompts_app.command("export")
def export_prompts(
    name: Annotated[str | None, typer.Argument(help="One prompt; all of them when left out.")] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", help="Folder to write NAME.yaml to; standard output for one prompt when left out."
        ),
    ] = None,
    version: Version = None,
    label: Label = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Write prompts as files, so that they can live in a repository."""
    line = CommandLine(home, config)

    async def work(app: Deskmind) -> None:
        prompts = (await operator_of(app, tenant)).prompts
        if name is not None and to is None:
            sys.stdout.write(await prompts.export(name, version=version, label=label))
            return
        if to is None:
            raise InvalidRequestError("Where to?", remedy="Name one prompt, or add --to FOLDER.")
        wanted = [name] if name is not None else _pointed_at(await prompts.list(), label or "production")
        for item in wanted:
            text = await prompts.export(item, version=version, label=label)
            say(str(_write(to, item, text)))

    line.run(work)


@prompts_app.command("import")
def import_prompts(
    paths: Annotated[list[Path], typer.Argument(help="YAML files, or folders of them.", exists=True)],
    note: Note = "",
    label: MoveLabel = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Save many files; what has not changed gets no new version. All files are checked before any is saved."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        from deskmind.prompts.files import prompt_from_file

        prompts = (await operator_of(app, tenant)).prompts
        templates = [prompt_from_file(_read(file), source=str(file)) for file in _files(paths)]
        saved = [await prompts.save(template, note=note, label=label) for template in templates]
        print_value(
            [item.as_dict() for item in saved], "\n".join(_saved(item) for item in saved), as_json=as_json
        )

    line.run(work)


@prompts_app.command("render")
def render_prompt(
    name: Name,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="NAME=TEXT, or NAME:=JSON for numbers, lists and objects."),
    ] = None,
    version: Version = None,
    label: Label = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the messages of a prompt with its variables filled in."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        prompts = (await operator_of(app, tenant)).prompts
        given = dict(_value(text) for text in values or [])
        messages = await prompts.render(name, given, version=version, label=label)
        print_value(
            [message.as_dict() for message in messages],
            "\n".join(f"── {message.role}\n{message.content}" for message in messages),
            as_json=as_json,
        )

    line.run(work)


def _show(found: PromptVersion, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_dict())
        return
    labels = f", {', '.join(found.labels)}" if found.labels else ""
    by = f" by {found.author}, {found.created_at:%Y-%m-%d %H:%M}" if found.created_at else ""
    say(f"# version {found.version}{labels}{by}" + (f": {found.note}" if found.note else ""))
    sys.stdout.write(text)


def _show_versions(found: list[PromptVersion], *, as_json: bool) -> None:
    rows = [{**item.as_dict(), "labels": list(item.labels)} for item in found]
    columns = ("version", "labels", "author", "created_at", "note")
    print_rows(rows, columns, as_json=as_json, empty="")


def _labels(labels: Any) -> str:
    return ", ".join(f"{label} → {version}" for label, version in sorted(labels.items()))


def _saved(saved: PromptVersion) -> str:
    labels = f" ({', '.join(saved.labels)})" if saved.labels else ""
    return f"{saved.name} is version {saved.version}{labels}."


def _read(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8")
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read.", why=f"{error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{file} is not text in UTF-8.") from error


def _write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be written.", why=f"{error.strerror}.") from error
    return file


def _files(paths: list[Path]) -> list[Path]:
    found = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if not found:
        raise InvalidRequestError("There is no .yaml file to import.")
    return found


def _pointed_at(found: list[Any], label: str) -> list[str]:
    return [item.name for item in found if label in item.labels]


def _reference(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequestError(f"'{text[:80]}' sets nothing.", remedy="Write NAME=TEXT, or NAME:=JSON.")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value)
    except ValueError as error:
        raise InvalidRequestError(f"The value of '{name[:-1]}' is not JSON.", why=f"{error}.") from error
