"""Taking documents in: staged durably, processed by jobs, each document replaced as a whole."""

from deskmind.knowledge.ingest.pipeline import IngestPipeline, Progress
from deskmind.knowledge.ingest.report import FileReport, IngestReport, load_report
from deskmind.knowledge.ingest.staging import StagedFile, Stager

__all__ = ["FileReport", "IngestPipeline", "IngestReport", "Progress", "StagedFile", "Stager", "load_report"]
