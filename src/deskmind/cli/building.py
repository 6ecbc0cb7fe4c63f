"""A command is built when it is asked for: reading the signatures of all of them takes a fifth of a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from typer.models import CommandInfo, TyperInfo

__all__ = ["build_when_asked"]


def build_when_asked(app: typer.Typer) -> None:
    """Have each command and group that was registered so far be built when it is asked for by its name."""
    commands, groups = list(app.registered_commands), list(app.registered_groups)
    app.registered_commands.clear()
    app.registered_groups.clear()

    class Group(TyperGroup):
        """The application's; what is registered later is built at once."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.commands = cast("Any", _Built(commands, groups, self.commands))

        def list_commands(self, ctx: Any) -> list[str]:
            """The names, for which nothing is built."""
            del ctx
            return list(self.commands)

    app.info.cls = Group


class _Built(Mapping[str, Any]):
    """Commands by name."""

    def __init__(
        self, commands: list[CommandInfo], groups: list[TyperInfo], built: Mapping[str, Any]
    ) -> None:
        self._commands = {str(one.name): one for one in commands}
        self._groups = {str(one.name): one for one in groups}
        self._built = dict(built)
        self._names = list(dict.fromkeys((*self._commands, *self._groups, *self._built)))

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = self._build(name)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _build(self, name: str) -> Any:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.callback()(_nothing)
        if name in self._commands:
            alone.registered_commands.append(self._commands[name])
        else:
            alone.registered_groups.append(self._groups[name])
        return cast("Any", get_command(alone)).commands[name]


def _nothing() -> None:
    """A group of one command stays a group where it has a callback."""
