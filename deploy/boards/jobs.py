"""Jobs and ingest: what waits, how long, and how fast knowledge is taken in."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, quantile, rate, series

_JOBS = "deskmind_jobs_duration_seconds"
_INGEST = "deskmind_ingest_duration_seconds"

BOARD = Board(
    "jobs",
    "Deskmind: jobs and ingest",
    "What waits, how long, and how fast knowledge is taken in.",
    (
        Section(
            "Jobs",
            (
                Panel(
                    "Jobs by queue and state",
                    "`todo` waits, `doing` runs, `failed` was given up and needs a person.",
                    "none",
                    (
                        q(
                            f"max by (deskmind_queue, deskmind_state) ({series('deskmind_jobs_depth')})",
                            "{{deskmind_queue}} {{deskmind_state}}",
                        ),
                    ),
                    thresholds=((100, WARN), (1000, BAD)),
                ),
                Panel(
                    "Age of the oldest waiting job",
                    "Above some minutes there are too few workers, or none.",
                    "s",
                    (
                        q(
                            f"max by (deskmind_queue) ({series('deskmind_jobs_oldest_age_seconds')})",
                            "{{deskmind_queue}}",
                        ),
                    ),
                    thresholds=((60, WARN), (300, BAD)),
                ),
                Panel(
                    "Jobs by outcome",
                    "Jobs a second that ended, by task; those that failed are tried again first.",
                    "ops",
                    (
                        q(
                            rate(f"{_JOBS}_count", by="deskmind_task, deskmind_outcome"),
                            "{{deskmind_task}} {{deskmind_outcome}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Time of a job",
                    "95th percentile by task, from taking the job to its end.",
                    "s",
                    (q(quantile(0.95, _JOBS, by="deskmind_task"), "{{deskmind_task}}"),),
                    thresholds=((60, WARN), (900, BAD)),
                ),
            ),
        ),
        Section(
            "Ingest",
            (
                Panel(
                    "Files by outcome",
                    "Files a second. What failed is named by the ingest's report and by the log.",
                    "none",
                    (q(rate("deskmind_ingest_files_total", by="deskmind_outcome"), "{{deskmind_outcome}}"),),
                    stacked=True,
                ),
                Panel(
                    "Chunks",
                    "Stored a second: the speed of ingest.",
                    "none",
                    (q(rate("deskmind_ingest_chunks_total"), "chunks"),),
                ),
                Panel(
                    "95th percentile of a batch by stage",
                    "Loading, embedding, storing. Embedding is bound by the processor.",
                    "s",
                    (q(quantile(0.95, _INGEST, by="deskmind_stage"), "{{deskmind_stage}}"),),
                    thresholds=((60, WARN), (300, BAD)),
                ),
                Panel(
                    "Files that wait",
                    "At most so many whose jobs are not done.",
                    "none",
                    (q(f"max({series('deskmind_ingest_pending')})", "files"),),
                    thresholds=((1000, WARN), (10000, BAD)),
                ),
            ),
        ),
        Section(
            "Webhooks",
            (
                Panel(
                    "Attempts by outcome",
                    "Attempts a second to deliver an event. Refused: the receiver does not want it; unavailable, timeout and"
                    " unreachable: it is down; forbidden: nothing was sent there.",
                    "ops",
                    (
                        q(
                            rate("deskmind_webhooks_attempts_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="nobody is told of anything",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Time of an attempt",
                    "95th percentile by outcome.",
                    "s",
                    (
                        q(
                            quantile(0.95, "deskmind_webhooks_duration_seconds", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="nobody is told of anything",
                        ),
                    ),
                ),
                Panel(
                    "Deliveries that wait and dead letters",
                    "Dead letters were given up and can be replayed: `deskmind webhooks replay --since`.",
                    "none",
                    (
                        q(
                            f"max by (deskmind_state) ({series('deskmind_webhooks_deliveries')})",
                            "{{deskmind_state}}",
                        ),
                    ),
                    thresholds=((1000, WARN), (10000, BAD)),
                ),
                Panel(
                    "Longest wait of what is due",
                    "Of targets that nothing holds back. Above some minutes there are too few workers, or none.",
                    "s",
                    (q(f"max({series('deskmind_webhooks_waiting_seconds')})", "waits"),),
                    thresholds=((60, WARN), (600, BAD)),
                ),
                Panel(
                    "Webhooks by how they do",
                    "Failing: something was not taken since the last success. Given up: disabled because nothing was taken for"
                    " days.",
                    "none",
                    (
                        q(
                            f"max by (deskmind_state) ({series('deskmind_webhooks_count')})",
                            "{{deskmind_state}}",
                        ),
                    ),
                    stacked=True,
                ),
            ),
        ),
    ),
)
