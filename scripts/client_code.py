"""Write the classes of `deskmind.client` from the OpenAPI document: src/deskmind/client/made/."""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

Json = dict[str, Any]

FOLDER = Path(__file__).parents[1] / "src" / "deskmind" / "client" / "made"
NOT_OURS = {"receiveWebhook": "connected systems call it, with their own signature"}
"""Operations that no client of ours calls."""
READS = frozenset(
    "search renderPrompt predictTriage findSimilarTickets findDuplicateTickets findTicketClusters"
    " recallMemories replayRun exportPerson makeEvidence redactTexts previewSync verifyReceipt".split()
)
"""POST operations that change nothing: they may be sent again without an Idempotency-Key."""
WITH_SLASHES = frozenset({("/v1/models/{model}", "model")})
"""Parameters of paths that take the rest of the path; a test compares them with the service's routes."""

_EVENTS_AHEAD = 16
"""Events of a stream that code which waits may hold before it asks for them: they come anyway."""

_HEAD = '"""{about}\n\nWritten by scripts/client_code.py from the OpenAPI document; changes made here are lost.\n"""\n'
_SCALARS = {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {"uuid": "UUID", "date-time": "datetime", "decimal": "Decimal"}
_BYTES = "application/octet-stream"
_CURSORS = ("after", "before", "cursor")


@dataclass(frozen=True)
class Parameter:
    """One of a method: its Python name, its name on the wire, its type, and whether it must be given."""

    name: str
    wire: str
    type: str
    needed: bool
    place: str
    about: str = ""


@dataclass(frozen=True)
class Operation:
    """One operation, as a method of a resource."""

    id: str
    resource: str
    name: str
    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    answer: str
    """Name of a body, or json, bytes, text or nothing."""
    items: tuple[str, str] | None
    """Of a page: the field with the items, and what they are."""
    cursor: str
    events: Json | None
    last_event: str
    also: tuple[int, ...]
    tagged: bool
    """Whether the answer has a tag that a later change may name."""
    resumes: bool
    """Whether a stream goes on after ``Last-Event-ID``."""


class Source:
    """The document."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.schemas: dict[str, Json] = dict(document["components"]["schemas"])
        self.segments = {path.split("/")[2] for path in document["paths"] if path.startswith("/v1/")}
        self.asked: set[str] = set()
        self.told: set[str] = set()

    def operations(self) -> list[Operation]:
        """All but those that no client calls."""
        found = [
            self._operation(method, path, one)
            for path, methods in self.document["paths"].items()
            for method, one in methods.items()
            if one["operationId"] not in NOT_OURS
        ]
        taken: dict[tuple[str, str], str] = {}
        for one in found:
            other = taken.setdefault((one.resource, one.name), one.id)
            if other != one.id:
                raise SystemExit(f"{one.id} and {other} would both be {one.resource}.{one.name}")
        return sorted(found, key=lambda one: (one.resource, one.name))

    def _operation(self, method: str, path: str, one: Json) -> Operation:
        resource = self._resource(path, one["tags"][0])
        content = next(
            (reply.get("content", {}) for status, reply in one["responses"].items() if status[0] == "2"), {}
        )
        answer = self._answer(content)
        cursor = next((item["name"] for item in one.get("parameters", ()) if item["name"] in _CURSORS), "")
        stream = content.get("text/event-stream", {})
        return Operation(
            id=one["operationId"],
            resource=resource,
            name=_method_name(one["operationId"], resource),
            method=method.upper(),
            path=path,
            summary=one["summary"],
            parameters=tuple(self._parameters(one)),
            answer=answer,
            items=self._items(answer) if cursor else None,
            cursor=cursor,
            events=stream.get("x-deskmind-events"),
            last_event=stream.get("x-deskmind-last-event", ""),
            also=tuple(
                int(status)
                for status, reply in one["responses"].items()
                if status[0] in "45"
                and "Problem" not in str(reply.get("content"))
                and "application/json" in reply.get("content", {})
            ),
            resumes=any(item["name"].lower() == "last-event-id" for item in one.get("parameters", ())),
            tagged="ETag" in one["responses"].get("200", {}).get("headers", {}),
        )

    def _resource(self, path: str, tag: str) -> str:
        """The first part of the path; that of a part below it which is a resource of its own."""
        if not path.startswith("/v1/"):
            return tag
        parts = [part for part in path.split("/")[2:] if not part.startswith("{")]
        if parts[-1] == tag and tag in self.segments:
            return tag
        return "" if len(parts) == 1 and parts[0] in {"search", "ask"} else parts[0]

    def _answer(self, content: Json) -> str:
        if "application/json" in content:
            schema = content["application/json"].get("schema", {})
            return self.named(schema, told=True) if "$ref" in schema else "json"
        if not content or set(content) == {"text/event-stream"}:
            return "nothing"
        return "text" if all(kind.startswith("text/") or "text" in kind for kind in content) else "bytes"

    def _items(self, answer: str) -> tuple[str, str] | None:
        schema = self.schemas.get(answer, {})
        fields = schema.get("properties", {})
        lists = [name for name, one in fields.items() if one.get("type") == "array"]
        if "next" not in fields or len(lists) != 1:
            return None
        return lists[0], self.type_of(fields[lists[0]]["items"], told=True)

    def _parameters(self, one: Json) -> Iterator[Parameter]:
        for item in one.get("parameters", ()):
            if item["name"] == "If-Match":
                about = "`etag` of what was read: act only while it is the same"
                yield Parameter("if_match", "If-Match", "str", needed=False, place="header", about=about)
            if item["in"] == "header":
                continue  # the transport's
            kind = self.type_of(item["schema"], told=False)
            yield Parameter(
                _identifier(item["name"]), item["name"], kind, item.get("required", False), item["in"],
                item["schema"].get("description", "") or item.get("description", ""),
            )  # fmt: skip
        content = one.get("requestBody", {}).get("content", {})
        if "multipart/form-data" in content:
            yield Parameter("file", "file", "File", needed=True, place="upload")
        elif _BYTES in content:
            yield Parameter(
                "content", "content", "File", one["requestBody"].get("required", False), "content",
                "the file that is sent",
            )  # fmt: skip
        elif content:
            schema = self.resolved(content["application/json"]["schema"])
            for name, field in schema.get("properties", {}).items():
                needed = name in schema.get("required", ())
                kind = self.type_of(field, told=False)
                yield Parameter(_identifier(name), name, kind, needed, "body", field.get("description", ""))

    def resolved(self, schema: Json) -> Json:
        """What a reference points at."""
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def named(self, schema: Json, *, told: bool) -> str:
        """The class of a reference, which is thereby wanted, with all that it refers to."""
        name = schema["$ref"].rpartition("/")[2]
        wanted = self.told if told else self.asked
        if name not in wanted:
            wanted.add(name)
            for field in self.schemas[name].get("properties", {}).values():
                self.type_of(field, told=told)
        return _class_name(name) if told else f"given.{_class_name(name)}"

    def type_of(self, schema: Json, *, told: bool) -> str:
        """The annotation of a schema."""
        if "$ref" in schema:
            values = self.resolved(schema)
            return self.type_of(values, told=told) if "enum" in values else self.named(schema, told=told)
        if "anyOf" in schema:
            kinds = [self.type_of(one, told=told) for one in schema["anyOf"]]
            return " | ".join(dict.fromkeys(kinds))
        if "enum" in schema or "const" in schema:
            values = schema.get("enum", [schema.get("const")])
            return f"Literal[{', '.join(map(repr, values))}]"
        return self._plain(schema, told=told)

    def _plain(self, schema: Json, *, told: bool) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [self._plain({**schema, "type": one}, told=told) for one in kind]
            return " | ".join(dict.fromkeys(kinds))
        if kind == "array":
            item = self.type_of(schema["items"], told=told) if "items" in schema else "Any"
            return f"tuple[{item}, ...]" if told else f"Sequence[{item}]"
        if kind == "object":
            value = schema.get("additionalProperties", True)
            item = self.type_of(value, told=told) if isinstance(value, dict) else "Any"
            return f"dict[str, {item}]" if told else f"Mapping[str, {item}]"
        if kind == "string":
            form = _FORMATS.get(schema.get("format", ""), "str")
            return form if told or form != "UUID" else "UUID | str"
        if kind in _SCALARS:
            return _SCALARS[kind]
        if kind is None and not (set(schema) - {"title", "description", "default", "examples"}):
            return "Any"
        raise SystemExit(f"This schema has no type in Python: {schema}")


def bodies(source: Source) -> str:
    """The module of what is answered."""
    lines = [
        _HEAD.format(about="What the server answers, each object with its fields."),
        "from __future__ import annotations\n",
        "from collections.abc import Mapping",
        "from datetime import datetime",
        "from decimal import Decimal",
        "from typing import Any, ClassVar, Literal",
        "from uuid import UUID\n",
        "from deskmind.client._body import Body\n",
        f"__all__ = {sorted(map(_class_name, source.told))!r}\n",
    ]
    for name in sorted(source.told, key=_class_name):
        lines += _body(source, name)
    return "\n".join(lines)


def _body(source: Source, name: str) -> list[str]:
    schema = source.schemas[name]
    fields = schema.get("properties", {})
    lines = [f"\nclass {_class_name(name)}(Body):", *_documented(schema.get("description", name), 4), ""]
    defaults = {
        field: one.get("default")
        for field, one in fields.items()
        if field not in schema.get("required", ()) and not isinstance(one.get("default"), (list, dict))
    }
    if defaults:
        lines += [f"    _defaults: ClassVar[Mapping[str, Any]] = {defaults!r}"]
    renamed = {_identifier(field): field for field in fields if _identifier(field) != field}
    if renamed:
        lines += [f"    _renamed: ClassVar[Mapping[str, str]] = {renamed!r}"]
    for field, one in fields.items():
        lines.append(f"    {_identifier(field)}: {source.type_of(one, told=True)}")
        if one.get("description"):
            lines += _documented(one["description"], 4)
    return lines


def given(source: Source) -> str:
    """The module of objects within requests."""
    lines = [
        _HEAD.format(about="Objects within requests: dictionaries with these keys."),
        "from __future__ import annotations\n",
        "from collections.abc import Mapping, Sequence",
        "from datetime import datetime",
        "from decimal import Decimal",
        "from typing import Any, Literal, NotRequired, TypedDict",
        "from uuid import UUID\n",
        f"__all__ = {sorted(map(_class_name, source.asked))!r}\n",
    ]
    for name in sorted(source.asked, key=_class_name):
        lines += _dictionary(source, name)
    return "\n".join(lines)


def _dictionary(source: Source, name: str) -> Iterator[str]:
    schema, named = source.schemas[name], _class_name(name)
    about = _documented(schema.get("description", name), 4)
    kinds = {
        field: _needed(
            source.type_of(one, told=False).replace("given.", ""), needed=field in schema.get("required", ())
        )
        for field, one in schema.get("properties", {}).items()
    }
    if any(map(keyword.iskeyword, kinds)):  # which a class cannot have as a name
        fields = ", ".join(f"{field!r}: {kind!r}" for field, kind in kinds.items())
        yield f"\n{named} = TypedDict({named!r}, {{{fields}}})"
        yield from (line.removeprefix("    ") for line in about)
        return
    yield f"\nclass {named}(TypedDict):"
    yield from about
    yield ""
    yield from (f"    {field}: {kind}" for field, kind in kinds.items())


def _needed(kind: str, *, needed: bool) -> str:
    return kind if needed else f"NotRequired[{kind}]"


def resources(operations: list[Operation]) -> str:
    """The module of the asynchronous resources."""
    lines = [
        _HEAD.format(about="The operations of the HTTP API, by their resources."),
        "from __future__ import annotations\n",
        "from collections.abc import AsyncIterator, Mapping, Sequence",
        "from datetime import datetime",
        "from decimal import Decimal",
        "from typing import Any, Literal",
        "from uuid import UUID\n",
        "from deskmind.client._call import Call, given as sent, part",
        "from deskmind.client._events import Event",
        "from deskmind.client._paging import every",
        "from deskmind.client._sender import Sender",
        "from deskmind.client._streams import told",
        "from deskmind.client._uploads import Content, File, Upload",
        "from deskmind.client.made import bodies, given\n",
        '__all__ = ["OPERATIONS", "AsyncResources"]\n',
        "OPERATIONS: Mapping[str, str] = {",
        *(f"    {one.id!r}: {'.'.join(filter(None, (one.resource, one.name)))!r}," for one in operations),
        "}",
        '"""The method of each operation of the OpenAPI document."""\n',
    ]
    for resource in _resources_of(operations):
        lines += [f"\nclass Async{_camel(resource)}:", f'    """``client.{resource}``."""\n']
        lines += ["    def __init__(self, sender: Sender) -> None:", "        self._sender = sender\n"]
        for one in operations:
            if one.resource == resource:
                lines += _methods(one)
    lines += ["\nclass AsyncResources:", '    """All resources of a service."""\n']
    lines += ["    def __init__(self, sender: Sender) -> None:", "        self._sender = sender"]
    for resource in _resources_of(operations):
        lines.append(f"        self.{resource} = Async{_camel(resource)}(sender)")
    for one in operations:
        if not one.resource:
            lines += ["", *_methods(one)]
    return "\n".join(lines)


def waiting(operations: list[Operation]) -> str:
    """The module of the resources for code that waits."""
    lines = [
        _HEAD.format(about="The same resources for code that waits."),
        "from __future__ import annotations\n",
        "from deskmind.client.made import resources",
        "from deskmind.waiting import Blocking, Iterating, Loop, Part\n",
        '__all__ = ["Resources"]\n',
    ]
    for resource in _resources_of(operations):
        kind = f"resources.Async{_camel(resource)}"
        lines += [f"\nclass {_camel(resource)}(Part[{kind}]):", f'    """``client.{resource}``."""\n']
        lines += [line for one in operations if one.resource == resource for line in _waits(one, kind)]
    kind = "resources.AsyncResources"
    lines += [f"\nclass Resources(Part[{kind}]):", '    """All resources of a service."""\n']
    lines += [line for one in operations if not one.resource for line in _waits(one, kind)]
    lines += [
        f"\n    def __init__(self, part: {kind}, loop: Loop) -> None:",
        "        super().__init__(part, loop)",
    ]
    for resource in _resources_of(operations):
        lines.append(f"        self.{resource} = {_camel(resource)}(part.{resource}, loop)")
    return "\n".join(lines)


def _waits(one: Operation, kind: str) -> Iterator[str]:
    for name, iterates in _names(one):
        ahead = f", ahead={_EVENTS_AHEAD}" if one.events is not None and name == _stream_name(one) else ""
        yield f"    {name} = {'Iterating' if iterates else 'Blocking'}({kind}.{name}{ahead})"


def _names(one: Operation) -> Iterator[tuple[str, bool]]:
    """Of the methods of an operation, and whether they give what comes one after the other."""
    if one.answer != "nothing" or one.events is None:
        yield one.name, False
    if one.items:
        yield _each_name(one), True
    if one.events is not None:
        yield _stream_name(one), True


def _methods(one: Operation) -> Iterator[str]:
    if one.answer != "nothing" or one.events is None:
        yield from _asking(one)
    if one.items:
        yield from _all_pages(one)
    if one.events is not None:
        yield from _streaming(one)


def _asking(one: Operation) -> Iterator[str]:
    kinds = {"nothing": "None", "bytes": "bytes", "text": "str", "json": "Any"}
    kind = kinds.get(one.answer, f"bodies.{one.answer}")
    yield f"    async def {one.name}({_signature(one.parameters)}) -> {kind}:"
    yield from _told_about(one, one.summary, one.parameters)
    yield f"        call = {_call(one)}"
    if kind == "None":
        yield "        await self._sender.nothing(call)"
    elif one.answer in kinds:
        yield f"        return await self._sender.{ {'bytes': 'content'}.get(one.answer, one.answer) }(call)"
    else:
        told = "*await self._sender.tagged(call)" if one.tagged else "await self._sender.json(call)"
        yield f"        return {kind}({told})"
    yield ""


def _all_pages(one: Operation) -> Iterator[str]:
    assert one.items is not None
    field, item = one.items
    passed = [item for item in one.parameters if item.wire != one.cursor]
    kind = f"bodies.{item}" if item[0].isupper() and item != "UUID" else item
    yield f"    def {_each_name(one)}({_signature(tuple(passed))}) -> AsyncIterator[{kind}]:"
    yield from _told_about(one, f"{one.summary}: all of them, page by page", tuple(passed))
    given = ", ".join(f"{name.name}={name.name}" for name in (*passed,) if name.place != "path")
    places = ", ".join(name.name for name in passed if name.place == "path")
    arguments = ", ".join(filter(None, (places, given, f"{_identifier(one.cursor)}=cursor")))
    yield f"        return every(lambda cursor: self.{one.name}({arguments}), lambda page: page.{field})"
    yield ""


def _streaming(one: Operation) -> Iterator[str]:
    kinds = {name: _event_type(schema) for name, schema in (one.events or {}).items()}
    types = " | ".join(dict.fromkeys(kinds.values()))
    name = _stream_name(one)
    yield f"    def {name}({_signature(one.parameters)}) -> AsyncIterator[Event[{types}]]:"
    yield from _told_about(one, f"{one.summary}: as events {', '.join(kinds)}", one.parameters)
    yield f"        call = {_call(one, stream=True)}"
    known = ", ".join(f"{kind!r}: {type_}" for kind, type_ in kinds.items())
    yield f"        return told(self._sender.events(call, until={one.last_event!r}), {{{known}}})"
    yield ""


def _event_type(schema: Json) -> str:
    return f"bodies.{_class_name(schema['$ref'].rpartition('/')[2] if '$ref' in schema else schema['title'])}"


def _signature(parameters: tuple[Parameter, ...]) -> str:
    first = [f"{one.name}: {one.type}" for one in parameters if one.needed]
    rest = [f"{one.name}: {_or_none(one.type)} = None" for one in parameters if not one.needed]
    return ", ".join(["self", *first, *(["*", *rest] if rest else [])])


def _or_none(kind: str) -> str:
    return kind if kind == "Any" or "None" in kind.split(" | ") else f"{kind} | None"


def _part(path: str, name: str) -> str:
    return f"part({_identifier(name)}{', slashes=True' if (path, name) in WITH_SLASHES else ''})"


def _call(one: Operation, *, stream: bool = False) -> str:
    path = re.sub(r"{(\w+)}", lambda found: f"{{{_part(one.path, found[1])}}}", one.path)
    words = [repr(one.method), f'f"{path}"' if "{" in path else repr(path)]
    query = [item for item in one.parameters if item.place == "query"]
    if query:
        words.append(f"query={{{', '.join(f'{item.wire!r}: {item.name}' for item in query)}}}")
    body = [item for item in one.parameters if item.place == "body"]
    if body:
        needed = ", ".join(f"{item.wire!r}: {item.name}" for item in body if item.needed)
        rest = ", ".join(f"{item.wire!r}: {item.name}" for item in body if not item.needed)
        optional = f"**sent({{{rest}}})" if rest else ""
        words.append(f"body={{{', '.join(filter(None, (needed, optional)))}}}")
    if any(item.place == "upload" for item in one.parameters):
        words.append("upload=Upload(file)")
    if any(item.place == "content" for item in one.parameters):
        words.append("upload=None if content is None else Content(content)")
    if one.id in READS:
        words.append("reads=True")
    if any(item.place == "header" for item in one.parameters):
        words.append("if_match=if_match")
    if stream and one.resumes:
        words.append("resumes=True")
    if one.also:
        words.append(f"also={one.also!r}")
    return f"Call({', '.join(words)})"


def _told_about(one: Operation, text: str, parameters: tuple[Parameter, ...]) -> Iterator[str]:
    lines = _documented(f"{text} (``{one.method} {one.path}``).", 8)
    described = [item for item in parameters if item.about]
    if not described:
        yield from lines
        return
    yield from (line.removesuffix('"""') for line in lines)
    yield "\n        Args:"
    for item in described:
        text = f"{item.name}: {_plain_text(item.about)}"
        yield fill(text, 108, initial_indent=" " * 12, subsequent_indent=" " * 16)
    yield '        """'


def _documented(text: str, indent: int) -> list[str]:
    """As a docstring: the first paragraph."""
    space = " " * indent
    first = _plain_text(text.split("\n\n", maxsplit=1)[0])
    return fill(f'{space}"""{first}"""', 108, subsequent_indent=space).split("\n")


def _plain_text(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', "'").split())


def _resources_of(operations: list[Operation]) -> list[str]:
    return sorted({one.resource for one in operations if one.resource})


def _method_name(operation: str, resource: str) -> str:
    """``listAgentRuns`` of ``agents`` is ``list_runs``: a word that says the resource again is left out."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", operation)]
    kept = [word for word in words[1:] if not resource or _singular(word) != _singular(resource)]
    name = "_".join([words[0], *kept])
    return f"{name}_" if keyword.iskeyword(name) else name


def _each_name(one: Operation) -> str:
    return "each" if one.name == "list" else re.sub("^(list|search)_", "each_", one.name)


def _stream_name(one: Operation) -> str:
    return one.name if one.answer == "nothing" else f"{one.name}_stream"


def _singular(word: str) -> str:
    return re.sub(r"(?<=[^aeiou])ies$", "y", word).removesuffix("s")


def _identifier(name: str) -> str:
    plain = re.sub(r"\W", "_", name).lstrip("_") or "value"
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in re.split(r"[_-]", name))


def _class_name(schema: str) -> str:
    """``deskmind__api__workflows__StartRequest`` is ``WorkflowsStartRequest``."""
    *module, name = schema.split("__")
    return f"{_camel(module[-1])}{name}" if module else name


def written() -> dict[str, str]:
    """The modules as they are to be, by their names."""
    from deskmind.api import create_app

    source = Source(create_app().openapi())
    operations = source.operations()
    for one in operations:
        for schema in (one.events or {}).values():
            if "$ref" not in schema:
                source.schemas[schema["title"]] = schema
                source.told.add(schema["title"])
            else:
                source.named(schema, told=True)
    made = {
        "__init__.py": '"""Written by scripts/client_code.py from the OpenAPI document; changes made here are lost."""\n',
        "bodies.py": bodies(source),
        "given.py": given(source),
        "resources.py": resources(operations),
        "waiting.py": waiting(operations),
    }
    return {name: _formatted(name, text) for name, text in made.items()}


def _formatted(name: str, text: str) -> str:
    """As `make lint` wants it; imports that a module has no use for go."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    for words in (["check", "--fix", "--quiet", "--select", "F401,I"], ["format"]):
        text = subprocess.run(
            [ruff, *words, "--stdin-filename", str(FOLDER / name), "-"],
            input=text, text=True, stdout=subprocess.PIPE, check=True,
        ).stdout  # fmt: skip
    return text


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{FOLDER}\n")
