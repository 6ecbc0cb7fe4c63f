"""Rating answers, and what the ratings say."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from deskmind.cli.models import moment
from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_table, say
from deskmind.cli.session import CommandLine, desk_of, desk_or_operator_of, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.feedback import FeedbackEntry, QualityRow

__all__ = ["feedback_app", "quality_app"]

feedback_app = typer.Typer(help="What users think of their answers.", no_args_is_help=True)
quality_app = typer.Typer(help="How good answers are, by what users say.", no_args_is_help=True)


class _Rating(StrEnum):
    UP = "up"
    DOWN = "down"


@feedback_app.command("give")
def give(
    request_id: Annotated[str, typer.Argument(help="The answer's request id.")],
    rating: Annotated[_Rating, typer.Argument(help="up or down.")],
    reason: Annotated[
        str,
        typer.Option("--reason", help="wrong, outdated, incomplete, not_found_but_exists, unclear or other."),
    ] = "",
    correction: Annotated[str, typer.Option("--correction", help="What the answer should have been.")] = "",
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Rate an answer as the user who asked; a later rating replaces the earlier one."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> FeedbackEntry:
        desk = await desk_of(app, tenant, user)
        return await desk.feedback.give(
            request_id, rating.value, reason=cast("Any", reason), correction=correction
        )

    entry = line.run(work)
    if as_json:
        print_json(entry.as_dict())
    else:
        say(f"Rated {entry.rating}{', in place of an earlier rating' if entry.revisions else ''}.")


@feedback_app.command("list")
def list_feedback(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200)] = 50,
    rating: Annotated[_Rating | None, typer.Option("--rating", help="Only these.")] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List ratings, newest first; without --user those of everyone."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[FeedbackEntry]:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.feedback.list(limit=limit, rating=rating.value if rating is not None else None)

    entries = line.run(work)
    if as_json:
        print_json([entry.as_dict() for entry in entries])
        return
    print_table(
        ("given", "request", "who", "rating", "reason", "correction"),
        [
            (
                f"{entry.given_at:%Y-%m-%d %H:%M}",
                entry.request_id,
                entry.principal,
                entry.rating,
                entry.reason,
                entry.correction,
            )
            for entry in entries
        ],
        empty="Nobody has rated an answer.",
    )


@quality_app.command("report")
def report(
    by: Annotated[
        str, typer.Option("--by", help="document, prompt, experiment, group, mode or day.")
    ] = "day",
    since: Annotated[
        str | None, typer.Option("--since", help="A date (2026-01-31), a time, or 7d, 24h, 30m.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="As --since; now when left out.")] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Count answers, "not found" and ratings, most thumbs down first; the last 30 days when nothing else is said."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[QualityRow]:
        desk = await operator_of(app, tenant)
        return await desk.quality.report(cast("Any", by), since=moment(since), until=moment(until))

    rows = line.run(work)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    print_table(
        (by, "answers", "not found", "up", "down", "approval", "corrections"),
        [
            (
                row.name or "none",
                row.answers,
                f"{row.not_found} ({row.not_found_rate:.0%})",
                row.up,
                row.down,
                _approval(row),
                row.corrections,
            )
            for row in rows
        ],
        empty="No answer was given in this time.",
    )


def _approval(row: QualityRow) -> str:
    share = row.approval
    if share.low is None or share.high is None:
        return ""
    return f"{share.estimate:.0%} ({share.low:.0%} to {share.high:.0%})"
