"""Prompt templates: checked when they are made, rendered with typed values in a sandbox."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes

from deskmind.errors import PromptError, PromptRenderError, PromptSyntaxError
from deskmind.prompts._budget import spending, wrote
from deskmind.prompts._sandbox import ENVIRONMENT, MAX_NODES, bounded, inspect_tree, nodes_of
from deskmind.prompts.messages import Message
from deskmind.prompts.variables import Variable, checked_values

__all__ = ["PromptTemplate", "TemplateRole"]

TemplateRole = Literal["system", "user", "assistant"]

_ROLES: tuple[str, ...] = get_args(TemplateRole)
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,79}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_MESSAGES = 50
_MAX_TEMPLATE_CHARS = 200_000


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A prompt: messages written in a small, safe part of Jinja, and the variables they take.

    >>> greeting = PromptTemplate(
    ...     "greeting", messages=[("user", "Hello {{ person }}!")], variables={"person": Variable()}
    ... )
    >>> greeting.render(person="{{ Ana }}")
    (Message(role='user', content='Hello {{ Ana }}!', call_id='', tool=''),)

    Values are data: what looks like a template in them stays as it is. A message that renders to nothing but
    white space is left out.

    Attributes:
        name: 1 to 80 of a-z, 0-9, ``_``, ``.``, ``-``, beginning with a letter.
        messages: role (``system``, ``user``, ``assistant``) and template of each message.
        variables: what the templates take.
        description: for people.

    Raises:
        PromptSyntaxError: a template is not valid; names the message and line.
        PromptError: a name, role or size is not acceptable.
    """

    name: str
    messages: tuple[tuple[TemplateRole, str], ...]
    variables: Mapping[str, Variable] = field(default_factory=dict[str, Variable])
    description: str = ""
    _compiled: tuple[Template, ...] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        name: str,
        messages: Iterable[tuple[str, str]],
        variables: Mapping[str, Variable] | None = None,
        description: str = "",
    ) -> None:
        pairs = tuple((cast("TemplateRole", role), text) for role, text in messages)
        declared = dict(variables or {})
        _check(name, pairs, declared, description)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "messages", pairs)
        object.__setattr__(self, "variables", MappingProxyType(declared))
        object.__setattr__(self, "description", description)
        object.__setattr__(self, "_compiled", _compiled([text for _, text in pairs], declared))

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def render(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> tuple[Message, ...]:
        """The messages with the values filled in.

        Raises:
            PromptVariableError: a variable is missing, unknown, of the wrong type or too long.
            PromptRenderError: a value lacks what the template uses, or the rendering exceeds its limits.
        """
        checked = checked_values(self.variables, {**(values or {}), **more})
        with spending():
            contents = [self._rendered(number, checked) for number in range(len(self.messages))]
        return tuple(
            Message(role, content)
            for (role, _), content in zip(self.messages, contents, strict=True)
            if content.strip()
        )

    @property
    def content_hash(self) -> str:
        """SHA-256 in hexadecimal over everything that the prompt says: equal content, equal hash."""
        canonical = json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """For files and JSON."""
        fields: dict[str, Any] = {"name": self.name}
        if self.description:
            fields["description"] = self.description
        if self.variables:
            fields["variables"] = {name: item.as_dict() for name, item in self.variables.items()}
        fields["messages"] = [{"role": role, "content": text} for role, text in self.messages]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> PromptTemplate:
        """The opposite of ``as_dict``.

        Raises:
            PromptError: it does not describe a prompt.
        """
        try:
            known = {"name", "description", "variables", "messages"}
            if set(fields) - known:
                raise PromptError(f"A prompt has no field '{min(set(fields) - known)}'.")
            declared = cast("Mapping[str, Mapping[str, Any]]", fields.get("variables") or {})
            return cls(
                fields["name"],
                [_pair(message) for message in fields["messages"]],
                {name: Variable(**variable) for name, variable in declared.items()},
                fields.get("description", ""),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise PromptError(
                "This does not describe a prompt.",
                why=f"{type(error).__name__}: {error}.",
                remedy="It has a name, messages (each with role and content), and optionally variables.",
            ) from error

    def _rendered(self, index: int, values: Mapping[str, Any]) -> str:
        template, pieces = self._compiled[index], list[str]()
        try:
            for piece in template.generate(values):
                wrote(len(piece))
                pieces.append(piece)
        except PromptRenderError:
            raise
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            line = _line_of(error, template.filename or "")
            raise PromptRenderError(
                f"Message {index + 1} of the prompt '{self.name}' cannot be rendered.",
                why=f"Line {line}: {error}." if line else f"{error}.",
                message=index + 1,
                line=line,
            ) from error
        return "".join(pieces)


def _pair(message: Mapping[str, Any]) -> tuple[str, str]:
    if set(message) != {"role", "content"}:
        raise PromptError("A message of a prompt has a role and a content, and nothing else.")
    return message["role"], message["content"]


def _check(
    name: Any, messages: tuple[tuple[Any, Any], ...], variables: Mapping[Any, Variable], description: Any
) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PromptError(
            f"'{str(name)[:80]}' cannot name a prompt.",
            why="A name has 1 to 80 of a-z, 0-9, '_', '.' and '-', and begins with a letter.",
        )
    for variable in variables:
        if (
            not isinstance(variable, str)
            or not _VARIABLE.fullmatch(variable)
            or variable in {"loop", "range"}
        ):
            raise PromptError(f"'{str(variable)[:80]}' cannot name a variable.")
    if not 1 <= len(messages) <= _MAX_MESSAGES:
        raise PromptError(f"A prompt has 1 to {_MAX_MESSAGES} messages; this one has {len(messages)}.")
    for number, (role, text) in enumerate(messages, 1):
        if role not in _ROLES:
            raise PromptError(
                f"Message {number} has the role '{str(role)[:80]}'.",
                remedy=f"Use one of {', '.join(_ROLES)}.",
            )
        if not isinstance(text, str):
            raise PromptError(f"The content of message {number} is not text.")
    if not isinstance(description, str):
        raise PromptError("The description of a prompt is text.")
    _check_texts([description, *(text for _, text in messages)], sum(len(text) for _, text in messages))
    _check_texts([json.dumps(item.as_dict(), ensure_ascii=False) for item in variables.values()], 0)


def _check_texts(texts: Iterable[str], chars: int) -> None:
    if chars > _MAX_TEMPLATE_CHARS:
        raise PromptError(f"A prompt has at most {_MAX_TEMPLATE_CHARS:,} characters; this one has {chars:,}.")
    for text in texts:
        if _UNSTORABLE.search(text):
            raise PromptError("A prompt holds no NUL and no half of a surrogate pair.")


def _compiled(texts: Sequence[str], variables: Mapping[str, Variable]) -> tuple[Template, ...]:
    """The messages' templates; none is compiled before the size of all is known."""
    trees, left = list[nodes.Template](), MAX_NODES
    for number, text in enumerate(texts, 1):
        with _told(number):
            trees.append(ENVIRONMENT.parse(text, filename=f"message {number}"))
            left -= nodes_of(trees[-1])
            if left < 0:
                raise PromptSyntaxError(
                    "The prompt says too much.",
                    why=f"Its messages have at most {MAX_NODES:,} tags, operators and values together.",
                    message=number,
                )
            inspect_tree(trees[-1], variables)
    return tuple(_compile(number, tree) for number, tree in enumerate(trees, 1))


def _compile(number: int, tree: nodes.Template) -> Template:
    with _told(number):
        code = ENVIRONMENT.compile(bounded(tree), filename=f"message {number}")
    return Template.from_code(ENVIRONMENT, code, ENVIRONMENT.globals)


@contextmanager
def _told(number: int) -> Generator[None]:
    """What Jinja and Python do not take, as an error of the message."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise PromptSyntaxError(
            f"Message {number}, line {error.lineno}: {error.message}.", message=number, line=error.lineno
        ) from error
    except (RecursionError, SyntaxError, MemoryError, ValueError, OverflowError) as error:
        raise PromptSyntaxError(
            f"Message {number} is too deeply nested.", why=f"{type(error).__name__}.", message=number
        ) from error


def _line_of(error: BaseException, filename: str) -> int | None:
    """The template's line an error came from."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
