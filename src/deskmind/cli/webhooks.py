"""``deskmind webhooks``: who is told of what happens, and what became of it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_rows, print_value, say
from deskmind.cli.session import CommandLine, at_desk, desk_or_operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.desk import Desk
    from deskmind.webhooks.rows import Delivery, NewWebhook, Webhook

__all__ = ["webhooks_app"]

webhooks_app = typer.Typer(help="Tell other systems what happens.", no_args_is_help=True)
WebhookId = Annotated[UUID, typer.Argument(help="As printed by `deskmind webhooks list`.")]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", help="Type of event, such as run.failed or run.*; may be repeated.", show_default=False
    ),
]
_WORKER_SECONDS = 60.0
_COLUMNS = ("webhook_id", "url", "types", "state", "description")


@webhooks_app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where events are sent: https://…")],
    types: Types = None,
    description: Annotated[str, typer.Option("--description", help="For people.")] = "",
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Have an address be told of events; its secret is shown this once."""
    made: NewWebhook = at_desk(
        lambda desk: desk.webhooks.add(url, types or ("*",), description=description),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    _show_secret(made, as_json=as_json)


@webhooks_app.command("list")
def list_webhooks(
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List webhooks, the oldest first."""
    found: list[Webhook] = at_desk(
        lambda desk: desk.webhooks.all(), tenant, user, home, config, as_json=as_json
    )
    shown = [one.as_dict() for one in found]
    rows = [
        {**one, "types": " ".join(one["types"]), "state": one["disabled_because"] or "active"}
        for one in shown
    ]
    print_rows(rows, _COLUMNS, as_json=as_json, empty="Nobody is told of anything.", document=shown)


@webhooks_app.command("types")
def types_of_events(as_json: AsJson = False) -> None:
    """List the types of events there are."""
    from deskmind.webhooks import EVENT_TYPES

    rows = [{"type": name, "says": text} for name, text in EVENT_TYPES.items()]
    print_rows(rows, ("type", "says"), as_json=as_json, empty="")


@webhooks_app.command("show")
def show(
    webhook_id: WebhookId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a webhook."""
    found = at_desk(lambda desk: desk.webhooks.get(webhook_id), tenant, user, home, config, as_json=as_json)
    _show(found, as_json=as_json)


@webhooks_app.command("change")
def change(
    webhook_id: WebhookId,
    url: Annotated[
        str | None, typer.Option("--url", help="Where events are sent from now on.", show_default=False)
    ] = None,
    types: Types = None,
    description: Annotated[
        str | None, typer.Option("--description", help="For people.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change the address, the types or the description of a webhook."""
    found = at_desk(
        lambda desk: desk.webhooks.change(webhook_id, url=url, types=types or None, description=description),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    _show(found, as_json=as_json)


@webhooks_app.command("rotate")
def rotate(
    webhook_id: WebhookId,
    overlap_hours: Annotated[
        float,
        typer.Option(
            "--overlap-hours", min=0, max=720, help="Both secrets sign so long; 0 where one has leaked."
        ),
    ] = 24.0,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a new secret, shown this once."""
    made = at_desk(
        lambda desk: desk.webhooks.rotate(webhook_id, overlap_hours=overlap_hours),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    _show_secret(made, as_json=as_json)


@webhooks_app.command("disable")
def disable(
    webhook_id: WebhookId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing more to a webhook."""
    found = at_desk(
        lambda desk: desk.webhooks.disable(webhook_id), tenant, user, home, config, as_json=as_json
    )
    print_value(found.as_dict(), f"{webhook_id} is disabled.", as_json=as_json)


@webhooks_app.command("enable")
def enable(
    webhook_id: WebhookId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Send to a webhook again, what waits first."""
    found = at_desk(
        lambda desk: desk.webhooks.enable(webhook_id), tenant, user, home, config, as_json=as_json
    )
    print_value(found.as_dict(), f"{webhook_id} is enabled.", as_json=as_json)


@webhooks_app.command("delete")
def delete(
    webhook_id: WebhookId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Delete a webhook with its deliveries."""
    at_desk(lambda desk: desk.webhooks.remove(webhook_id), tenant, user, home, config, as_json=as_json)
    print_value(
        {"webhook_id": str(webhook_id), "deleted": True}, f"{webhook_id} is deleted.", as_json=as_json
    )


@webhooks_app.command("deliveries")
def deliveries(
    webhook_id: WebhookId,
    state: Annotated[
        str | None, typer.Option("--state", help="pending, delivered or dead.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List what was sent to a webhook or waits, the newest first."""
    if state not in (None, "pending", "delivered", "dead"):
        raise typer.BadParameter(f"'{state}' is not pending, delivered or dead.")
    found: list[Delivery] = at_desk(
        lambda desk: desk.webhooks.deliveries(webhook_id, state=state, limit=limit),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    columns = ("created_at", "delivery_id", "type", "state", "attempts", "status", "problem")
    print_rows([one.as_dict() for one in found], columns, as_json=as_json, empty="Nothing yet.")


@webhooks_app.command("replay")
def replay(
    delivery_id: Annotated[
        UUID | None, typer.Argument(help="One delivery; else give --since.", show_default=False)
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", help="All dead letters since then, in UTC.", show_default=False),
    ] = None,
    webhook_id: Annotated[
        UUID | None, typer.Option("--webhook", help="Only those of this webhook.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Send again: one delivery, or all dead letters since a time."""
    if (delivery_id is None) == (since is None):
        raise typer.BadParameter("Give a delivery or --since, and not both.")
    if delivery_id is not None:
        found = at_desk(
            lambda desk: desk.webhooks.replay(delivery_id), tenant, user, home, config, as_json=as_json
        )
        print_value(found.as_dict(), f"{delivery_id} is sent again.", as_json=as_json)
        return
    assert since is not None
    moment = since if since.tzinfo is not None else since.replace(tzinfo=UTC)
    count = at_desk(
        lambda desk: desk.webhooks.replay_dead(moment, webhook_id=webhook_id),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    print_value({"replayed": count}, f"{count} are sent again.", as_json=as_json)


@webhooks_app.command("test")
def send_test(
    webhook_id: WebhookId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Send a test event now and say what came of it; exit code 1 where it was not taken."""
    line = CommandLine(home, config, as_json=as_json)

    async def on(app: Deskmind) -> Delivery:
        desk = await desk_or_operator_of(app, tenant, user)
        begun = await desk.webhooks.test(webhook_id)
        if line.afar():  # a worker of the service sends it
            return await _attempted(desk, begun, seconds=_WORKER_SECONDS, look=1.0)
        await app.background.deliver_webhook(desk.scope.tenant_id, webhook_id)
        # a worker may have been faster, and be under way
        return await _attempted(desk, begun, seconds=app.settings.webhooks.timeout_seconds + 1, look=0.05)

    found: Delivery = line.run(on)
    answer = f"status {found.status}" if found.status is not None else found.problem or "no attempt yet"
    print_value(found.as_dict(), f"{found.state}: {answer}", as_json=as_json)
    if found.state != "delivered":
        raise typer.Exit(1)


async def _attempted(desk: Desk, begun: Delivery, *, seconds: float, look: float) -> Delivery:
    """The delivery once it was tried, or as it is after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = await desk.webhooks.delivery(begun.delivery_id)
        if found.state != "pending" or found.problem or time.monotonic() > until:
            return found
        await asyncio.sleep(look)


def _show(found: Webhook, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_dict())
        return
    say(f"{found.webhook_id}: {found.disabled_because or 'active'}")
    say(f"  {found.url}")
    say(f"  {', '.join(found.types)}")
    if found.description:
        say(f"  {found.description}")
    if found.failing_since is not None:
        say(f"  Nothing was taken since {found.failing_since:%Y-%m-%d %H:%M:%S}.")
    if found.old_secret_until is not None:
        say(f"  The secret before signs too until {found.old_secret_until:%Y-%m-%d %H:%M:%S}.")


def _show_secret(made: NewWebhook, *, as_json: bool) -> None:
    if as_json:
        print_json(made.as_dict())
        return
    _show(made.webhook, as_json=False)
    say(f"  Secret, shown this once: {made.secret}")
