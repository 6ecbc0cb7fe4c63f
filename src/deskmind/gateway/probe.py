"""Calling each deployment once, to see whether it works."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from deskmind.errors import DeskmindError, NotFoundError
from deskmind.gateway.budgets import Budget
from deskmind.gateway.gateway import Gateway
from deskmind.gateway.messages import Caller
from deskmind.scope import Scope

__all__ = ["probe"]

_QUESTION = [{"role": "user", "content": "Answer with the word ready."}]
_TOKENS = 16


async def probe(
    gateway: Gateway, scope: Scope, names: Sequence[str], *, budgets: Sequence[Budget] = ()
) -> list[dict[str, Any]]:
    """One line for each deployment: state, seconds, finding. The calls are booked as feature ``probe``.

    Args:
        gateway: the door.
        scope: for whom the calls are booked.
        names: models; all of them when empty.
        budgets: that the calls are held to.

    Raises:
        NotFoundError: there is no such model.
    """
    unknown = [name for name in names if name not in gateway.models]
    if unknown:
        raise NotFoundError(
            f"There is no model '{unknown[0]}'.", remedy="`deskmind models list` shows the models."
        )
    caller = Caller(scope.tenant_id, scope.principal_id, feature="probe")
    found: list[dict[str, Any]] = []
    for name in names or sorted(gateway.models):
        config = gateway.models[name]
        for deployment in config.deployments:
            single = f"{name}@{deployment.name}"
            alone = copy(gateway)  # with all that it keeps, but a name that nobody else sees
            one = config.model_copy(update={"deployments": (deployment,), "retries": 0})
            alone.models = {**gateway.models, single: one}
            line: dict[str, Any] = {"model": name, "deployment": deployment.name}
            try:
                reply = await alone.chat(
                    single, _QUESTION, max_tokens=_TOKENS, caller=caller, budgets=budgets
                )
                line.update(
                    state="ok", seconds=round(reply.seconds, 3), finding=f"{reply.provider_model} answers"
                )
            except DeskmindError as error:
                line.update(state=error.code, seconds=None, finding=str(error))
            found.append(line)
    return found
