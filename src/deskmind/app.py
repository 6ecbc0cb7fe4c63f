"""The application: pools, models, settings. It reads no tenant's data; a ``Desk`` does."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from deskmind import __version__
from deskmind.agents.safety import BUILT_IN_CHECKS, Check
from deskmind.agents.tool import Tool
from deskmind.agents.tools import BUILT_IN
from deskmind.agents.workflows import Workflow
from deskmind.agents.workflows.ready import READY
from deskmind.agents.workflows.systems import system_tool
from deskmind.agents.workflows.workflow import Catalogue
from deskmind.background import Background
from deskmind.database import Database, Endpoints, Provisioner, ScopeSigner, translated
from deskmind.database.migrations import MigrationStatus, check_release, compare
from deskmind.desk import Desk
from deskmind.ending import ended
from deskmind.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    DeskmindError,
    EmbedderUnavailableError,
    MissingExtraError,
    SchemaVersionError,
)
from deskmind.explain import StoryWriter
from deskmind.gateway.service import Door, Shielding, UsageSurvey
from deskmind.governance.access.authentication import Authentication
from deskmind.governance.access.authority import AccessAuthority
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.refusals import Refusals
from deskmind.governance.access.tenants import Tenants
from deskmind.governance.audit.calls import CallEvents
from deskmind.governance.audit.sealer import Sealer, SealingKeys
from deskmind.governance.audit.sealing import Sealing
from deskmind.governance.audit.service import AuditLog
from deskmind.governance.audit.subjects import SubjectRing
from deskmind.governance.audit.witness import witnesses_of
from deskmind.governance.audit.witnessing import Witnessing
from deskmind.governance.evidence.service import InstallationEvidence
from deskmind.governance.maintenance import Maintenance
from deskmind.governance.privacy import Mentions, PersonalStore, Suppression
from deskmind.governance.privacy.audit import AuditStore
from deskmind.governance.privacy.memory import MemoryStore
from deskmind.governance.privacy.replaylist import ReplayList
from deskmind.governance.privacy.tables import table_stores
from deskmind.governance.redaction import Redactor
from deskmind.installation import administrator, embedded_address, make_home, no_space
from deskmind.jobs import JobGauges, JobQueue
from deskmind.keyring import Keyring
from deskmind.knowledge.answering import ExtractiveAnswerer
from deskmind.knowledge.embedding import Embedder, configured_embedder
from deskmind.knowledge.engine import Engine
from deskmind.knowledge.erasing import KnowledgeStore
from deskmind.knowledge.ranking import SentenceReranker
from deskmind.observability import logger, telemetry, use_pseudonym_key
from deskmind.observability.content import use_redaction
from deskmind.observability.masking import masked
from deskmind.observability.metering import LoopWatch, start_metrics
from deskmind.scope import Scope
from deskmind.settings import Settings, load_settings
from deskmind.sync.erasing import SyncStore
from deskmind.sync.health import SyncGauges
from deskmind.sync.service import receive_webhook
from deskmind.triage.erasing import TriageStore
from deskmind.triage.shelf import Shelf
from deskmind.webhooks.health import WebhookGauges
from deskmind.writes.health import WriteGauges

if TYPE_CHECKING:
    from deskmind.cache import Cache
    from deskmind.gateway import Budget, Gateway, Shield
    from deskmind.gateway.alerts import Listener
    from deskmind.governance.access.oidc.principal import TokenPrincipals
    from deskmind.governance.access.oidc.resource import TokenResource

__all__ = ["Deskmind", "administrator"]

PIPELINE = "4"
"""Changes when loading, chunking or stemming changes, so that documents are taken in anew."""


_log = logger("deskmind.app")


class Deskmind:
    """The application.

    >>> async with Deskmind.open() as app:
    ...     desk = await app.desk(tenant="acme", user="req1")
    ...     answer = await desk.ask("How do I reset my password?")
    """

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        shield: Shield | None = None,
        on_budget_alert: Listener | None = None,
    ) -> None:
        self.settings = settings
        self.keyring: Keyring
        self.database: Database
        self.jobs: JobQueue
        self.background: Background
        self.authority: AccessAuthority
        self.tenants: Tenants
        self.usage: UsageSurvey
        self.stories: StoryWriter
        self.maintenance: Maintenance
        self.sealing: Sealing
        self.audit_log: AuditLog
        self.evidence: InstallationEvidence
        self.provisioner: Provisioner | None = None
        self.embedding_problem: str | None = None
        self.triage_shelf = Shelf()
        self.agent_tools: dict[str, Tool] = dict(BUILT_IN)
        self.workflow_catalogue = Catalogue()
        self.register_tool(system_tool(self))
        for ready in READY:
            self.register_workflow(ready)
        self.agent_checks: dict[str, Check] = dict(BUILT_IN_CHECKS)
        self._given_embedder = embedder
        self._shield = shield
        self._on_budget_alert = on_budget_alert
        self._engine: Engine | None = None
        self._engine_lock = asyncio.Lock()
        self._door: Door
        self._cache: Cache | None = None
        self._shielding: Shielding
        self._authentication: Authentication[Desk]
        self._refusals: Refusals
        self._tokens: TokenPrincipals | None = None
        self._resources = AsyncExitStack()
        self._home_lost: asyncio.Future[DeskmindError]
        self._own_stores: list[PersonalStore] = []
        self._host_stores: list[PersonalStore] = []
        self.replay_list = ReplayList(settings.home / "privacy" / "erasures.jsonl")

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        home: Path | str | None = None,
        config: Path | str | None = None,
        embedder: Embedder | None = None,
        shield: Shield | None = None,
        on_budget_alert: Listener | None = None,
        **values: Any,
    ) -> Self:
        """The application, to be entered with ``async with``.

        Args:
            settings: a ready configuration; otherwise it is read, see ``load_settings``.
            home: data folder.
            config: TOML file.
            embedder: instead of the configured one.
            shield: what model calls pass through instead of redaction; see ``deskmind.gateway.shield``.
            on_budget_alert: a function or coroutine function that is told when a budget passes a threshold.
            values: settings by name, such as ``database={"url": "…"}``.
        """
        given = settings or load_settings(home=home, config=config, **values)
        return cls(given, embedder=embedder, shield=shield, on_budget_alert=on_budget_alert)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start or reach the database, bring an embedded one up to date, open the pools.

        Raises:
            DatabaseUnavailableError: the database cannot be started or reached.
            SchemaVersionError: the database does not fit this release.
            KeyringError: the keyring cannot be used.
        """
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close pools and, as its last user, the embedded server."""
        await self._resources.aclose()

    async def desk(self, *, tenant: str, user: str | None = None) -> Desk:
        """The desk of a user of a tenant; without ``user``, of the tenant's operator.

        Raises:
            TenantNotFoundError: there is no such tenant.
            PrincipalNotFoundError: there is no such user.
        """
        operator = await self._operator(tenant)
        if user is None:
            return Desk(self, operator)
        return Desk(self, await Principals(self.database, operator).scope_of(name=user))

    async def authenticate(self, api_key: str, *, resource: TokenResource | None = None) -> Desk:
        """The desk of the user an API key stands for; what the database said is believed for one second.

        A desk that reaches more than its user may by now is opened anew before.

        Where ``oidc.issuer`` is set, a token of that issuer is taken as well.

        Args:
            api_key: or a token.
            resource: the part of the service that a token must be meant for, and whose scopes bound it; None for the API.

        Raises:
            AuthenticationError: the key or the token is not valid.
            InsufficientScopeError: the token's scopes leave nothing.
            UnavailableError: the issuer's keys are not known.
        """
        if self.settings.oidc.issuer is not None and not api_key.startswith("dk_"):
            return Desk(self, await self._token_principals().scope_of(api_key, resource))
        desk = await self._authentication.of(api_key)
        if await self.authority.reaches(desk.scope):
            return desk
        return await self._authentication.anew(api_key, desk)

    def forget_authentication(self) -> None:
        """Ask the database again at the next use of each API key."""
        self._authentication.forget()

    def _principals_of(self, scope: Scope) -> Principals:
        return Desk(self, scope).principals

    def _token_principals(self) -> TokenPrincipals:
        if self._tokens is None:
            try:
                from deskmind.governance.access.oidc.principal import TokenPrincipals
            except ModuleNotFoundError:
                raise MissingExtraError("Signing in by tokens", "api") from None
            self._tokens = TokenPrincipals(
                self.database,
                self.settings.oidc,
                self.tenants,
                self._principals_of,
                self._refusals,
            )
        return self._tokens

    async def engine(self) -> Engine:
        """What answering needs: the embedder (loaded on first use), the reranker, the answerer."""
        async with self._engine_lock:
            if self._engine is None:
                embedder = await self._embedder()
                space = embedder.space.name if embedder is not None else "none"
                self._engine = Engine(
                    embedder=embedder,
                    answerer=ExtractiveAnswerer(threshold=self.settings.answer.threshold),
                    reranker=SentenceReranker(),
                    pipeline=f"{PIPELINE}:{space}{':masked' if self.settings.redaction.ingest else ''}",
                )
            return self._engine

    @property
    def cache(self) -> Cache:
        """Values that are slow to make, by tenant; shared with other processes where ``redis.url`` is set."""
        if self._cache is None:
            from deskmind.cache import Cache, ValkeyTier

            url = self.settings.redis.url
            self._cache = Cache(remote=ValkeyTier(url.get_secret_value()) if url is not None else None)
            self._resources.push_async_callback(self._cache.close)
        return self._cache

    async def gateway(self) -> Gateway:
        """The door to the models, opened at first use.

        Raises:
            ConfigurationError: a model is not defined rightly.
            UnavailableError: the journal cannot be written.
        """
        return await self._door.gateway()

    async def tenant_budgets(self, tenant_id: UUID) -> tuple[Budget, ...]:
        """A tenant's budgets, at most some seconds old."""
        return await self._door.tenant_budgets(tenant_id)

    async def expire_counters(self) -> None:
        """Remove what budgets counted in windows that are over, in all tenants."""
        await self._door.expire_counters()

    def forget_budgets(self, tenant_id: UUID) -> None:
        """A tenant's budgets changed here."""
        self._door.forget_budgets(tenant_id)

    async def tenant_redactor(self, tenant_id: UUID) -> Redactor:
        """What finds personal data in a tenant's texts, by the settings and what the tenant has said."""
        return await self._shielding.redactor(tenant_id)

    async def masking(self, scope: Scope) -> Redactor:
        """What masks personal data in the texts of a scope's tenant before they are stored."""
        return await self._shielding.masking(scope)

    def forget_redaction(self, tenant_id: UUID) -> None:
        """A tenant's people, patterns or actions changed here."""
        self._shielding.renew(tenant_id)

    async def _forget_tenant(self, tenant_id: UUID) -> None:
        self.forget_authentication()
        self.authority.forget(tenant_id)
        self.forget_budgets(tenant_id)
        self._shielding.forget(tenant_id)
        self.triage_shelf.forget(tenant_id)
        await self.cache.forget(tenant_id)

    async def measure(self) -> asyncio.Task[None]:
        """Record this process's metrics as the settings say: for services, whose process is theirs.

        Returns what asks the database now and then and watches the event loop; to be cancelled before the application closes.

        Raises:
            MissingExtraError: an export by OTLP is wanted, and its packages are missing.
        """
        telemetry = self.settings.telemetry
        start_metrics(telemetry, release=__version__)
        gauges = JobGauges(self.jobs, every=telemetry.metrics_poll_seconds)
        syncs = SyncGauges(self.database, every=telemetry.metrics_poll_seconds)
        webhooks = WebhookGauges(self.database, every=telemetry.metrics_poll_seconds)
        unknown = WriteGauges(self.database, every=telemetry.metrics_poll_seconds)
        watch = LoopWatch()

        async def keep_looking() -> None:
            if telemetry.metrics != "none":
                await asyncio.gather(
                    *(one.keep_asking() for one in (gauges, syncs, webhooks, unknown)), watch.watch()
                )

        return asyncio.create_task(keep_looking())

    def keep_sealing(self) -> asyncio.Task[None]:
        """Seal the audit log now and then, as the settings say; to be cancelled before the application closes."""
        settings = self.settings.audit

        async def seal() -> None:
            if settings.seal:
                await asyncio.gather(
                    self.sealing.sealer.keep_sealing(settings.seal_seconds),
                    self.sealing.witnessing.keep_keeping(settings.witness_seconds),
                )

        return asyncio.create_task(seal())

    async def work(self, *, on_ready: Callable[[], None] | None = None) -> None:
        """Run background jobs until SIGTERM or SIGINT; running ones are finished first.

        Args:
            on_ready: called when jobs are taken and signals are heeded.

        Raises:
            EmbeddedServerError: the home, with the database in it, was removed meanwhile.
        """
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        worker = asyncio.create_task(self._work(on_ready, told))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        looking = await self.measure()
        sealing = self.keep_sealing()
        try:
            await self._while_at_home(worker)
        finally:
            await ended(looking, sealing)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def _while_at_home(self, worker: asyncio.Task[None]) -> None:
        """Let a worker end by itself, but end it when the embedded database has gone: it would wait for that for ever."""
        try:
            await asyncio.wait({worker, self._home_lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not worker.done():
                await ended(worker)
        if self._home_lost.done():
            raise self._home_lost.result()
        await worker

    def _watch_home(self) -> Callable[[DeskmindError], None]:
        """What is to be called, from another thread, when the embedded database has gone."""
        loop = asyncio.get_running_loop()
        self._home_lost = loop.create_future()

        def lose(error: DeskmindError) -> None:
            if not self._home_lost.done():
                self._home_lost.set_result(error)

        def tell(error: DeskmindError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lose, error)

        return tell

    def _known_better(self, error: DatabaseUnavailableError) -> DeskmindError | None:
        """Why the embedded database does not answer, where that is known."""
        if self._home_lost.done():
            return self._home_lost.result()
        return no_space(self.settings.home, error)

    async def _work(self, on_ready: Callable[[], None] | None, told: asyncio.Event) -> None:
        await self.engine()
        if on_ready is not None:
            on_ready()
        await self.jobs.work(told)

    async def migration_status(self) -> MigrationStatus:
        """Where the database's schema stands, with the application's own rights."""
        return await self._schema_status()

    async def _start(self) -> None:
        home = self.settings.home
        make_home(home)
        self._resources.push_async_callback(
            asyncio.to_thread, telemetry.start(self.settings.telemetry, __version__).close
        )
        self.keyring = await asyncio.to_thread(Keyring.open, home / "keyring.json")
        use_pseudonym_key(self.keyring.current("pseudonym").derive(b"logs"))
        endpoints = Endpoints.of(
            self.settings.database,
            self.keyring,
            embedded=await embedded_address(self.settings, self._resources, on_lost=self._watch_home()),
        )
        self.provisioner = Provisioner(endpoints, self.keyring) if endpoints.admin is not None else None
        if (
            self.settings.auto_migrate
            and self.provisioner is not None
            and not await self.provisioner.prepared()
        ):
            await self.provisioner.prepare()
        signer = ScopeSigner(functools.partial(self.keyring.current, "scope-token"))
        self.database = Database(
            endpoints,
            self.settings.database,
            signer,
            diagnose=self._known_better if self.settings.embedded else None,
        )
        self.database.companions[SubjectRing] = await asyncio.to_thread(SubjectRing, self.keyring)
        await self.database.open()
        self._resources.push_async_callback(self.database.close)
        self.authority = self.database.authority = AccessAuthority(self.database)
        self._resources.push_async_callback(self.authority.close)
        self._refusals = Refusals(self.database)
        self._resources.push_async_callback(self._refusals.close)
        self._authentication = Authentication(
            self.database,
            self.keyring,
            lambda scope, key_id: Desk(self, scope, key=str(key_id)),
            refusals=self._refusals,
        )
        self._resources.push_async_callback(self._authentication.close)
        check_release(await self._schema_status())
        self.tenants = Tenants(self.database, on_deleted=self._forget_tenant)
        self.usage = UsageSurvey(self.database, self)
        self.maintenance = Maintenance(self.database)
        self._shielding = Shielding(self.settings, self.database, self.keyring, given=self._shield)
        if self.settings.telemetry.capture_content:
            use_redaction(self._shielding.masked)
            self._resources.callback(use_redaction, masked)
        self._door = Door(
            self.settings,
            self.database,
            self._resources,
            shield=self._shielding.shield,
            unshielded=self._shielding.unredacted_models,
            on_budget_alert=self._on_budget_alert,
        )
        audit_keys = SealingKeys(self.settings.audit.keyring or home / "audit-keyring.json")
        calls = CallEvents(self.database)
        self.sealing = Sealing(
            self.database,
            Sealer(endpoints.sealer, endpoints.schema, audit_keys, derive=calls.derive),
            Witnessing(endpoints.sealer, endpoints.schema, witnesses_of(self.settings.audit)),
        )
        self.audit_log = AuditLog(self.database, Scope.directory())
        self.evidence = InstallationEvidence(self.database, self.settings, self.migration_status)
        self.jobs = JobQueue(self.database, self.settings.jobs)
        self._resources.push_async_callback(self.jobs.close)
        self._keep_stories(endpoints)
        self._keep_privacy()
        self.background = Background(self)
        self._resources.push_async_callback(self.background.close)
        self.background.register()

    def register_tool(self, tool: Tool) -> None:
        """Make a tool known by its name to agents, and to runs that this process takes up as a worker.

        Raises:
            ConfigurationError: another tool has its name.
        """
        if self.agent_tools.setdefault(tool.name, tool) is not tool:
            raise ConfigurationError(f"A tool of the name '{tool.name}' is known already.")

    def register_workflow(self, workflow: Workflow) -> None:
        """Make a workflow known: its runs can begin here, and be gone on with by this process as a worker.

        Raises:
            ConfigurationError: another one has its name and version.
        """
        self.workflow_catalogue.add(workflow)

    def register_check(self, name: str, check: Check) -> None:
        """Make a check of output known by its name to agents, in the workers too.

        Raises:
            ConfigurationError: another check has its name.
        """
        if self.agent_checks.setdefault(name, check) is not check:
            raise ConfigurationError(f"A check of the name '{name}' is known already.")

    def desk_of(self, scope: Scope) -> Desk:
        """The desk of a scope that was established elsewhere, such as that of a stored run."""
        return Desk(self, scope)

    def _keep_privacy(self) -> None:
        self._own_stores = [
            *table_stores(self.database),
            SyncStore(self.database),
            KnowledgeStore(self.database, self),
            TriageStore(self.database, self.triage_shelf),
            MemoryStore(self._forget_values, self.settle_stories),
            AuditStore(self.database),
        ]

    @property
    def personal_stores(self) -> list[PersonalStore]:
        """Every store of personal data, Deskmind's and the host's, in the order in which a person is erased."""
        first, last = self._own_stores[:-2], self._own_stores[-2:]
        return [*first, *self._host_stores, *last]

    def register_store(self, store: PersonalStore) -> None:
        """Have a store of the host's own take part in exports, erasures and the data map.

        Raises:
            ConfigurationError: another store has its name.
        """
        if store.name in {known.name for known in self.personal_stores}:
            raise ConfigurationError(f"A store of the name '{store.name}' takes part already.")
        self._host_stores.append(store)

    def suppression(self, scope: Scope) -> Suppression:
        """The erased people of the scope's tenant: connectors ask it before they bring anybody in."""
        return Suppression(self.database, self.keyring, scope)

    async def erased(self, scope: Scope) -> Mentions:
        """The mentions of people of the scope's tenant who were erased."""
        return await self.suppression(scope).mentions()

    async def _forget_values(self, tenant_id: UUID) -> bool:
        self.forget_authentication()
        self._shielding.forget(tenant_id)
        return await self.cache.forget(tenant_id)

    async def receive_webhook(self, connection_id: UUID, headers: Mapping[str, str], body: bytes) -> int:
        """Take a connected system's call; how many records will be read again.

        Raises:
            AuthenticationError: there is no such connection, or the call is not signed with its secret.
            InvalidRequestError: the call does not say what has changed.
        """
        return await receive_webhook(
            self.database, self, connection_id, headers, body, refusals=self._refusals
        )

    def _keep_stories(self, endpoints: Endpoints) -> None:
        settings = self.settings.explain
        self.stories = StoryWriter(endpoints.ledger, endpoints.schema, flush_seconds=settings.flush_seconds)
        self.database.stories = self.stories if settings.enabled else None
        self._resources.push_async_callback(self.stories.close)

    async def settle_stories(self) -> None:
        """Write the stories and the usage of this process's calls so far."""
        await self.stories.flush()
        await self._door.settle()

    async def ready_redaction(self) -> None:
        """Read what redaction knows of names now, so that the first call need not."""
        await self._shielding.ready()

    @property
    def unredacted_models(self) -> frozenset[str]:
        """Models whose requests are sent as they are: by default those on this machine."""
        return self._shielding.unredacted_models

    async def _schema_status(self) -> MigrationStatus:
        async with self.database.transaction(Scope.directory()) as connection:
            cursor = await connection.execute("SELECT to_regclass('alembic_version'), to_regclass('release')")
            row = await cursor.fetchone()
            if row is None or None in row:
                return compare(None, None)
            cursor = await connection.execute(
                "SELECT version_num, min_compatible_release FROM alembic_version, release"
            )
            row = await cursor.fetchone()
        return compare(row[0] if row else None, row[1] if row else None)

    async def _operator(self, tenant: str) -> Scope:
        found = await self.tenants.named(tenant)
        return Scope.operator(found.tenant_id, found.slug)

    async def _embedder(self) -> Embedder | None:
        embedder = self._given_embedder
        if embedder is None:
            embedder = await self._configured_embedder()
        if embedder is None:
            return None
        await self._ensure_space(embedder)
        self._resources.push_async_callback(embedder.close)
        return embedder

    async def _configured_embedder(self) -> Embedder | None:
        settings = self.settings.knowledge
        if settings.embedder == "none":
            self.embedding_problem = "switched off by knowledge.embedder"
        try:
            return await configured_embedder(settings, self.settings.models_folder)
        except (EmbedderUnavailableError, ConfigurationError) as error:
            self.embedding_problem = str(error)
            _log.warning("embedder.unavailable", reason=error.code)
            return None

    async def _ensure_space(self, embedder: Embedder) -> None:
        space = embedder.space
        async with self.database.transaction(Scope.directory()) as connection:
            cursor = await connection.execute(
                "SELECT fingerprint FROM embedding_spaces WHERE name = %s", (space.name,)
            )
            row = await cursor.fetchone()
        if row is not None and row[0] == space.fingerprint:
            return
        if self.provisioner is None:
            raise SchemaVersionError(
                f"The database has no embedding space for {space.model}.",
                why="Embedding spaces are tables, made with the owner's rights.",
                remedy="Run `deskmind migrate up` with this model configured.",
            )
        with translated():
            await self.provisioner.ensure_space(space.name, space.model, space.dimensions, space.fingerprint)
