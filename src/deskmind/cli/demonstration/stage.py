"""What each step of the demonstration is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from deskmind.app import Deskmind
    from deskmind.demo import Company
    from deskmind.desk import Desk
    from deskmind.sandbox.servicenow import ServiceNowSandbox
    from deskmind.sandbox.web import SandboxServer
    from deskmind.sync import SyncStatus

__all__ = ["Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """The application with the fictional company in it.

    Attributes:
        desk: the operator's.
        boxes: the company's systems; they run until the demonstration ends.
        connected: how far each was read.
        config: the file that was named for the settings.
        technicians: two of the tenant's users, who are somebody in ServiceNow too.
    """

    app: Deskmind
    company: Company
    desk: Desk
    console: Console
    boxes: Sequence[SandboxServer]
    connected: Sequence[SyncStatus]
    config: Path | None
    technicians: tuple[str, str]

    @property
    def servicenow(self) -> ServiceNowSandbox:
        """The company's ServiceNow."""
        from deskmind.sandbox.servicenow import ServiceNowSandbox

        return next(box for box in self.boxes if isinstance(box, ServiceNowSandbox))

    @property
    def model(self) -> str:
        """The configured model that agents ask."""
        return next(iter(self.app.settings.models))

    async def desk_of(self, user: str) -> Desk:
        """A user's desk."""
        return await self.app.desk(tenant=self.company.tenant, user=user)

    def quote(self, text: str) -> None:
        """A text of others, set in."""
        for line in text.splitlines():
            self.console.print(f"  {line}", style="italic", markup=False)

    def title(self, text: str) -> None:
        """The heading of a step."""
        self.console.print()
        self.console.rule(text, align="left")
