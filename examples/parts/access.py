"""Access alone: roles and Cedar policies in an application of its own. No database; the extra ``access`` for the policy.

Run it: python examples/parts/access.py
"""

from __future__ import annotations

from datetime import UTC, datetime

from deskmind.governance.access import Asked, CedarPolicy, Grant, Holding, Resource, Rights

ROLES = {
    "reader": ["invoice:read"],
    "bookkeeper": ["invoice:*"],
}

POLICY = """
@id("four-eyes")
forbid (principal, action == Deskmind::Action::"invoice:approve", resource)
when { resource.owner == principal.name };
"""

MONDAY = datetime(2027, 3, 1, 9, tzinfo=UTC)


def holding(name: str, *grants: Grant) -> Holding:
    return Holding(name, [(grant, ROLES[grant.role]) for grant in grants])


def main() -> None:
    ann = holding("ann", Grant("bookkeeper", "group accounts", until=datetime(2027, 4, 1, tzinfo=UTC)))
    bot = holding("bot", Grant("reader", "service bot"))
    for rights in (Rights(ann), Rights(ann, bot)):
        decision = rights.decide("invoice:approve", now=MONDAY)
        print("allowed" if decision.allowed else "refused", "because", *decision.because)

    policy = CedarPolicy(POLICY, ["invoice:read", "invoice:approve"])
    for owner in ("ben", "ann"):
        invoice = Resource("invoice", "2027-17", owner=owner)
        verdict = policy.judge(Asked("invoice:approve", "ann", resource=invoice))
        print(f"{owner}'s invoice:", "allowed" if verdict.allowed else f"forbidden by {verdict.policies[0]}")


if __name__ == "__main__":
    main()
