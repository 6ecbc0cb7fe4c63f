"""Taking documents in, searching, asking, managing documents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.directory import Groups, names
from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_rows, say, shown
from deskmind.cli.progress import ingest_progress
from deskmind.cli.session import CommandLine, desk_of, desk_or_operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.knowledge.ingest import IngestReport
    from deskmind.knowledge.models import Answer

__all__ = ["answer_json", "ask", "documents_app", "ingest", "print_answer", "search"]

documents_app = typer.Typer(help="Documents.", no_args_is_help=True)
_SOME_FAILED = 65
_NOTHING_FOUND = 1


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    groups: Groups = "",
    source: Annotated[str, typer.Option("--source", help="Name of the collection.")] = "files",
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take in files and folders (Markdown, HTML, text, PDF, DOCX, CSV, JSONL).

    Without --groups everyone of the tenant may see them. Files that cannot be read are reported and the rest goes
    on; the exit code is then 65.
    """
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> IngestReport:
        desk = await desk_or_operator_of(app, tenant, user)
        with ingest_progress(enabled=not as_json) as progress:
            report = await desk.knowledge.ingest(
                *paths, groups=names(groups), source=source, on_progress=progress
            )
        if app.embedding_problem:
            typer.echo(f"note: no embedding model, words only ({app.embedding_problem})", err=True)
        return report

    report = line.run(work)
    if as_json:
        print_json(report.as_dict())
    else:
        say(
            f"{report.documents} documents ({report.chunks} chunks) stored, {report.count('unchanged')} unchanged,"
            f" {report.count('failed')} failed."
        )
        for file in report.failures:
            problem = file.problem or {}
            typer.echo(f"failed: {one_line(file.uri)}: {one_line(problem.get('detail', ''))}", err=True)
    if report.failures:
        raise typer.Exit(_SOME_FAILED)


def ask(
    question: Annotated[str, typer.Argument(help="The question; '-' reads it from standard input.")],
    tenant: Tenant = None,
    user: User = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when nothing was found.")
    ] = False,
    conversation: Annotated[
        str | None,
        typer.Option(
            "--conversation", "-c", help="Id of a conversation to continue, or 'new'.", show_default=False
        ),
    ] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question as a user; the answer cites what that user may see."""
    line = CommandLine(home, config, as_json=as_json)
    text = sys.stdin.read() if question == "-" else question

    async def work(app: Deskmind) -> Answer:
        return await (await desk_of(app, tenant, user)).ask(text, conversation=conversation)

    answer = line.run(work)
    if as_json:
        print_json(answer_json(answer))
    else:
        print_answer(answer)
        typer.echo(f"request {answer.request_id}", err=True)
    if exit_code and not answer.found:
        raise typer.Exit(_NOTHING_FOUND)


def search(
    query: Annotated[str, typer.Argument()],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200)] = 10,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Find passages as a user; without --user as the tenant's operator, who sees every document."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        passages = await (await desk_or_operator_of(app, tenant, user)).knowledge.search(query, limit=limit)
        return [
            {
                "score": round(passage.score, 4),
                "title": passage.title,
                "section": " > ".join(passage.headings),
                "uri": passage.uri,
                "document_id": passage.document_id,
                "start": passage.start,
                "end": passage.end,
                "text": passage.text,
            }
            for passage in passages
        ]

    rows = line.run(work)
    print_rows(
        [{**row, "score": f"{row['score']:.3f}", "text": _short(row["text"])} for row in rows],
        ("score", "title", "section", "text"),
        as_json=as_json,
        empty="Nothing found.",
        document=rows,
    )


@documents_app.command("list")
def list_documents(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 1000,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List documents; with --user those that user may see."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        desk = await desk_or_operator_of(app, tenant, user)
        rows: list[dict[str, Any]] = []
        after: UUID | None = None
        while len(rows) < limit:
            page = await desk.knowledge.documents(limit=min(200, limit - len(rows)), after=after)
            rows.extend(item.as_dict() for item in page)
            if not page:
                break
            after = page[-1].document_id
        return rows

    rows = line.run(work)
    empty = "No documents yet. Add some with: deskmind ingest PATH"
    columns = ("document_id", "title", "chunks", "version", "uri")
    print_rows(rows, columns, as_json=as_json, empty=empty)


@documents_app.command("show")
def show_document(
    document_id: Annotated[UUID, typer.Argument()],
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a document's text."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> dict[str, Any]:
        return (
            await (await desk_or_operator_of(app, tenant, user)).knowledge.document(document_id)
        ).as_dict()

    document = line.run(work)
    if as_json:
        print_json(document)
        return
    say(f"{document['title']}\n{document['uri']} (version {document['version']})\n")
    say(document["text"])


@documents_app.command("delete")
def delete_document(
    document_id: Annotated[UUID, typer.Argument()],
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Delete a document and everything derived from it."""

    async def work(app: Deskmind) -> None:
        await (await desk_or_operator_of(app, tenant, user)).knowledge.delete(document_id)
        say(f"Deleted {document_id}.")

    CommandLine(home, config).run(work)


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer for ``--json``."""
    return {
        "question": answer.question,
        "found": answer.found,
        "text": answer.text,
        "sentences": [{"text": item.text, "citation": item.citation} for item in answer.sentences],
        "citations": [
            {
                "number": item.number,
                "document_id": item.document_id,
                "title": item.title,
                "section": item.section,
                "uri": item.uri,
                "start": item.start,
                "end": item.end,
                "quote": item.quote,
            }
            for item in answer.citations
        ],
        "confidence": round(answer.confidence, 4),
        "mode": answer.mode,
        "model": answer.model,
        "note": answer.note,
        "prompt": answer.prompt.as_dict() if answer.prompt else None,
        "window": answer.window.as_dict() if answer.window else None,
        "cache": answer.cache,
        "searched": answer.searched,
        "conversation": answer.conversation,
        "request_id": answer.request_id,
    }


def print_answer(answer: Answer, *, indent: str = "") -> None:
    """An answer with its citations for people."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for text in answer.text.splitlines():
        console.print(indent + escape(shown(text)))
    for citation in answer.citations:
        place = f" › {citation.section}" if citation.section else ""
        console.print(
            f"{indent}[dim]\\[{citation.number}] {escape(shown(citation.title + place))}"
            f" — {escape(one_line(citation.uri))}[/]"
        )
    if answer.note:
        console.print(f"{indent}[dim]{escape(answer.note)}[/]")
    if answer.conversation:
        console.print(f"{indent}[dim]conversation {answer.conversation}[/]")


def _short(text: str, width: int = 100) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
