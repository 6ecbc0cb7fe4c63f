"""Knowledge and retrieval: is something found, is it answered, how long does each stage take, what do people think."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, quantile, rate, series

_ANSWERS = "deskmind_answers_total"
_NOT_FOUND = 'deskmind_outcome="not_found"'
_STAGES = "deskmind_retrieval_duration_seconds"
_RESULTS = "deskmind_retrieval_results"

BOARD = Board(
    "knowledge",
    "Deskmind: knowledge and retrieval",
    "Whether questions find something, how they are answered, and how long each stage takes.",
    (
        Section(
            "Answers",
            (
                Panel(
                    "Questions by outcome",
                    "Answered, and declined because nothing that the person may see answers it.",
                    "reqps",
                    (q(rate(_ANSWERS, by="deskmind_outcome"), "{{deskmind_outcome}}"),),
                    stacked=True,
                ),
                Panel(
                    "Share not found",
                    "A share that rises is knowledge that is missing, hidden from the askers, or not taken in.",
                    "percentunit",
                    (q(f"({rate(_ANSWERS, _NOT_FOUND)} or vector(0)) / {rate(_ANSWERS)}", "not found"),),
                    thresholds=((0.3, WARN), (0.5, BAD)),
                    most=1,
                ),
                Panel(
                    "Answers by mode",
                    "Sentences from documents, worded by a model, or remembered from a paraphrase (which costs nothing).",
                    "reqps",
                    (q(rate(_ANSWERS, by="deskmind_mode"), "{{deskmind_mode}}"),),
                    stacked=True,
                ),
                Panel(
                    "Time to an answer",
                    "95th percentile by mode, retrieval included.",
                    "s",
                    (
                        q(
                            quantile(0.95, "deskmind_answer_duration_seconds", by="deskmind_mode"),
                            "{{deskmind_mode}}",
                        ),
                    ),
                    thresholds=((2.5, WARN), (10, BAD)),
                ),
                Panel(
                    "Feedback",
                    "Ratings a second, up and down.",
                    "none",
                    (
                        q(
                            rate("deskmind_feedback_total", by="deskmind_rating"),
                            "{{deskmind_rating}}",
                            empty="nobody has rated an answer",
                        ),
                    ),
                ),
                Panel(
                    "Share of ratings that are bad",
                    "Over the last day. Read the corrections of some before changing anything.",
                    "percentunit",
                    (
                        q(
                            'sum(increase(deskmind_feedback_total{instance=~"$instance",deskmind_rating="down"}[1d]))'
                            ' / sum(increase(deskmind_feedback_total{instance=~"$instance"}[1d]))',
                            "down",
                            empty="nobody has rated an answer badly",
                        ),
                    ),
                    "stat",
                    ((0.2, WARN), (0.4, BAD)),
                    most=1,
                ),
            ),
        ),
        Section(
            "Triage",
            (
                Panel(
                    "Tickets by outcome",
                    "A second. Abstained: one target at least is left to a person; a share that rises says to train anew.",
                    "ops",
                    (
                        q(
                            rate("deskmind_triage_predictions_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no ticket was predicted",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Time of a call",
                    "95th percentile by kind of work.",
                    "s",
                    (
                        q(
                            quantile(0.95, "deskmind_triage_duration_seconds", by="deskmind_stage"),
                            "{{deskmind_stage}}",
                            empty="no ticket was predicted",
                        ),
                    ),
                    width=12,
                ),
            ),
        ),
        Section(
            "Agents",
            (
                Panel(
                    "Runs by outcome",
                    "A second. Waiting: a person has to decide. Lost: another worker took the run over.",
                    "ops",
                    (
                        q(
                            rate("deskmind_agent_runs_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no agent has run",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Runs of workflows by outcome",
                    "A second. Failed: a step failed, and what was done was taken back where it can be.",
                    "ops",
                    (
                        q(
                            rate("deskmind_workflow_runs_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no workflow has run",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Steps of workflows by outcome",
                    "A second. Retried: after an error that may be over later. Undone: taken back after a failure.",
                    "ops",
                    (
                        q(
                            rate("deskmind_workflow_steps_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no workflow has run",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Runs that schedules and events began",
                    "A second. Failed: whoever made the schedule may not run it any more, or its input does not fit.",
                    "ops",
                    (
                        q(
                            rate("deskmind_workflow_starts_total", by="deskmind_event, deskmind_outcome"),
                            "{{deskmind_event}} {{deskmind_outcome}}",
                            empty="no schedule has begun a run",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Calls of tools by outcome",
                    "A second. Unknown: whether a write was done has to be looked up by a person.",
                    "ops",
                    (
                        q(
                            rate("deskmind_agent_tool_calls_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no agent has called a tool",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Questions asked of memory",
                    "A second. Nothing: no memory was relevant, or none fitted the budget.",
                    "ops",
                    (
                        q(
                            rate("deskmind_memory_recalls_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no agent has asked its memory",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Memories by what became of them",
                    "A second. Refused: no rule lets the text be remembered.",
                    "ops",
                    (
                        q(
                            rate("deskmind_memory_changes_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="nothing was remembered",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
            ),
        ),
        Section(
            "Connected systems",
            (
                Panel(
                    "Records read by outcome",
                    "A second, of all connected systems. Failed: a record that could not be kept; its status names it.",
                    "ops",
                    (
                        q(
                            rate("deskmind_sync_records_total", by="deskmind_outcome"),
                            "{{deskmind_outcome}}",
                            empty="no system is connected",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Time of a run",
                    "95th percentile by vendor.",
                    "s",
                    (
                        q(
                            quantile(0.95, "deskmind_sync_duration_seconds", by="deskmind_vendor"),
                            "{{deskmind_vendor}}",
                            empty="no system is connected",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Lag",
                    "Since the last pass that missed nothing began, of the scheduled connection that is furthest behind. It"
                    " grows where a record cannot be read or a right is missing: `deskmind sync status` says which.",
                    "s",
                    (
                        q(
                            f"max by (deskmind_vendor) ({series('deskmind_sync_lag_seconds')})",
                            "{{deskmind_vendor}}",
                            empty="no system is read by a schedule",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Connections",
                    "By how they fare. Incomplete: something is missing; lagging: not read for four intervals and an hour;"
                    " failing: the last run failed.",
                    "none",
                    (
                        q(
                            f"max by (deskmind_vendor, deskmind_state) ({series('deskmind_sync_connections')})",
                            "{{deskmind_vendor}} {{deskmind_state}}",
                            empty="no system is connected",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
            ),
        ),
        Section(
            "Writes to connected systems",
            (
                Panel(
                    "Writes whose outcome is not known",
                    "By who looks for them, workers or a person, and by when they were sent: within the hour, the day, or before."
                    " `deskmind writes list --state uncertain` names them.",
                    "none",
                    (
                        q(
                            f"max by (deskmind_state, deskmind_age) ({series('deskmind_writes_unknown')})",
                            "{{deskmind_state}} {{deskmind_age}}",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Oldest write whose outcome is not known",
                    "Since it was sent; 0 where all are known. Workers look for two hours, then it is left to a person.",
                    "s",
                    (
                        q(
                            f"max by (deskmind_state) ({series('deskmind_writes_oldest_unknown_age_seconds')})",
                            "{{deskmind_state}}",
                        ),
                    ),
                    width=12,
                ),
            ),
        ),
        Section(
            "Remembered answers",
            (
                Panel(
                    "Looks for a remembered answer",
                    "A second, by result. A hit answers a paraphrase of an answered question without the model.",
                    "ops",
                    (
                        q(
                            rate("deskmind_answer_cache_lookups_total", by="deskmind_result"),
                            "{{deskmind_result}}",
                            empty="no model words answers",
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Spared by remembered answers",
                    "US dollars since the start that their models would have cost.",
                    "currencyUSD",
                    (
                        q(
                            f"sum({series('deskmind_answer_cache_saved_usd_total')})",
                            "US dollars",
                            empty="no answer was remembered",
                        ),
                    ),
                    "stat",
                    width=12,
                    decimals=4,
                ),
            ),
        ),
        Section(
            "Retrieval",
            (
                Panel(
                    "Searches",
                    "Retrievals a second, for searches and for questions.",
                    "reqps",
                    (q(rate(f"{_RESULTS}_count"), "retrievals"),),
                ),
                Panel(
                    "95th percentile by stage",
                    "Embedding the query, searching, ranking. The whole is less than the sum when stages overlap.",
                    "s",
                    (q(quantile(0.95, _STAGES, by="deskmind_stage"), "{{deskmind_stage}}"),),
                    thresholds=((0.25, WARN), (1, BAD)),
                ),
                Panel(
                    "Mean by stage",
                    "Where the time of a retrieval goes.",
                    "s",
                    (
                        q(
                            f"{rate(f'{_STAGES}_sum', by='deskmind_stage')} / {rate(f'{_STAGES}_count', by='deskmind_stage')}",
                            "{{deskmind_stage}}",
                        ),
                    ),
                ),
                Panel(
                    "Passages of a retrieval",
                    "Median and mean of the passages found.",
                    "none",
                    (
                        q(quantile(0.5, _RESULTS), "median"),
                        q(f"{rate(f'{_RESULTS}_sum')} / {rate(f'{_RESULTS}_count')}", "mean"),
                    ),
                ),
                Panel(
                    "Share of retrievals that find nothing",
                    "No passage at all: an empty tenant, or a person without access to anything.",
                    "percentunit",
                    (
                        q(
                            f"""{rate(f"{_RESULTS}_bucket", 'le="0.0"')} / {rate(f"{_RESULTS}_count")}""",
                            "nothing found",
                        ),
                    ),
                    thresholds=((0.05, WARN), (0.2, BAD)),
                    most=1,
                ),
                Panel(
                    "Asking and searching, refused or failed",
                    "Operations a second that did not end well, by outcome.",
                    "reqps",
                    (
                        q(
                            rate(
                                "deskmind_operation_duration_seconds_count",
                                'deskmind_operation=~"knowledge.*",deskmind_outcome!="ok"',
                                by="deskmind_operation, deskmind_outcome",
                            ),
                            "{{deskmind_operation}} {{deskmind_outcome}}",
                            empty="no question and no search was refused or failed",
                        ),
                    ),
                    thresholds=((0.01, WARN),),
                ),
            ),
        ),
    ),
)
