"""What was written is read back, and what the vendor holds otherwise is named."""

from __future__ import annotations

from typing import Any

import pytest

from deskmind.connectors import Act, Outcome, Proposal
from deskmind.connectors.core.effects import Draft, Effects, Now, Upload
from deskmind.connectors.writing import Change


class Stubborn:
    """A vendor that takes a change of two fields and keeps one of them as it was."""

    def __init__(self) -> None:
        self.sent = 0

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """Two changes."""
        changes = (Change("title", "old", "new"), Change("state", "open", "closed"))
        return Draft(changes, {}, target, "1")

    async def version(self, proposal: Proposal) -> str:
        """Nobody else writes."""
        return "1"

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """Taken without a word."""
        self.sent += 1
        return "7"

    async def now(self, proposal: Proposal, written: str) -> Now:
        """The state did not change."""
        return Now(found=True, id="7", version="2", values={"title": "new", "state": "open"})


async def test_a_field_that_the_vendor_holds_otherwise_is_named() -> None:
    writer = Stubborn()
    effects = Effects("acme", writer)
    proposal = await effects.propose(Act.UPDATE, "7", {})
    applied = await effects.apply(proposal, claims=None, content=None)
    assert applied.differing == ("state",)
    assert writer.sent == 1
    assert await effects.reconcile(proposal) is Outcome.UNCERTAIN


@pytest.mark.parametrize("act", [Act.UPDATE, Act.COMMENT, Act.ATTACH])
async def test_an_act_on_no_record_is_refused(act: Act) -> None:
    with pytest.raises(Exception, match="needs a record"):
        await Effects("acme", Stubborn()).propose(act, "", {})
