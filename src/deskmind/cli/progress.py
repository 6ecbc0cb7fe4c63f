"""A progress bar on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.knowledge.ingest import IngestReport

__all__ = ["ingest_progress"]


@contextmanager
def ingest_progress(*, enabled: bool = True) -> Generator[Callable[[IngestReport], None] | None]:
    """Shows files finished of all files on standard error."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("taking in", total=None)

        def show(report: IngestReport) -> None:
            bar.update(task, total=len(report.files), completed=len(report.files) - report.count("pending"))

        yield show
