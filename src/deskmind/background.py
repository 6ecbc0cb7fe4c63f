"""What workers do: the jobs that others queue, and what is done each minute and each hour, in all tenants."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from deskmind.agents.announcing import ANNOUNCE_QUEUE, ANNOUNCE_TASK, announce_job, announce_write, escalate
from deskmind.agents.jobs import AGENTS_QUEUE, AGENTS_TASK, give_up_run, recover, run_job
from deskmind.agents.memory.reading import read_shared_anew
from deskmind.agents.workflows.starting import begin_due, begin_for_webhook
from deskmind.connectors.model import Kind as RecordKind
from deskmind.governance.access.principals import Principals
from deskmind.governance.privacy.erasures import PRIVACY_QUEUE, PRIVACY_TASK
from deskmind.knowledge.ingest import IngestPipeline
from deskmind.knowledge.ingest.closing import give_up_files
from deskmind.knowledge.ingest.staging import INGEST_QUEUE, INGEST_TASK
from deskmind.knowledge.loading import LoadLimits
from deskmind.observability.actor import Acting
from deskmind.observability.story import tell
from deskmind.scope import OPERATOR, Scope
from deskmind.sync.jobs import FOLLOW_TASK, SYNC_QUEUE, SYNC_TASK, WEBHOOK_TASK, defer_run
from deskmind.sync.running import Runner
from deskmind.tenantwise import in_each
from deskmind.triage.jobs import give_up_training, run_training, schedule_training
from deskmind.triage.trainings import TRAINING_QUEUE, TRAINING_TASK
from deskmind.webhooks.delivering import DUE_TASK, WEBHOOKS_QUEUE, WEBHOOKS_TASK, Deliverer
from deskmind.webhooks.upkeep import expire, wake_due
from deskmind.writes.looking import LOOK_QUEUE, LOOK_TASK, look_for, schedule_looks

if TYPE_CHECKING:
    from deskmind.app import Deskmind

__all__ = ["Background"]


class Background:
    """The background work of one application; each public method does its part here and now, for whoever will not wait."""

    def __init__(self, app: Deskmind) -> None:
        self._app = app
        self._deliverer = Deliverer(app.database, app)

    async def close(self) -> None:
        """Return connections."""
        await self._deliverer.close()

    def register(self) -> None:
        """Have the application's workers do it."""
        app, jobs = self._app, self._app.jobs
        jobs.register(INGEST_TASK, INGEST_QUEUE, self._ingest, given_up=partial(give_up_files, app.database))
        jobs.register(SYNC_TASK, SYNC_QUEUE, self._sync)
        jobs.register(WEBHOOK_TASK, SYNC_QUEUE, self._webhook)
        jobs.register(FOLLOW_TASK, SYNC_QUEUE, self._follow)
        jobs.register(LOOK_TASK, LOOK_QUEUE, self._look)
        jobs.register(PRIVACY_TASK, PRIVACY_QUEUE, self._privacy)
        jobs.register(
            AGENTS_TASK,
            AGENTS_QUEUE,
            lambda arguments: run_job(app, app.database, arguments),
            given_up=partial(give_up_run, app.database),
        )
        jobs.register(
            ANNOUNCE_TASK,
            ANNOUNCE_QUEUE,
            lambda arguments: announce_job(app.database, app.settings.agents, arguments),
        )
        jobs.register(
            TRAINING_TASK,
            TRAINING_QUEUE,
            lambda arguments: run_training(app.database, arguments, app.desk_of),
            given_up=partial(give_up_training, app.database),
        )
        jobs.register(WEBHOOKS_TASK, WEBHOOKS_QUEUE, self._deliverer.run)
        jobs.register(DUE_TASK, WEBHOOKS_QUEUE, self._deliverer.due)
        self._register_upkeep()

    def _register_upkeep(self) -> None:
        jobs = self._app.jobs
        jobs.register_each_minute("sync.schedule", self.schedule_syncs)
        jobs.register_each_minute("writes.schedule", partial(schedule_looks, self._app.database))
        jobs.register_each_minute("agents.recover", self.recover_runs)
        jobs.register_each_minute("workflows.begin", self.begin_workflows)
        jobs.register_each_minute("agents.escalate", self.escalate_proposals)
        jobs.register_each_minute("webhooks.wake", self.wake_webhooks)
        jobs.register_hourly("explain.expire", self.expire_stories)
        jobs.register_hourly("budgets.expire", self._app.expire_counters)
        jobs.register_hourly("privacy.retain", self.retain)
        jobs.register_hourly("memories.read", self.read_memories)
        jobs.register_hourly("triage.schedule", self.schedule_trainings)
        jobs.register_hourly("webhooks.expire", self.expire_webhooks)

    async def deliver_webhook(self, tenant_id: UUID, webhook_id: UUID) -> None:
        """Deliver here and now what is due for one webhook; a worker does it without being asked."""
        await self._deliverer.deliver(tenant_id, webhook_id)

    async def wake_webhooks(self) -> None:
        """Have what is due be delivered where no job is left to do it, in all tenants."""
        await wake_due(self._app.database)

    async def expire_webhooks(self) -> None:
        """Give up what nobody sends any more, and remove what is older than ``webhooks.keep_days``, in all tenants."""
        await expire(self._app.database, self._app.settings.webhooks)

    async def schedule_trainings(self) -> None:
        """Queue a training of triage for each tenant whose tickets have changed enough since its last."""

        async def schedule(operator: Scope) -> None:
            await schedule_training(self._app.database, operator, self._app.settings.triage)

        await in_each(await self._all(), schedule)

    async def _all(self) -> list[tuple[Scope]]:
        """All tenants."""
        return [
            (Scope.operator(tenant.tenant_id, tenant.slug, "worker"),)
            for tenant in await self._app.tenants.all()
        ]

    async def begin_workflows(self) -> None:
        """Begin what schedules and events want, in all tenants, and wake what waited for a time."""
        async with self._app.database.transaction(Scope.directory()) as connection:
            cursor = await connection.execute("SELECT tenant_id, tenant FROM workflows_due()")
            due = await cursor.fetchall()
        await in_each(
            ((Scope.operator(tenant_id, tenant, "worker"),) for tenant_id, tenant in due),
            partial(begin_due, self._app, self._app.database),
        )

    async def recover_runs(self) -> None:
        """Take up runs of agents that nobody works on, and those whose proposals have expired."""
        await in_each(await self._agents_due(), partial(recover, self._app.database))

    async def _agents_due(self) -> list[tuple[Scope, list[UUID]]]:
        """The tenants with something to recover, expire or escalate, each with the runs that were left behind."""
        async with self._app.database.transaction(Scope.directory()) as connection:
            cursor = await connection.execute("SELECT tenant_id, tenant, run_id FROM agents_due()")
            rows = await cursor.fetchall()
        left: dict[tuple[UUID, str], list[UUID]] = {}
        for tenant_id, tenant, run_id in rows:
            left.setdefault((tenant_id, tenant), []).extend([] if run_id is None else [run_id])
        return [(Scope.operator(*tenant, "worker"), runs) for tenant, runs in left.items()]

    async def read_memories(self) -> None:
        """Make vectors anew of shared memories that lack them, such as those that an erasure has masked."""
        embedder = (await self._app.engine()).embedder

        async def read(operator: Scope) -> None:
            await read_shared_anew(self._app.database, operator, embedder)

        await in_each(await self._all(), read)

    async def escalate_proposals(self) -> None:
        """Announce again what agents proposed and nobody decided in ``agents.escalate_hours``."""

        async def again(operator: Scope, _: list[UUID]) -> None:
            await escalate(self._app.database, operator, self._app.settings.agents)

        await in_each(await self._agents_due(), again)

    async def _privacy(self, arguments: dict[str, str]) -> None:
        operator = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
        await self._app.desk_of(operator).privacy.resume(UUID(arguments["erasure_id"]))

    async def schedule_syncs(self) -> None:
        """Queue the runs of all tenants' connections that are due."""
        async with self._app.database.transaction(Scope.directory()) as connection:
            cursor = await connection.execute("SELECT tenant_id, tenant, connection_id FROM sync_due()")
            due = await cursor.fetchall()

        async def queue(operator: Scope, connection_id: UUID) -> None:
            async with self._app.database.transaction(operator) as connection:
                await defer_run(connection, operator, connection_id)

        await in_each(
            ((Scope.operator(tenant_id, tenant, "worker"), found) for tenant_id, tenant, found in due), queue
        )

    async def _sync(self, arguments: dict[str, str]) -> None:
        if (scope := await self._connected(arguments)) is not None:
            runner = Runner(self._app.database, scope, self._app)
            await runner.run(UUID(arguments["connection_id"]))
            await begin_due(self._app, self._app.database, scope)

    async def _webhook(self, arguments: dict[str, str]) -> None:
        if (scope := await self._connected(arguments)) is not None:
            runner = Runner(self._app.database, scope, self._app)
            kind = RecordKind(arguments["kind"])
            connection_id = UUID(arguments["connection_id"])
            await runner.read_one(connection_id, kind, arguments["record"])
            await begin_for_webhook(
                self._app, self._app.database, scope, connection_id, kind, arguments["record"]
            )
            await begin_due(self._app, self._app.database, scope)

    async def _follow(self, arguments: dict[str, str]) -> None:
        if (scope := await self._connected(arguments)) is not None:
            await Runner(self._app.database, scope, self._app).follow(UUID(arguments["connection_id"]))

    async def _look(self, arguments: dict[str, str]) -> None:
        operator = self._app.desk_of(Scope.operator(UUID(arguments["tenant_id"]), "", "worker"))
        await look_for(
            operator.writes,
            UUID(arguments["write_id"]),
            most=self._app.settings.sync.write_looks,
            announce=partial(announce_write, self._app.settings.agents),
        )

    async def _connected(self, arguments: dict[str, str]) -> Scope | None:
        """The operator's scope of a connection's tenant; None when the connection was removed meanwhile."""
        async with self._app.database.transaction(Scope.directory()) as connection:
            cursor = await connection.execute(
                "SELECT tenant_id, tenant FROM sync_connection(%s)", (UUID(arguments["connection_id"]),)
            )
            row = await cursor.fetchone()
        if row is None or str(row[0]) != arguments["tenant_id"]:
            return None
        scope = Scope.operator(row[0], row[1], "worker")
        tell(scope, SYNC_TASK, self._app.database.stories)
        Acting(scope.tenant, scope.principal)
        return scope

    async def retain(self) -> None:
        """Run every tenant's retention policies and go on with erasures that were interrupted."""

        async def expire(operator: Scope) -> None:
            await self._app.desk_of(operator).privacy.retain()

        async def erase(operator: Scope) -> None:
            await self._app.desk_of(operator).privacy.resume()

        everywhere = await self._all()
        try:
            await in_each(everywhere, expire)
        finally:
            await in_each(everywhere, erase)

    async def expire_stories(self) -> None:
        """Remove stories older than ``explain.keep_days``, but those that a hold keeps."""
        async with self._app.database.transaction(Scope.directory()) as connection:
            row = await (await connection.execute("SELECT privacy_any_hold()")).fetchone()
        await self._app.stories.expire(
            self._app.settings.explain.keep_days, by_month=row is not None and not row[0]
        )

    async def _ingest(self, arguments: dict[str, str]) -> None:
        engine = await self._app.engine()
        operator = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
        ingest_id = UUID(arguments["ingest_id"])
        async with self._app.database.transaction(operator) as connection:
            cursor = await connection.execute(
                "SELECT created_by, slug FROM ingests JOIN tenants USING (tenant_id)"
                " WHERE tenant_id = %s AND ingest_id = %s",
                (operator.tenant_id, ingest_id),
            )
            row = await cursor.fetchone()
        if row is None:
            return
        scope = operator = Scope.operator(operator.tenant_id, row[1], "worker")
        if row[0] != OPERATOR:
            scope = await Principals(self._app.database, operator).scope_of(principal_id=row[0])
        tell(scope, INGEST_TASK, self._app.database.stories)
        Acting(scope.tenant, scope.principal)
        settings = self._app.settings.ingest
        limits = LoadLimits(
            max_file_bytes=settings.max_file_bytes,
            max_unpacked_bytes=settings.max_unpacked_bytes,
            max_text_chars=settings.max_text_chars,
        )
        masked_first = self._app.settings.redaction.ingest or "masked" in arguments
        pipeline = IngestPipeline(
            self._app.database,
            engine.embedder,
            limits=limits,
            pipeline=engine.pipeline,
            masking=await self._app.masking(scope) if masked_first else None,
            suppression=self._app.suppression(scope),
        )
        await pipeline.run(scope, ingest_id, first=int(arguments["first"]), last=int(arguments["last"]))
