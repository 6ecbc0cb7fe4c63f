"""A glance as a picture of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deskmind.cli.output import one_line

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from deskmind.cli.top.glance import Glance

__all__ = ["drawn"]

_NOTHING = "–"
_MOST_ROUTES = 14
Rows = Sequence[tuple[str, ...]]


def drawn(glance: Glance, source: str) -> Group:
    """The whole screen."""
    from rich.columns import Columns
    from rich.console import Group
    from rich.text import Text

    head = Text.assemble(
        ("Deskmind ", "bold"),
        f"{glance.release}  {source}  {glance.processes} processes  last {glance.seconds:.1f} s",
    )
    return Group(
        head,
        Text(),
        Columns([_service(glance), _store(glance), _work(glance)], padding=(0, 4)),
        Text(),
        _table("route", ("req/s", "errors", "p50", "p95"), _routes(glance)),
        Text(),
        _table("model", ("calls/s", "tokens/min", "US$/min", "p95"), _models(glance)),
        Text(),
        Columns(
            [
                _table("queue", ("todo", "doing", "failed", "oldest"), _queues(glance)),
                _table("budget", ("window", "used"), _budgets(glance)),
            ],
            padding=(0, 4),
        ),
        Text(),
        _table("deployment", ("breaker",), _breakers(glance)),
    )


def _service(glance: Glance) -> Table:
    return _facts(
        ("requests/s", f"{glance.requests_per_second:.1f}"),
        ("errors", _warned(_share(glance.error_ratio), (glance.error_ratio or 0) > 0.01)),
        ("under way", str(glance.under_way)),
        ("not found", _share(glance.not_found_ratio)),
    )


def _store(glance: Glance) -> Table:
    pool = glance.pool
    return _facts(
        ("connections", f"{pool['used']} of {pool['most']} in use"),
        ("waiting", _warned(str(pool["waiting"]), pool["waiting"] > 0)),
        ("cache hits", _share(glance.cache_hit_ratio)),
        ("ledger rows to write", str(glance.ledger_backlog)),
    )


def _work(glance: Glance) -> Table:
    lag = glance.loop_lag_seconds
    return _facts(
        ("cores", f"{glance.cores:.2f}"),
        ("memory", f"{glance.memory_bytes / 1e6:.0f} MB"),
        ("loop lag", _warned(_time(lag), lag > 0.1)),
        ("cost since start", f"US$ {glance.cost_usd:.4f}"),
    )


def _routes(glance: Glance) -> Rows:
    busiest = sorted(glance.routes, key=lambda one: -one.per_second)[:_MOST_ROUTES]
    return [
        (
            *(one.route, f"{one.per_second:.1f}", _warned(_share(one.error_ratio), one.error_ratio > 0.01)),
            *(_time(one.p50), _time(one.p95)),
        )
        for one in busiest
    ]


def _models(glance: Glance) -> Rows:
    return [
        (
            *(one.model, f"{one.calls_per_second:.1f}", f"{one.tokens_per_minute:,.0f}"),
            *(f"{one.dollars_per_minute:.4f}", _time(one.p95)),
        )
        for one in glance.models
    ]


def _queues(glance: Glance) -> Rows:
    return [
        (
            *(one.queue, str(one.todo), str(one.doing), _warned(str(one.failed), one.failed > 0)),
            _warned(_time(one.oldest_seconds), one.oldest_seconds > 300),
        )
        for one in glance.queues
    ]


def _budgets(glance: Glance) -> Rows:
    return [
        (one.budget, one.window, _warned(f"{one.used_ratio:.1%}", one.used_ratio > 0.8))
        for one in glance.budgets
    ]


def _breakers(glance: Glance) -> Rows:
    return [(name, _warned(state, state != "closed")) for name, state in glance.breakers.items()]


def _facts(*rows: tuple[str, str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(name, "dim"), _cell(value))
    return table


def _table(first: str, others: tuple[str, ...], rows: Rows) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold", min_width=12)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows or [(_NOTHING,)]:
        table.add_row(*map(_cell, row))
    return table


_MARK = "\x00"


def _warned(text: str, bad: bool) -> str:
    return _MARK + text if bad else text


def _cell(text: str) -> Text:
    from rich.text import Text

    plain = one_line(text.removeprefix(_MARK))
    return Text(plain, "bold red") if text.startswith(_MARK) else Text(plain)


def _share(ratio: float | None) -> str:
    return _NOTHING if ratio is None else f"{ratio:.1%}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return _NOTHING
    if seconds >= 100:
        return f"{seconds / 60:.1f} min"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
