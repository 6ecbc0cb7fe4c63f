"""Triage without a language model: category, priority, assignment group, by what people chose for tickets of the past.

``learn`` makes a ``TriageModel`` from ``TrainingTicket``s (extra ``triage``); ``TriageModel.predict`` needs numpy alone
and says a label, a calibrated confidence, why, and whether to abstain. ``evaluate`` judges on held-out tickets.
``find_duplicates`` and ``find_clusters`` compare tickets with each other. ``desk.triage`` is all of it for a tenant:
``Triage``. Importing this package loads no scikit-learn.
"""

from deskmind.triage.archive import digest, dump, load
from deskmind.triage.clusters import Cluster, find_clusters
from deskmind.triage.csv_files import Table, read_table, write_predictions
from deskmind.triage.duplicates import DuplicateGroup, find_duplicates
from deskmind.triage.embedding import embedded, predicted, vectors_for
from deskmind.triage.evaluating import Judged, evaluate, judge, judged
from deskmind.triage.folder import read_model, write_model
from deskmind.triage.learning import THRESHOLD, learn
from deskmind.triage.meaning import Embedded
from deskmind.triage.measures import ClassMeasure, Evaluation
from deskmind.triage.model import Provenance, TriageModel
from deskmind.triage.predictions import Guess, Neighbour, Prediction, Term
from deskmind.triage.similar import find_similar
from deskmind.triage.tickets import TrainingTicket

__all__ = [
    "THRESHOLD",
    "ClassMeasure",
    "Cluster",
    "DuplicateGroup",
    "Embedded",
    "Evaluation",
    "Guess",
    "Judged",
    "Neighbour",
    "Prediction",
    "Provenance",
    "Table",
    "Term",
    "TrainingTicket",
    "TriageModel",
    "digest",
    "dump",
    "embedded",
    "evaluate",
    "find_clusters",
    "find_duplicates",
    "find_similar",
    "judge",
    "judged",
    "learn",
    "load",
    "predicted",
    "read_model",
    "read_table",
    "vectors_for",
    "write_model",
    "write_predictions",
]
