"""A model as judge of an answer: asked by a fixed prompt, through the gateway, its verdict read strictly.

What is judged may have been written by somebody who wants a good mark. It reaches the judge escaped and between marks that it
cannot write, in a message of its own, after the rubric; nothing but one JSON object of the form counts as a verdict, and none that
the judged text itself holds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deskmind.errors import DeskmindError
from deskmind.evaluation.agents.cases import Judge

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["Judged", "judged"]

_PROMPT = "judge"
_MOST_REPLY_TOKENS = 400
_MOST_REASON = 1000


class _Verdict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    score: float = Field(ge=0, le=1, allow_inf_nan=False)
    reason: str = Field(min_length=1, max_length=_MOST_REASON)


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}, "reason": {"type": "string"}},
    "required": ["score", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge said.

    Attributes:
        model: the configured name.
        threshold: the least score that passes, 0 to 1.
        score: 0 to 1; None where there is no verdict.
        reason: in the judge's words, or why there is no verdict.
        skipped: the model is not configured, so that nobody was asked.
        usd: what it cost.
    """

    model: str
    threshold: float
    score: float | None
    reason: str
    skipped: bool = False
    usd: Decimal = Decimal(0)

    @property
    def failure(self) -> str | None:
        """Why the case fails by it; a judge that was skipped fails nothing."""
        if self.skipped or (self.score is not None and self.score >= self.threshold):
            return None
        if self.score is None:
            return f"the judge {self.model} gave no verdict: {self.reason}"
        return f"the judge {self.model} gave {self.score:g}, not {self.threshold:g}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            **asdict(self),
            "usd": str(self.usd),
            "passed": None if self.skipped else self.failure is None,
        }


async def judged(desk: Desk, wanted: Judge, *, task: str, answer: str, configured: bool) -> Judged:
    """Have an answer judged.

    Args:
        desk: who asks: an operator of the tenant of the evaluation.
        wanted: the rubric, the model and the threshold.
        task: what was asked.
        answer: what is judged.
        configured: whether the installation has the model.
    """
    if not configured:
        reason = f"skipped: no model '{wanted.model}' is configured"
        return Judged(wanted.model, wanted.threshold, None, reason, skipped=True)
    given = {"rubric": wanted.rubric, "task": task, "answer": answer}
    try:
        messages = await desk.prompts.render(_PROMPT, given, version=0)
        reply = await desk.models.chat(
            wanted.model,
            [{"role": one.role, "content": one.content} for one in messages],
            max_tokens=_MOST_REPLY_TOKENS,
            feature="judge",
            cached=False,
            temperature=0,
            response_format={"type": "json_schema", "json_schema": {"name": "verdict", "schema": _SCHEMA}},
        )
    except DeskmindError as error:
        return Judged(wanted.model, wanted.threshold, None, f"{error.code}: {error.what}")
    score, reason = _read(reply.text, answer)
    return Judged(wanted.model, wanted.threshold, score, reason, usd=reply.cost or Decimal(0))


def _read(said: str, answer: str) -> tuple[float | None, str]:
    """Score and reason; no score where the reply is no verdict, or one that was there to be copied."""
    try:
        verdict = _Verdict.model_validate_json(said)
    except ValidationError:
        return None, "its reply is not of the form"
    if _bare(said) in _bare(answer):
        return None, "its reply stands in the text that it judges"
    return verdict.score, verdict.reason


def _bare(text: str) -> str:
    return "".join(text.split())
