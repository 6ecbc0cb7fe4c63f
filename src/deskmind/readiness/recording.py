"""Keeping results: each run is an event of the installation's audit log, so that readiness over time can be shown."""

from __future__ import annotations

from dataclasses import replace

from deskmind.app import Deskmind
from deskmind.errors import DeskmindError
from deskmind.governance.audit import record
from deskmind.governance.evidence.configuration import fingerprint
from deskmind.readiness.counting import ACTION, figures
from deskmind.readiness.report import Report, assess
from deskmind.scope import Scope

__all__ = ["ACTION", "keep", "run", "run_hourly"]


async def run(app: Deskmind) -> Report:
    """Assess and keep the result, as far as the database takes it."""
    return await keep(app, await assess(app))


async def keep(app: Deskmind, report: Report) -> Report:
    """Write a report's result into the installation's audit log; where that fails the report says so."""
    try:
        service, counters = await figures(app)
        schema = (await app.migration_status()).current
        async with app.database.transaction(Scope.directory()) as connection:
            await record(
                connection,
                Scope.directory(),
                ACTION,
                outcome="done" if report.ready else "failed",
                release=report.release,
                schema=schema,
                settings=fingerprint(app.settings),
                red=[check.name for check in report.blockers],
                green=report.count("green"),
                not_assessed=report.count("not assessed"),
                service=service,
                counters=counters,
            )
    except DeskmindError:
        return report
    return replace(report, recorded=True)


def run_hourly(app: Deskmind) -> None:
    """Have the workers of an application assess it once an hour, one of them each time. Before they begin."""

    async def assessed() -> None:
        await run(app)

    app.jobs.register_hourly(ACTION, assessed)
