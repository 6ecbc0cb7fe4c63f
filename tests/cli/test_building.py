"""Commands are built when they are asked for, and are the same then."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from deskmind.cli.building import build_when_asked
from deskmind.cli.root import app as deskmind_app


@pytest.fixture
def app() -> typer.Typer:
    """Two commands, of which one cannot be built, and a group of one command."""
    made = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    group = typer.Typer(help="Letters.")

    @made.callback()
    def root() -> None:
        """All of it."""

    @made.command("greet")
    def greet(name: str) -> None:
        typer.echo(f"Hello {name}")

    @made.command("broken")
    def broken(value: Unknown) -> None:  # type: ignore[name-defined] # noqa: F821
        del value

    @group.command("send")
    def send() -> None:
        typer.echo("sent")

    made.add_typer(group, name="letter")
    build_when_asked(made)
    return made


def test_a_command_is_built_without_the_others(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["greet", "Ann"]).stdout == "Hello Ann\n"
    assert isinstance(CliRunner().invoke(app, ["broken", "x"]).exception, NameError)


def test_a_group_of_one_command_stays_a_group(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["letter", "send"]).stdout == "sent\n"
    assert "Letters." in CliRunner().invoke(app, ["letter", "--help"]).stdout


def test_what_is_registered_later_is_there_too(app: typer.Typer) -> None:
    @app.command("late")
    def late() -> None:
        typer.echo("after all")

    assert CliRunner().invoke(app, ["late"]).stdout == "after all\n"
    assert CliRunner().invoke(app, ["greet", "Ben"]).stdout == "Hello Ben\n"


def test_a_name_that_is_mistyped_is_put_right_without_building_any(app: typer.Typer) -> None:
    assert "Did you mean 'greet'?" in CliRunner().invoke(app, ["great"]).stderr


def test_completion_names_the_commands() -> None:
    asked = {
        "_DESKMIND_COMPLETE": "complete_bash",
        "COMP_WORDS": "deskmind ten",
        "COMP_CWORD": "1",
    }
    assert CliRunner().invoke(deskmind_app, [], prog_name="deskmind", env=asked).stdout == "tenant\n"
