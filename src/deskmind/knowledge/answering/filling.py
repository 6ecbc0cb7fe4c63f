"""Filling in the prompts that answering uses: a tenant's own that is broken is reported, and the shared one used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from deskmind.errors import PromptError
from deskmind.observability import logger
from deskmind.prompts.choice import PromptChoice, shared_choice
from deskmind.prompts.uses import taken
from deskmind.prompts.versions import SHARED_VERSION

__all__ = ["broken_note", "filled", "report_broken"]

_PLACES = ("variable", "message", "line")
"""Details of an error in a prompt that say where it is."""
_log = logger("deskmind.answer")


async def filled(choice: PromptChoice, values: Mapping[str, Any]) -> list[dict[str, str]]:
    """The messages of a prompt in OpenAI's chat format; those of the shared one where the tenant's is broken."""
    try:
        messages = await asyncio.to_thread(choice.template.render, taken(choice.template, values))
    except PromptError as error:
        if choice.use.version == SHARED_VERSION:
            raise
        report_broken(choice, error)
        return await filled(shared_choice(choice.use.name), values)
    return [{"role": message.role, "content": message.content} for message in messages]


def report_broken(choice: PromptChoice, error: PromptError) -> None:
    """Tell the operator, in the log: which version, what is wrong and where. No content."""
    use = choice.use
    places = {name: error.details[name] for name in _PLACES if error.details.get(name)}
    _log.error("prompt.broken", prompt=use.name, version=use.version, error_code=error.code, **places)


def broken_note(choice: PromptChoice, error: PromptError) -> str:
    """What the reader of an answer is told of a prompt that is broken. No content."""
    use = choice.use
    place = "".join(f", {name} {error.details[name]}" for name in _PLACES if error.details.get(name))
    return (
        f"Version {use.version} of the prompt '{use.name}' cannot be used ({error.code}{place}); the one that comes"
        " with Deskmind was used instead."
    )
