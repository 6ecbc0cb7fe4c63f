"""What happened in a request; the latest requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_table
from deskmind.cli.session import CommandLine, desk_or_operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.explain import Explanation, RequestSummary

__all__ = ["explain", "requests_app"]

requests_app = typer.Typer(help="Requests and what happened in them.", no_args_is_help=True)


def explain(
    request_id: Annotated[str, typer.Argument(help="As printed with an answer, or X-Request-ID.")],
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell one request's story: scope, prompts, passages, caches, model calls, cost, timings.

    Without --user as the tenant's operator; a user explains its own requests.
    """
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Explanation:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.requests.explain(request_id)

    found = line.run(work)
    if as_json:
        print_json(found.as_dict())
    else:
        from deskmind.cli.story import print_explanation

        print_explanation(found)


@requests_app.command("list")
def list_requests(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200)] = 20,
    operation: Annotated[
        str | None, typer.Option("--operation", help="Only this one, such as knowledge.ask.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that ended with an error.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the latest requests, newest first; without --user those of everyone."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[RequestSummary]:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.requests.list(limit=limit, operation=operation, failed=failed)

    rows = line.run(work)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    print_table(
        ("began", "request", "kind", "operation", "outcome", "ms", "who"),
        [
            (
                f"{row.began_at:%Y-%m-%d %H:%M:%S}",
                row.request_id,
                row.kind,
                row.operation,
                row.error or ("not found" if row.found is False else "ok"),
                f"{row.seconds * 1000:.0f}",
                row.principal,
            )
            for row in rows
        ],
        empty="No request is on record.",
    )
