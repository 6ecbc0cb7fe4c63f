"""A prompt as one YAML file, so that prompts can live in a repository. The way there and back changes nothing."""

from __future__ import annotations

from typing import Any

import yaml

from deskmind.errors import PromptError
from deskmind.plain_yaml import PlainLoader
from deskmind.prompts.templates import PromptTemplate

__all__ = ["FILE_SUFFIX", "prompt_from_file", "prompt_to_file", "read_yaml", "write_yaml"]

FILE_SUFFIX = ".yaml"
_MAX_FILE_CHARS = 500_000
_BREAKS = ("\r", "\x85", "\u2028", "\u2029", "\ufeff", "\t")
"""Characters that YAML reads otherwise than it finds them in a block of text."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    exact = any(character in text for character in _BREAKS)
    style = '"' if exact else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


class _Loader(PlainLoader):
    """Refuses keys given twice as well."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        found: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is not a word", key.start_mark)
            if key.value in found:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key.value}' is given twice", key.start_mark
                )
            found.add(key.value)
        return super().construct_mapping(node, deep)


def prompt_to_file(template: PromptTemplate) -> str:
    """The prompt as the text of a YAML file."""
    return write_yaml(template.as_dict())


def write_yaml(fields: Any) -> str:
    """Values of JSON as the text of a YAML file, which ``read_yaml`` reads back unchanged."""
    return yaml.dump(
        fields,
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
        width=110,
    )


def prompt_from_file(text: str, *, source: str = "the file") -> PromptTemplate:
    """The prompt that a YAML file describes.

    Args:
        text: the file's content.
        source: how messages name it.

    Raises:
        PromptError: it is no YAML, or does not describe a prompt.
        PromptSyntaxError: one of its templates is not valid.
    """
    fields = read_yaml(text, source=source)
    if not isinstance(fields, dict):
        raise PromptError(f"{source} does not describe a prompt.", remedy="It has a name and messages.")
    return PromptTemplate.from_dict(fields)  # pyright: ignore[reportUnknownArgumentType]


def read_yaml(text: str, *, source: str = "the file") -> Any:
    """What a YAML file says, JSON among it; aliases, and keys given twice, are refused.

    Raises:
        PromptError: it is no YAML, or too long.
    """
    if len(text) > _MAX_FILE_CHARS:
        raise PromptError(f"{source} is too long.", why=f"At most {_MAX_FILE_CHARS:,} characters are read.")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PromptError(
            f"{source} is not valid YAML.", why=" ".join(str(error).split())[:500], remedy="Correct the file."
        ) from error
