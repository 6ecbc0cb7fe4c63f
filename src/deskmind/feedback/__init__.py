"""What users think of their answers, and what that says of quality.

``Feedback`` (``desk.feedback``) takes a rating of an answer by its request id, from its asker alone. ``Quality``
(``desk.quality``) counts ratings and answers that were not found, by document, prompt, experiment, group, mode or day.
"""

from deskmind.feedback.quality import Quality, QualityGrouping, QualityRow
from deskmind.feedback.service import REASONS, Feedback, FeedbackEntry, FeedbackRoom, Rating, Reason

__all__ = [
    "REASONS",
    "Feedback",
    "FeedbackEntry",
    "FeedbackRoom",
    "Quality",
    "QualityGrouping",
    "QualityRow",
    "Rating",
    "Reason",
]
