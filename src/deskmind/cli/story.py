"""An explanation for people: sections, tables, and timings as bars."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

from deskmind.cli.output import print_table, say
from deskmind.explain import Explanation, ModelCall, StoryPart
from deskmind.observability.story import ToldStep

__all__ = ["print_explanation", "waterfall"]

_BAR = 32
_NARROWEST = 20


def print_explanation(found: Explanation) -> None:
    """Everything on standard output."""
    say(f"Request {found.request_id} · tenant {found.tenant}")
    for part in found.parts:
        say("")
        _print_part(part)
    _print_calls(found)


def _print_part(part: StoryPart) -> None:
    outcome = part.outcome if not part.error else f"{part.outcome}: {part.error}"
    say(
        f"{part.operation} ({part.kind}) · {outcome} · {part.seconds * 1000:.1f} ms · {part.began_at:%Y-%m-%d %H:%M:%S %Z}"
    )
    groups = ", ".join(part.groups) or "no group"
    say(f"  scope     {part.principal} ({part.role}), {groups}")
    for label, text in _facts(part):
        say(f"  {label:<9} {text}")
    if part.passages:
        say("")
        _print_passages(part)
    say("")
    for line in waterfall(part.steps, part.seconds):
        say(line)
    if part.dropped:
        say(f"  … and {part.dropped} more steps or facts than a story holds")


def _facts(part: StoryPart) -> Iterator[tuple[str, str]]:
    if part.http:
        yield "http", "{method} {route} → {status}".format_map({"route": "", **part.http})
    if part.question:
        yield "question", part.question
    for prompt in part.prompts:
        trial = f" for {prompt.experiment}/{prompt.variant}" if prompt.variant else ""
        yield "prompt", f"{prompt.name} version {prompt.version}{trial}"
    if part.candidates:
        seen = part.candidates
        yield (
            "retrieval",
            f"{seen.get('found', 0)} candidates ({seen.get('dense', 0)} by meaning, {seen.get('lexical', 0)} by words),"
            f" {seen.get('ranked', 0)} ranked, {part.limit} kept",
        )
    if (answer := part.answer) is not None:
        said = "found" if answer.found else "not found"
        model = f" by {answer.model}" if answer.model else ""
        threshold = "" if answer.threshold is None else f", threshold {answer.threshold:.3f}"
        yield "answer", f"{said}, {answer.mode}{model}, confidence {answer.confidence or 0:.3f}{threshold}"
    for cache in part.caches:
        yield "cache", f"{cache.cache}: {cache.outcome}{f' ({cache.why})' if cache.why else ''}"
    if part.redactions:
        yield "redacted", ", ".join(f"{count} {kind}" for kind, count in part.redactions.items())
    for job in part.jobs:
        yield "job", f"{job.get('task', '')} queued on {job.get('queue', '')}"


def _print_passages(part: StoryPart) -> None:
    print_table(
        ("#", "fate", "dense", "lexical", "fused", "rerank", "document", "section", "why"),
        [
            (
                passage.rank,
                passage.fate,
                _score(passage.dense),
                _score(passage.lexical),
                _score(passage.fused),
                _score(passage.rerank),
                passage.title or f"({passage.document_id})",
                passage.section or f"section {passage.ordinal + 1}",
                passage.why,
            )
            for passage in part.passages
        ],
        empty="",
    )


def _print_calls(found: Explanation) -> None:
    if not found.calls:
        return
    say("")
    print_table(
        ("model", "deployment", "outcome", "tries", "seconds", "in", "out", "cost $"),
        [
            (
                call.model,
                call.deployment or "none",
                call.error or call.outcome,
                _tries(call),
                f"{call.seconds:.3f}",
                call.input_tokens,
                call.output_tokens,
                "unknown" if call.cost is None else f"{call.cost:f}",
            )
            for call in found.calls
        ],
        empty="",
    )
    read, written = found.tokens
    unpriced = f", {found.unpriced} without a known price" if found.unpriced else ""
    say(f"{len(found.calls)} model calls, {read} tokens in, {written} out, ${found.cost:f}{unpriced}")


def _tries(call: ModelCall) -> str:
    if not call.tries:
        return str(call.attempts)
    return ", ".join(f"{item.deployment} {item.outcome} {item.seconds:.3f}s" for item in call.tries)


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


def waterfall(steps: Sequence[ToldStep], seconds: float) -> Iterator[str]:
    """One line a step: its name by depth, a bar that stands where the step stood in time, its milliseconds."""
    depths: list[int] = []
    for step in steps:
        depths.append(0 if step.parent is None else depths[step.parent] + 1)
    longest = max((2 * depth + len(step.name) for depth, step in zip(depths, steps, strict=True)), default=0)
    width = min(longest, max(_NARROWEST, shutil.get_terminal_size().columns - _BAR - 24))
    if not sys.stdout.isatty():
        width = longest  # who reads a pipe or a file wants whole names
    block = "█" if _speaks_unicode() else "#"
    for depth, step in zip(depths, steps, strict=True):
        name = ("  " * depth + step.name)[:width]
        error = f"  {step.error}" if step.error else ""
        yield f"  {name:<{width}} |{_bar(step, seconds, block)}| {step.seconds * 1000:9.2f} ms{error}"


def _bar(step: ToldStep, seconds: float, block: str) -> str:
    scale = _BAR / seconds if seconds > 0 else 0.0
    begin = min(int(step.begin * scale), _BAR - 1)
    length = max(1, min(round(step.seconds * scale), _BAR - begin))
    return " " * begin + block * length + " " * (_BAR - begin - length)


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
