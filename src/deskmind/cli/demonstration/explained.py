"""What the run's requests say of themselves: what was redacted before the model saw it, and what it cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["explain"]


async def explain(stage: Stage, request_id: str) -> None:
    """Print both, and how to see the rest."""
    stage.title("8. What the model was not shown, and what it cost")
    found = await stage.desk.requests.explain(request_id)
    redacted = Counter[str]()
    for part in found.parts:
        redacted.update(part.redactions)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(redacted.items()))
    read, written = found.tokens
    console = stage.console
    console.print(f"redacted in {len(found.calls)} calls: {kinds or 'nothing'}", markup=False)
    console.print(f"{read} tokens read, {written} written: ${found.cost:.6f}", markup=False)
    console.print(f"deskmind explain {request_id} --tenant {stage.company.tenant}", markup=False, style="dim")
