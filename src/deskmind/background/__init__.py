"""Work in the background as a tenant's operators see it: what waits, runs or was given up, how far it is, and cancelling it."""

from deskmind.background.job import Job, JobState, Progress, Subject
from deskmind.background.service import Jobs

__all__ = ["Job", "JobState", "Jobs", "Progress", "Subject"]
