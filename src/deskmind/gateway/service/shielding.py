"""What model calls of an application pass through: a given shield, or redaction as the settings say."""

from __future__ import annotations

import asyncio
from uuid import UUID

from deskmind.database import Database
from deskmind.gateway.models import model_configs
from deskmind.gateway.shield import RedactionShield
from deskmind.gateway.shield.protocol import Shield
from deskmind.governance.redaction import Redactor
from deskmind.governance.redaction.rules import RedactionRules
from deskmind.governance.redaction.tenants import TenantRedactors
from deskmind.keyring import Keyring
from deskmind.observability.masking import masked
from deskmind.observability.story import current_story
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = ["Shielding"]


class Shielding:
    """Redaction for the life of an application, with the directories of its tenants."""

    def __init__(
        self, settings: Settings, database: Database, keyring: Keyring, *, given: Shield | None = None
    ) -> None:
        """Nothing is read yet.

        Args:
            settings: what is redacted, and for which models.
            database: where tenants' people are.
            keyring: of the keys that hashes are made with.
            given: a shield of the host's, instead of redaction.

        Raises:
            ConfigurationError: a pattern of the settings cannot be used.
        """
        self._settings = settings
        self._given = given
        self._rules = RedactionRules.of(settings.redaction)
        keyed = keyring.current("pseudonym")
        self._redactors = TenantRedactors(
            database,
            self._rules,
            lambda tenant_id: keyed.derive(b"redaction:" + tenant_id.bytes),
            seconds=settings.redaction.refresh_seconds,
        )

    @property
    def shield(self) -> Shield | None:
        """What the gateway is given."""
        if self._given is not None:
            return self._given
        if not self._settings.redaction.enabled:
            return None
        return RedactionShield(lambda caller: self._redactors.of(caller.tenant_id))

    @property
    def unredacted_models(self) -> frozenset[str]:
        """Models whose requests are sent as they are: by default those on this machine."""
        redaction, models = self._settings.redaction, model_configs(self._settings.models)
        if self._given is not None:
            return frozenset()
        if not redaction.enabled:
            return frozenset(models)
        local = (name for name, config in models.items() if config.on_this_machine)
        return frozenset() if redaction.local_models else frozenset(local)

    async def ready(self) -> None:
        """Read what redaction knows of names now, about a second in a thread, so that the first call need not."""
        if set(self._settings.models) - self.unredacted_models or self._settings.telemetry.capture_content:
            await asyncio.to_thread(lambda: self._rules.detectors)

    async def masking(self, scope: Scope) -> Redactor:
        """Masks for good what is found, with the people of the scope's tenant."""
        await self._redactors.of(scope.tenant_id)
        return self._redactors.masking(scope.tenant_id)

    async def redactor(self, tenant_id: UUID) -> Redactor:
        """That of a tenant, with all it has said."""
        return await self._redactors.of(tenant_id)

    def masked(self, text: str) -> str:
        """A text as spans may show it."""
        story = current_story()
        scope = None if story is None else story.scope
        return masked(self._redactors.masking(scope and scope.tenant_id).redact(text).text)

    def forget(self, tenant_id: UUID) -> None:
        """A tenant is gone."""
        self._redactors.forget(tenant_id)

    def renew(self, tenant_id: UUID) -> None:
        """A tenant's people, patterns or actions have changed here."""
        self._redactors.renew(tenant_id)
