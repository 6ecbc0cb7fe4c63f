"""What happened in request X, from our own tables.

``StoryWriter`` takes the stories that ``deskmind.observability.story`` records and writes them in batches, after the
response; ``Requests`` (``desk.requests``) reads them back as an ``Explanation``: scope, prompts, passages with their
scores and fate, cache decisions, model calls from the ledger, cost, redactions, jobs and timings. A user explains its
own requests, an operator all of its tenant.
"""

from deskmind.explain.explanation import Explanation, ModelCall, PassageFate, StoryPart
from deskmind.explain.service import RequestRoom, Requests, RequestSummary
from deskmind.explain.writer import StoryWriter

__all__ = [
    "Explanation",
    "ModelCall",
    "PassageFate",
    "RequestRoom",
    "RequestSummary",
    "Requests",
    "StoryPart",
    "StoryWriter",
]
