"""What tests share: one embedded server a session, one application on it, a fresh tenant where wanted."""

from __future__ import annotations

import asyncio
import functools
import gc
import io
import itertools
import os
import shutil
import subprocess
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import hypothesis
import pytest
import typer.main
import typer.testing
import uvicorn
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deskmind.app import Deskmind
from deskmind.database.embedded import EmbeddedServer
from deskmind.desk import Desk
from deskmind.observability.tracing import use_provider
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

# how long an example takes says nothing of whether it is right
hypothesis.settings.register_profile("deskmind", deadline=None)
hypothesis.settings.load_profile("deskmind")

# a busy machine is no fault of the service, httpx would give up after five seconds; and the certificates of all authorities
# are read once, not for each client
for _client in (httpx.Client, httpx.AsyncClient):
    _client.__init__.__kwdefaults__.update(timeout=httpx.Timeout(60), verify=httpx.create_ssl_context())

# what is imported stays; the collector need not look through its half million objects again and again
gc.disable()

# a fifth of a second for each command that a test runs, and always the same
typer.testing._get_command = functools.cache(typer.main.get_command)

_numbers = itertools.count(1)

_LONGEST = (Path(__file__).parent / "longest.txt").read_text().split()
"""Files that take long, whatever the number of their tests, the longest first; written by ``scripts/longest_tests.py``."""

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first, so that in the end no process waits for another that has just begun one."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    root = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(root).as_posix(), len(places)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on there is garbage to collect, apart from what was imported."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of what has waited for too long, where the tasks stand: the stacks of threads only show that the event loop waits."""
    report = yield
    if call.excinfo is not None and "Timeout (>" in str(call.excinfo.value):
        text = io.StringIO()
        for task in list(asyncio.tasks._all_tasks):
            if not task.done():
                task.print_stack(file=text)
        report.sections.append(("tasks", text.getvalue()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test that was run once more failed with: it is to be mended, though it passed then."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"rerun of {report.nodeid} ({report.when})", sep="_")
        terminalreporter.write_line(report.longreprtext[-3000:])
        for name, text in report.sections:
            terminalreporter.write_line(f"--- {name}\n{text[-3000:]}")


@pytest.fixture(scope="session")
def desk_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the session."""
    folder = tmp_path_factory.mktemp("home")
    for parent in (folder, *folder.parents):
        if parent == Path("/tmp") or not parent.is_relative_to("/tmp"):
            break
        parent.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
async def app(desk_home: Path) -> AsyncIterator[Deskmind]:
    """A started application with the model-free embedder, whose similarities no threshold fits: nothing is declined."""
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, answer={"threshold": 0.0}
    ) as started:
        yield started


@asynccontextmanager
async def _serving(service: FastAPI) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(service, host="127.0.0.1", port=0, log_config=None, lifespan="on"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@pytest.fixture(scope="session")
def serving() -> Callable[[FastAPI], AbstractAsyncContextManager[str]]:
    """Serves an ASGI application on a socket of its own; gives its address."""
    return _serving


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty, migrated database, made once; its server does not run."""
    from typer.testing import CliRunner

    from deskmind.cli.root import app as command

    home = tmp_path_factory.mktemp("prepared")
    settings = {"DESKMIND_HOME": str(home), "DESKMIND_KNOWLEDGE_EMBEDDER": "none"}
    made = CliRunner().invoke(command, ["migrate", "up"], env=settings)
    assert made.exit_code == 0, made.output
    return home


@pytest.fixture(scope="module")
def running_home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A migrated home of the file's own. Its server runs as long as the file's tests, so that no command starts it."""
    home = tmp_path_factory.mktemp("running") / "home"
    subprocess.run(["cp", "-a", str(prepared_home), str(home)], check=True)  # with the server's owner
    with EmbeddedServer.start(home):
        yield home


@pytest.fixture(scope="module")
async def own_app(running_home: Path) -> AsyncIterator[Deskmind]:
    """An application with the file's own tenants only, for what goes through all tenants there are."""
    async with Deskmind.open(
        home=running_home, knowledge={"embedder": "hashing"}, answer={"threshold": 0.0}
    ) as started:
        yield started


@pytest.fixture
def new_tenant(app: Deskmind) -> Callable[[], Awaitable[str]]:
    """Makes a tenant of its own and returns its name."""

    async def make() -> str:
        name = f"tenant-{next(_numbers)}"
        await app.tenants.create(name)
        return name

    return make


@pytest.fixture
async def operator(app: Deskmind, new_tenant: Callable[[], Awaitable[str]]) -> Desk:
    """The operator's desk of a fresh tenant."""
    return await app.desk(tenant=await new_tenant())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets beside the checkout; tests that need them are skipped where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the public data sets are not beside this checkout (../shared/data)")
    return SHARED_DATA


@pytest.fixture
async def sandbox() -> AsyncIterator[ModelSandbox]:
    """A server that speaks the model providers' wire formats, on a socket of its own."""
    async with ModelSandbox() as started:
        yield started


@pytest.fixture
async def modelled(desk_home: Path, app: Deskmind, sandbox: ModelSandbox) -> AsyncIterator[Deskmind]:
    """A second application on the session's home, with models of the sandbox and answers worded by one of them."""
    deployment = {"base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    priced = {**deployment, "price": {"input": "1", "output": "2"}}
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.0, "model": "fast"},
        gateway={"flush_seconds": 0.05},
        api={"embedded_worker": False},  # a service on it would do other tests' jobs, and be traced for it
        models={
            "fast": {"deployments": [{"model": "echo", **priced}], "retries": 0},
            "long": {"deployments": [{"model": "echo-50", **priced}], "retries": 0, "drain": 0.2},
            "unpriced": {"deployments": [{"model": "echo", **deployment, "name": "unpriced"}], "retries": 0},
        },
    ) as started:
        yield started


@pytest.fixture(scope="session")
def zip_bomb() -> bytes:
    """A DOCX of some 400 kB that unpacks to 400 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w") as member:
            for _ in range(400):
                member.write(bytes(2**20))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def encrypted_pdf() -> bytes:
    """A PDF that needs a password."""
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(300, 300)
    writer.encrypt("hunter2", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.fixture
def traced() -> Iterator[InMemorySpanExporter]:
    """What is traced during a test, all of it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_provider(provider)
    yield exporter
    use_provider(None)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on a disk of 600 MB."""
    folder = tmp_path_factory.mktemp("disk")
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", "size=600m,mode=0755", "tmpfs", str(folder)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("mounting a small disk needs root with the right to mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def leave(disk: Path) -> Iterator[Callable[[int], None]]:
    """Fills the disk up to so many free kilobytes; they are given back after the test."""
    ballast = disk / "ballast"

    def fill(kilobytes: int) -> None:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - kilobytes * 1024)

    yield fill
    ballast.unlink(missing_ok=True)
