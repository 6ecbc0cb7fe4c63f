"""Work in the background as a tenant's operators see it: what waits, runs or was given up, how far it is, and cancelling it."""

from deskmind.backlog.job import Job, JobState, Progress, Subject
from deskmind.backlog.service import Jobs

__all__ = ["Job", "JobState", "Jobs", "Progress", "Subject"]
