"""What the rules let agents remember."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.readiness.report import Check

__all__ = ["memory"]


async def memory(app: Deskmind) -> Check:
    """No rule lets text of others become a memory of more people than the one whose run read it."""
    rules = app.settings.agents.remember
    wide = [rule for rule in rules if rule.audience != "user" and rule.origin in ("*", "untrusted", "tool")]
    evidence = {"rules": len(rules), "wide": len(wide)}
    if wide:
        audiences = " and ".join(sorted({f"every {rule.audience}" for rule in wide}))
        return Check(
            "memory",
            "red",
            f"Text that others wrote may be remembered for {audiences}: one ticket reaches the runs of many.",
            "Name audience = 'user' in [[agents.remember]], or the origin 'output'.",
            evidence,
        )
    return Check(
        "memory",
        "green",
        "What others wrote is remembered for nobody but the user whose run read it."
        if rules
        else "What others wrote is not remembered.",
        evidence=evidence,
    )
