"""The language of templates: a small part of Jinja that can neither reach out nor blow up.

Allowed are output, ``if``, ``for`` (not recursive), ``set``, comparisons, arithmetic, ``range`` and the filters of
``_filters``. There are no calls, macros, includes, blocks or attributes of Python objects: ``a.b`` is the entry
``b`` of the object ``a``. Loops, operators and output draw on a budget per rendering.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from deskmind.prompts._budget import MAX_OUTPUT_CHARS, MAX_STEPS, counted, handled, searched
from deskmind.prompts._filters import FILTERS

__all__ = ["ENVIRONMENT", "MAX_NODES", "bounded", "inspect_tree", "nodes_of"]

MAX_NODES: Final = 5_000
"""Tags, operators and values of a prompt. Jinja takes half a second to compile so many, and with many branches that set
variables its time grows with the square."""

_ALLOWED: Final = frozenset(
    {
        *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.For),
        *(nodes.Assign, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
        *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Neg, nodes.Pos),
        *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
        *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
    }
)
_HINTS: Final[dict[type[nodes.Node], str]] = {
    nodes.Call: "calls are not allowed, except range(…); use a filter",
    nodes.Concat: "'~' is not allowed; write {{ a }}{{ b }}",
    nodes.Pow: "'**' is not allowed",
    nodes.Macro: "macros are not allowed",
    nodes.Include: "a template cannot include another",
    nodes.Extends: "a template cannot extend another",
    nodes.Import: "a template cannot import another",
    nodes.FromImport: "a template cannot import another",
}
_LOOP: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "previtem", "nextitem"}
)
_UNSUITABLE_TESTS: Final = ("callable", "filter", "test", "escaped")
_MAX_NESTED_LOOPS: Final = 4
_MAX_NUMBER: Final = 10**18
_NODES_A_STEP: Final = 50
_COUNTED: Final = " counted"  # no template can name these
_SEARCHED: Final = " searched"


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            cache_size=0,
            optimized=False,
            finalize=_written,
        )
        names, filters = cast("dict[str, Any]", self.globals), cast("dict[str, Any]", self.filters)
        names.clear()
        names["range"] = _range
        filters.clear()
        filters.update({**FILTERS, _COUNTED: counted, _SEARCHED: searched})
        for name in _UNSUITABLE_TESTS:
            del self.tests[name]

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)  # raises, and says what is undefined
        if isinstance(obj, (dict, list, str, tuple)):
            try:
                return cast("dict[Any, Any]", obj)[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(f"there is no '{argument}'" if _short(argument) else None, name=str(argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = _number(left) and _number(right)
        alike = type(left) is type(right) and isinstance(left, (str, list)) and operator == "+"
        if not numbers and not alike:
            raise SecurityError(
                f"'{operator}' takes numbers" + (", texts or lists" if operator == "+" else "")
            )
        if alike and len(cast("str", left)) + len(right) > MAX_OUTPUT_CHARS:
            raise SecurityError("the text or list gets too long")
        result = self.binop_table[operator](left, right)
        if numbers and abs(result) > _MAX_NUMBER:
            raise SecurityError("the number gets too large")
        return handled(result)


@pass_context
def _written(_context: object, value: Any) -> Any:
    """What is written out; as it asks for the context, Jinja computes nothing while it compiles, where no budget is."""
    return searched(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= _MAX_NUMBER


def _short(argument: Any) -> bool:
    return not isinstance(argument, str) or len(argument) < 100


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_STEPS:
        raise SecurityError(f"range makes at most {MAX_STEPS:,} numbers")
    return numbers


ENVIRONMENT: Final = _Environment()
"""The one environment; it holds no state of a rendering."""


def inspect_tree(tree: nodes.Template, declared: Iterable[str]) -> None:
    """See that a parsed template uses only what is allowed, and only declared variables.

    Raises:
        TemplateSyntaxError: it does not.
    """
    _inspect(tree, frozenset(declared), 0)


def nodes_of(tree: nodes.Template) -> int:
    """How many tags, operators, values and texts a template is made of."""
    return sum(1 for _ in tree.find_all(nodes.Node))


def bounded(tree: nodes.Template) -> nodes.Template:
    """The template with loops and comparisons drawing on the budget."""
    return cast("nodes.Template", _DrawOnBudget().visit(tree))


class _DrawOnBudget(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 (Jinja's names)
        steps = 1 + sum(1 for part in node.body for _ in part.find_all(nodes.Node)) // _NODES_A_STEP
        self.generic_visit(node)
        arguments: list[nodes.Expr] = [nodes.Const(steps)]
        node.iter = nodes.Filter(node.iter, _COUNTED, arguments, [], None, None, lineno=node.lineno)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _drawing(node.expr)
        for operand in node.ops:
            operand.expr = _drawing(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = nodes.Filter(
                node.node, "default", [nodes.Const(None)], [], None, None, lineno=node.lineno
            )
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if node.name not in {"defined", "undefined"}:
            node.node = _drawing(node.node)
            node.args = [_drawing(argument) for argument in node.args]
        return node


def _drawing(node: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(node, _SEARCHED, [], [], None, None, lineno=node.lineno)


def _inspect(node: nodes.Node, known: frozenset[str], loops: int) -> frozenset[str]:
    """Check a node; gives the names known after it."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "range":
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise TemplateSyntaxError("range takes numbers", node.lineno)
        return _all(node.args, known, loops)
    if type(node) not in _ALLOWED:
        raise TemplateSyntaxError(_hint(node), node.lineno)
    if isinstance(node, nodes.Name):
        return _name(node, known)
    if isinstance(node, nodes.Const) and isinstance(node.value, float) and not math.isfinite(node.value):
        raise TemplateSyntaxError("the number is too large", node.lineno)
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise TemplateSyntaxError(f"'.{node.attr}': names that begin with '_' are not allowed", node.lineno)
    if isinstance(node, nodes.Filter):
        _see_filter(node)
    if isinstance(node, nodes.For):
        return _inspect_loop(node, known, loops)
    if isinstance(node, nodes.Assign):
        return _all([node.node, node.target], known, loops)
    if isinstance(node, nodes.If):
        return _branches(node, known, loops)
    return _all(list(node.iter_child_nodes()), known, loops)


def _all(parts: Sequence[nodes.Node], known: frozenset[str], loops: int) -> frozenset[str]:
    for part in parts:
        known = _inspect(part, known, loops)
    return known


def _branches(node: nodes.If, known: frozenset[str], loops: int) -> frozenset[str]:
    known = _inspect(node.test, known, loops)
    after = [_all(branch, known, loops) for branch in (node.body, node.elif_, node.else_)]
    return known.union(*after)


def _inspect_loop(node: nodes.For, known: frozenset[str], loops: int) -> frozenset[str]:
    if node.recursive:
        raise TemplateSyntaxError("recursive loops are not allowed", node.lineno)
    if loops >= _MAX_NESTED_LOOPS:
        raise TemplateSyntaxError(f"loops nest at most {_MAX_NESTED_LOOPS} deep", node.lineno)
    _inspect(node.iter, known, loops)
    inside = _inspect(node.target, known, loops) | {"loop"}
    if node.test is not None:
        _inspect(node.test, inside, loops)
    _all(node.body, inside, loops + 1)
    _all(node.else_, known, loops)
    return known


def _name(node: nodes.Name, known: frozenset[str]) -> frozenset[str]:
    if node.name.startswith("_") or (node.ctx == "store" and node.name in {"loop", "range"}):
        raise TemplateSyntaxError(f"'{node.name}' cannot name a variable", node.lineno)
    if node.ctx == "store":
        return known | {node.name}
    if node.name not in known:
        raise TemplateSyntaxError(f"'{node.name}' is not declared among the variables", node.lineno)
    return known


def _see_filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        raise TemplateSyntaxError(
            f"there is no filter '{node.name}'; there are: {', '.join(sorted(FILTERS))}", node.lineno
        )
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise TemplateSyntaxError("'*' arguments are not allowed", node.lineno)


def _hint(node: nodes.Node) -> str:
    return _HINTS.get(type(node), f"'{type(node).__name__.lower()}' is not allowed in a prompt")
