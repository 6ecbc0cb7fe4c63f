"""The prompts that come with Deskmind: what a tenant uses until it labels a version of its own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from deskmind.prompts.files import FILE_SUFFIX, prompt_from_file
from deskmind.prompts.templates import PromptTemplate

__all__ = ["shared_prompts"]


@functools.cache
def shared_prompts() -> Mapping[str, PromptTemplate]:
    """By name. Read once."""
    folder = resources.files("deskmind.prompts").joinpath("defaults")
    found = (
        prompt_from_file(item.read_text("utf-8"), source=item.name)
        for item in folder.iterdir()
        if item.name.endswith(FILE_SUFFIX)
    )
    return MappingProxyType(
        {template.name: template for template in sorted(found, key=lambda item: item.name)}
    )
