"""What was written is read back, and what the vendor holds otherwise is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskmind.connectors import Act, Outcome, Proposal
from deskmind.connectors.core.effects import Draft, Effects, Now
from deskmind.connectors.core.upload import Upload
from deskmind.connectors.writing import Change, MemoryClaims
from deskmind.errors import OutcomeUnknownError


class Stubborn:
    """A vendor that takes a change of two fields and keeps one of them as it was."""

    def __init__(self) -> None:
        self.sent = 0

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """Two changes."""
        changes = (Change("title", "old", "new"), Change("state", "open", "closed"))
        return Draft(changes, {}, target, "1")

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """Taken without a word."""
        self.sent += 1
        return "7"

    async def now(self, proposal: Proposal, written: str) -> Now:
        """The state does not change."""
        title, version = ("new", "2") if self.sent else ("old", "1")
        return Now(found=True, id="7", version=version, values={"title": title, "state": "open"})


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


class Silent(Stubborn):
    """A vendor from which no answer comes, and whose records show nothing yet."""

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """A comment."""
        return Draft((Change("comment", None, "x"),), {}, target, "1", marked=True)

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """It may arrive yet."""
        raise OutcomeUnknownError("No answer came.")

    async def now(self, proposal: Proposal, written: str) -> Now:
        """Not there."""
        return Now(found=False)


async def test_a_proposal_that_waited_long_is_not_taken_for_absent_when_its_answer_is_lost() -> None:
    effects = Effects("acme", Silent())
    made = await effects.propose(Act.COMMENT, "7", {})
    proposal = replace(made, made_at=datetime.now(UTC) - timedelta(days=2))
    claims = MemoryClaims()
    with pytest.raises(OutcomeUnknownError):
        await effects.apply(proposal, claims=claims, content=None)
    assert claims.outcomes == {proposal.id: Outcome.UNCERTAIN}
    just_now = datetime.now(UTC)
    assert await effects.reconcile(proposal, sent_at=just_now) is Outcome.UNCERTAIN
    assert await effects.reconcile(proposal, sent_at=just_now - timedelta(hours=1)) is Outcome.ABSENT
