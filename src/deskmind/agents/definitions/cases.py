"""Test cases of a stored agent: what the scripted model says, and what is expected of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from deskmind.errors import InvalidRequestError, PromptError
from deskmind.prompts.files import read_yaml

__all__ = ["Case", "CaseResult", "Expected", "Rehearsed", "Report", "ScriptedReply", "cases_from_file"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("it is not a number")  # noqa: TRY004 - of which pydantic makes its own
    return value


_Count = Annotated[int, BeforeValidator(_number)]


class ScriptedReply(_Part):
    """A reply of the model: a text, a call of a tool, or an output in the agent's form."""

    text: str = ""
    call: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")
    output: dict[str, Any] | None = None


class Expected(_Part):
    """What must hold; what is left out may be anything.

    Attributes:
        calls: the tools that were called and answered, in order.
        never: tools that may not be called.
        writes: by tool, the approval that each write would have needed: ``auto``, ``one``, ``two`` or ``never``.
        contains: texts that are in the output.
        output: the whole output.
        steps: at most so many replies.
        tainted: whether the run read others' text.
    """

    calls: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()
    writes: dict[str, str] | None = None
    contains: tuple[str, ...] = ()
    output: Any = None
    steps: _Count | None = None
    tainted: StrictBool | None = None


class Case(_Part):
    """One case.

    Attributes:
        name: of the case.
        prompt: what the user wants.
        untrusted: text of others with it.
        script: the model's replies, in order.
        results: what tools answer, by name; tools that read and are not named are really called, others never are.
        expect: see ``Expected``.
    """

    name: str
    prompt: str
    untrusted: str = ""
    script: tuple[ScriptedReply, ...]
    results: dict[str, str] = Field(default_factory=dict)
    expect: Expected = Expected()


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsed run did.

    Attributes:
        problem: code of the error that ended it; empty where it is done.
        output: what came out.
        calls: tools that were called, in order.
        writes: by tool, the strictest approval that its writes would have needed.
        steps: replies of the model.
        tainted: whether it read others' text.
    """

    problem: str = ""
    output: Any = None
    calls: tuple[str, ...] = ()
    writes: dict[str, str] = field(default_factory=dict[str, str])
    steps: int = 0
    tainted: bool = False


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case, and what was otherwise than expected."""

    name: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Report:
    """A version of an agent under its cases."""

    agent: str
    version: int
    results: tuple[CaseResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every case did."""
        return all(one.passed for one in self.results)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "agent": self.agent,
            "version": self.version,
            "passed": self.passed,
            "cases": [
                {"name": one.name, "passed": one.passed, "problems": list(one.problems)}
                for one in self.results
            ],
        }


def judged(case: Case, did: Rehearsed) -> CaseResult:
    """Compare what was done with what was expected."""
    want, problems = case.expect, list[str]()
    if did.problem:
        problems.append(f"the run ended with {did.problem}")
    if want.calls is not None and did.calls != want.calls:
        problems.append(f"it called {_listed(did.calls)}, not {_listed(want.calls)}")
    problems += [f"it called {name}" for name in want.never if name in did.calls]
    if want.writes is not None and did.writes != want.writes:
        problems.append(
            f"its writes and their approvals were {did.writes or 'none'}, not {want.writes or 'none'}"
        )
    problems += [f"the output lacks '{text}'" for text in want.contains if text not in str(did.output)]
    if want.output is not None and did.output != want.output:
        problems.append("the output is another one")
    if want.steps is not None and did.steps > want.steps:
        problems.append(f"it took {did.steps} replies, more than {want.steps}")
    if want.tainted is not None and did.tainted != want.tainted:
        problems.append("it read others' text" if did.tainted else "it read no text of others")
    return CaseResult(case.name, tuple(problems))


def cases_from_file(text: str, *, source: str = "the file") -> list[Case]:
    """The cases that a file of YAML or JSON lists.

    Raises:
        InvalidRequestError: it lists none, or one is not of the form.
    """
    try:
        listed = read_yaml(text, source=source)
        return cases_from_values(listed, source=source)
    except PromptError as error:
        raise InvalidRequestError(error.what, why=error.why, remedy=error.remedy) from None


def cases_from_values(listed: Any, *, source: str = "the cases") -> list[Case]:
    """The same from values of JSON."""
    if not isinstance(listed, list) or not listed:
        raise InvalidRequestError(f"{source} lists no cases.")
    try:
        return [Case.model_validate(one) for one in listed]  # pyright: ignore[reportUnknownVariableType]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRequestError(
            f"{source} has a case that is not of the form.", why=f"{where}: {first['msg']}."
        ) from None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "nothing"
