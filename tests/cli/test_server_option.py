"""Which service a command works against: what names none is refused and never means this machine's own installation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.root import app as command
from deskmind.client import AsyncClient
from deskmind.errors import InvalidRequestError

_NOWHERE = "http://127.0.0.1:9"


def _run(*words: str, **env: str) -> Result:
    """Not with the settings of whoever runs the tests."""
    nothing = dict.fromkeys(("DESKMIND_SERVER", "DESKMIND_API_KEY", "DESKMIND_API_KEY_FILE"))
    return CliRunner().invoke(command, list(words), env={**nothing, **env})


@pytest.fixture
def home(desk_home: Path) -> dict[str, str]:
    """An installation on this machine that commands without a server find."""
    return {"DESKMIND_HOME": str(desk_home)}


@pytest.mark.parametrize("empty", ["", "  "])
@pytest.mark.parametrize("words", ["tenant create of-nobody", "top --once", "openapi", "status"])
def test_an_empty_server_is_not_this_machine(home: dict[str, str], words: str, empty: str) -> None:
    refused = _run("--server", empty, *words.split(), **home)
    assert (refused.exit_code, "--server names no service." in refused.stderr) == (65, True)
    assert "leave --server out" in refused.stderr


def test_an_empty_server_is_refused_as_json_too(home: dict[str, str]) -> None:
    refused = _run("--server", "", "tenant", "list", "--json", **home)
    assert json.loads(refused.stderr)["type"] == "urn:deskmind:problem:invalid-request"


def test_an_empty_server_of_the_dashboard_is_refused(home: dict[str, str]) -> None:
    refused = _run("top", "--once", "--server", "", **home)
    assert (refused.exit_code, "--server names no service." in refused.stderr) == (65, True)


def test_a_variable_without_a_value_is_not_set(home: dict[str, str]) -> None:
    here = _run("tenant", "list", "--json", DESKMIND_SERVER="", **home)
    assert here.exit_code == 0, here.output
    unset = _run("access", "roles", DESKMIND_SERVER=_NOWHERE, DESKMIND_API_KEY="", DESKMIND_API_KEY_FILE="")
    assert (unset.exit_code, "There is no API key" in unset.stderr) == (77, True)


@pytest.mark.parametrize("given", [("--key", "k"), ("--key-file", "k")])
@pytest.mark.parametrize("server", [{}, {"DESKMIND_SERVER": ""}])
def test_a_key_without_a_server_is_refused(
    home: dict[str, str], given: tuple[str, str], server: dict[str, str]
) -> None:
    refused = _run(*given, "tenant", "list", **home, **server)
    assert (refused.exit_code, "no server that it is for" in refused.stderr) == (65, True)


_NO_ADDRESSES = (
    *("http://[::1", "http://[zz]", "http://localhost:99999", "http://localhost:80a", "http://localhost:-1"),
    *("http://a..b", "http://" + "a" * 64, "https://:hush@localhost", "https://me:hush@localhost"),
    *("https://@localhost", "https://localhost/#hush", "https://localhost?", "https://local host"),
    *(
        "https://local\nhost",
        "https://local\\host",
        "ftp://localhost",
        "localhost:8080",
        "https://",
        "https://:hush",
    ),
)


@pytest.mark.parametrize("address", _NO_ADDRESSES)
@pytest.mark.parametrize("words", ["access roles", "top --once"])
@pytest.mark.parametrize("key", [("--key", "k"), ()])
def test_what_is_no_address_is_said_and_not_quoted(address: str, key: tuple[str, ...], words: str) -> None:
    refused = _run("--insecure", "--server", address, *key, *words.split())
    assert isinstance(refused.exception, SystemExit), refused.exception
    assert (refused.exit_code, "This is not the address of a service." in refused.stderr) == (65, True)
    assert "Write it as https://" in refused.stderr
    assert "hush" not in refused.output


@pytest.mark.parametrize(
    "address",
    [
        *("http://localhost", "http://127.0.0.1:8080/desk/", "http://[::1]:8080", "https://bücher.example"),
        *("https://deskmind.example.org.", "https://a_b.example", "http://localhost:"),
    ],
)
def test_an_address_is_taken(address: str) -> None:
    AsyncClient(address, api_key="k")


@pytest.mark.parametrize("address", ["http://localhost:9/ä", "http://☃.localhost:9", "http://local%20host:9"])
@pytest.mark.parametrize("words", ["access roles", "top --once"])
def test_an_address_that_nobody_has_is_no_traceback(address: str, words: str) -> None:
    refused = _run("--insecure", "--server", address, "--key", "k", *words.split())
    assert isinstance(refused.exception, SystemExit), refused.exception
    assert refused.exit_code == 69


def test_the_client_says_what_is_wrong_without_the_password() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        AsyncClient("https://:hush@localhost", api_key="k")
    assert caught.value.why.startswith("It names a user or a password")
    assert "hush" not in str(caught.value)


def test_a_key_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_bytes(b"\xff\xfe")
    refused = _run("--server", _NOWHERE, "--key-file", str(file), "access", "roles")
    assert isinstance(refused.exception, SystemExit), refused.exception
    assert (refused.exit_code, "holds no text" in refused.stderr) == (78, True)
