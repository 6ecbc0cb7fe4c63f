"""The documentation runs: Python and console fences are executed, links lead somewhere, settings are complete."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError
from tests.project.conftest import Warm

from deskmind.errors import DeskmindError
from deskmind.settings import Settings

pytestmark = pytest.mark.documentation

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"(?:<!-- no-test: *(?P<reason>[^>]*?) *-->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S
)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Fence:
    page: Path
    line: int
    language: str
    body: str
    reason: str | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def fences(page: Path, *languages: str) -> list[Fence]:
    text = page.read_text(encoding="utf-8")
    return [
        Fence(
            page,
            text.count("\n", 0, match.start("body")) + 1,
            match["language"],
            match["body"],
            match["reason"],
        )
        for match in FENCE.finditer(text)
        if match["language"] in languages
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


RUNNABLE = [page for page in PAGES if any(f.reason is None for f in fences(page, "python", "console"))]


ENVIRONMENT = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_ANSWER_THRESHOLD": "0.05"}
_IMPORTED = ("deskmind.cli", "deskmind.app", "deskmind.database.embedded", "markdown_it")


@pytest.fixture(scope="module")
def command(warm: Warm) -> Iterator[Path]:
    """The folder of ``deskmind`` as pages find it, but for the first page, which starts the program that is installed."""
    with warm("deskmind", *_IMPORTED) as client:
        yield client.parent


@pytest.fixture
def page_folder(
    page: Path,
    tmp_path_factory: pytest.TempPathFactory,
    running_home: Path,
    command: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The working folder of one page, and the environment of everything it runs."""
    for name in [name for name in os.environ if name.startswith("DESKMIND_")]:
        monkeypatch.delenv(name)
    for name, value in {**ENVIRONMENT, "DESKMIND_HOME": str(running_home)}.items():
        monkeypatch.setenv(name, value)
    programs = [*([] if page == PAGES[0] else [command]), Path(sys.executable).parent]
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, programs), os.environ["PATH"]]))
    folder = tmp_path_factory.mktemp("page")
    monkeypatch.chdir(folder)
    return folder


def run_console(fence: Fence) -> None:
    for command in commands(fence.body):
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{fence.place}: {command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"{fence.place}: {command}\n{done.stderr}"


def commands(body: str) -> list[str]:
    """What follows ``$ ``, with the lines that a trailing backslash joins."""
    found: list[str] = []
    continued = False
    for line in body.splitlines():
        if continued:
            found[-1] += "\n" + line
        elif line.startswith("$ "):
            found.append(line[2:])
        continued = bool(found) and (continued or line.startswith("$ ")) and line.endswith("\\")
    return found


async def run_python(fence: Fence, names: dict[str, Any]) -> None:
    source = "\n" * (fence.line - 1) + fence.body
    code = compile(source, str(fence.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    with contextlib.redirect_stdout(io.StringIO()):
        waiting = eval(code, names)
        if inspect.isawaitable(waiting):
            await waiting


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
async def test_the_snippets_of_a_page_run_in_order(page: Path, page_folder: Path):
    names: dict[str, Any] = {"__name__": "__snippet__"}
    for fence in fences(page, "python", "console"):
        if fence.reason is not None:
            continue
        if fence.language == "python":
            await run_python(fence, names)
        else:
            run_console(fence)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_snippet_is_excluded_only_for_a_stated_reason(page: Path):
    text = page.read_text(encoding="utf-8")
    reasons = [fence.reason for fence in fences(page, "python", "console") if fence.reason is not None]
    marks = re.findall(r"^<!-- no-test", text, re.M)
    assert len(marks) == len(reasons), "each mark stands right before the fence it excludes"
    assert all(len(reason) > 10 for reason in reasons)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_inside_the_repository_lead_somewhere(page: Path):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = [
        target
        for target in (match["target"] for match in LINK.finditer(prose))
        if not re.match(r"[a-z]+:", target) and not resolves(page, target)
    ]
    assert broken == []


def resolves(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(file)


def anchors(file: Path) -> set[str]:
    """Heading anchors as the usual renderers make them."""
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def settings_leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += settings_leaves(kind, (*path, name))
        else:
            found.append((*path, name))
    return found


def test_the_configuration_page_names_every_setting_its_variable_and_its_default():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `DESKMIND_\w+` \| ([^|]+) \|", page, re.M))
    leaves = settings_leaves(Settings)
    assert set(rows) == {".".join(leaf) for leaf in leaves}
    for leaf in leaves:
        assert f"| `{'.'.join(leaf)}` | `DESKMIND_{'_'.join(leaf).upper()}` |" in page
        if leaf != ("home",):
            assert default_of(leaf).replace(",", "") in rows[".".join(leaf)].replace(",", ""), leaf


def default_of(leaf: tuple[str, ...]) -> str:
    value: Any = Settings.model_fields[leaf[0]].get_default(call_default_factory=True)
    for name in leaf[1:]:
        value = getattr(value, name)
    if value is None:
        return "none"
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def test_the_command_page_names_every_command():
    from typer.main import get_command

    from deskmind.cli.root import app

    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    tree: Any = get_command(app)
    named: list[str] = []
    for name, command in tree.commands.items():
        inner = getattr(command, "commands", None)
        named += [f"deskmind {name} {sub}" for sub in inner] if inner else [f"deskmind {name}"]
    assert [name for name in named if f"`{name}" not in page] == []


@pytest.mark.parametrize("leaf", settings_leaves(Settings), ids=".".join)
def test_a_documented_variable_is_read(leaf: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    def value() -> Any:
        found: Any = Settings()
        for name in leaf:
            found = getattr(found, name)
        return found

    for name in [name for name in os.environ if name.startswith("DESKMIND_")]:
        monkeypatch.delenv(name)
    before = value()
    seen: list[Any] = []
    json_texts = (
        '{"a": {"model": "b"}}',
        '{"a": {"window": "day", "usd": 1}}',
        '{"a": "b"}',
        '{"a": {"regex": "b"}}',
        '{"a": {"feedback_days": 7}}',
        '{"a": {"name": "b"}}',
        '[{"approval": "auto"}]',
        '[{"origin": "tool"}]',
        '["POST"]',
        '{"host": "mail.example", "sender": "desk@mail.example"}',
        '{"a": {"command": ["b"]}}',
    )
    for text in (
        "2",
        "17",
        "2000",
        "0.5",
        "true",
        "false",
        "other",
        "answer",
        "all",
        "none",
        "json",
        "console",
        "error",
        "process",
        "grpc",
        "otlp",
        "http://collector:4318",
        "id",
        "otlp",
        "mask",
        '["a"]',
        '["ES384"]',
        *json_texts,
    ):
        monkeypatch.setenv(f"DESKMIND_{'_'.join(leaf).upper()}", text)
        with contextlib.suppress(ValidationError, SettingsError):
            seen.append(value())
    assert any(found != before for found in seen)


def every_error(kind: type[DeskmindError] = DeskmindError) -> list[type[DeskmindError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in every_error(child))]


def test_every_exit_code_and_status_of_an_error_is_documented():
    errors = [kind for kind in every_error() if kind.__module__.startswith("deskmind.errors.")]
    commands_page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    http_page = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    assert [kind for kind in errors if f"| {kind.exit_code} |" not in commands_page] == []
    assert [kind for kind in errors if kind.status != 500 and f"| {kind.status} |" not in http_page] == []
