"""Models and cost: what calls use, cost and take, and which deployments answer."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, quantile, rate, series

_CALLS = "gen_ai_client_operation_duration_seconds"
_FIRST = "gen_ai_client_operation_time_to_first_chunk_seconds"
_TOKENS = "gen_ai_client_token_usage"
_COST = "deskmind_cost_usd_total"
_MODEL = "gen_ai_request_model"

BOARD = Board(
    "models",
    "Deskmind: models and cost",
    "What model calls use, cost and take, and which deployments answer.",
    (
        Section(
            "Cost",
            (
                Panel(
                    "Cost since the start",
                    "US dollars of all calls whose price is known since the service started: equal to the ledger's sum over"
                    " the same calls.",
                    "currencyUSD",
                    (q(f"sum({series(_COST)})", "US dollars"),),
                    "stat",
                    width=6,
                    decimals=4,
                ),
                Panel(
                    "Cost of the last 24 hours",
                    "US dollars by model, as Prometheus extrapolates them; `deskmind usage report` has the exact figure.",
                    "currencyUSD",
                    (q(f"sum by ({_MODEL}) (increase({series(_COST)}[24h]))", f"{{{{{_MODEL}}}}}"),),
                    "bars",
                    width=9,
                    decimals=4,
                ),
                Panel(
                    "Cost per hour",
                    "US dollars at the present rate, by model.",
                    "currencyUSD",
                    (q(f"3600 * {rate(_COST, by=_MODEL)}", f"{{{{{_MODEL}}}}}"),),
                    stacked=True,
                    width=9,
                ),
                Panel(
                    "Cost by feature",
                    "US dollars per hour by what the call was for.",
                    "currencyUSD",
                    (q(f"3600 * {rate(_COST, by='deskmind_feature')}", "{{deskmind_feature}}"),),
                    stacked=True,
                ),
                Panel(
                    "Cost of a thousand calls",
                    "US dollars by model. It rises with longer prompts and answers before the bill does.",
                    "currencyUSD",
                    (
                        q(
                            f"1000 * {rate(_COST, by=_MODEL)} / {rate(f'{_CALLS}_count', by=_MODEL)}",
                            f"{{{{{_MODEL}}}}}",
                        ),
                    ),
                ),
                Panel(
                    "Budgets",
                    "Share of its limit that each budget has taken in the current window, of its fullest counter. At 1 calls"
                    " are refused with 429.",
                    "percentunit",
                    (
                        q(
                            f"max by (deskmind_budget, deskmind_window) ({series('deskmind_budget_used_ratio')})",
                            "{{deskmind_budget}} a {{deskmind_window}}",
                            empty="no budget is set",
                        ),
                    ),
                    "bars",
                    ((0.8, WARN), (1, BAD)),
                    most=1,
                ),
            ),
        ),
        Section(
            "Calls",
            (
                Panel(
                    "Calls by model",
                    "Calls a second, with all their attempts counted as one.",
                    "reqps",
                    (q(rate(f"{_CALLS}_count", by=_MODEL), f"{{{{{_MODEL}}}}}"),),
                    stacked=True,
                ),
                Panel(
                    "Failed calls by kind",
                    "Share of calls that ended with an error, after retries and fallback.",
                    "percentunit",
                    (
                        q(
                            f"{rate(f'{_CALLS}_count', by='error_type')} / scalar({rate(f'{_CALLS}_count')})",
                            "{{error_type}}",
                        ),
                    ),
                    thresholds=((0.01, WARN), (0.05, BAD)),
                ),
                Panel(
                    "95th percentile of a call",
                    "From the request to the last token, retries included.",
                    "s",
                    (q(quantile(0.95, _CALLS, by=_MODEL), f"{{{{{_MODEL}}}}}"),),
                    thresholds=((10, WARN), (30, BAD)),
                ),
                Panel(
                    "Time to the first piece",
                    "95th percentile of streamed replies: what a person waits before text appears.",
                    "s",
                    (q(quantile(0.95, _FIRST, by=_MODEL), f"{{{{{_MODEL}}}}}"),),
                    thresholds=((2, WARN), (5, BAD)),
                ),
                Panel(
                    "Tokens by kind",
                    "Tokens a second. Cached input is cheaper and reasoning is billed as output.",
                    "none",
                    (q(rate(f"{_TOKENS}_sum", by="gen_ai_token_type"), "{{gen_ai_token_type}}"),),
                ),
                Panel(
                    "Tokens of a call",
                    "95th percentile by kind: a prompt that grew shows here first.",
                    "none",
                    (q(quantile(0.95, _TOKENS, by="gen_ai_token_type"), "{{gen_ai_token_type}}"),),
                ),
            ),
        ),
        Section(
            "Deployments",
            (
                Panel(
                    "Attempts by outcome",
                    "Tries of deployments a second. Many that are not ok beside few failed calls: fallback is at work.",
                    "reqps",
                    (
                        q(
                            rate(
                                "deskmind_gateway_attempts_total", by="deskmind_deployment, deskmind_outcome"
                            ),
                            "{{deskmind_deployment}} {{deskmind_outcome}}",
                        ),
                    ),
                ),
                Panel(
                    "Circuit breakers",
                    "0 closed, 1 half open, 2 open: an open one is not tried until its pause is over.",
                    "none",
                    (
                        q(
                            f"max by (deskmind_deployment) ({series('deskmind_gateway_breaker_state')})",
                            "{{deskmind_deployment}}",
                        ),
                    ),
                    thresholds=((1, WARN), (2, BAD)),
                    most=2,
                ),
                Panel(
                    "Ledger rows not yet written",
                    "They are in the journal on disk and not lost; a number that only grows means the database takes none.",
                    "none",
                    (q(f"sum({series('deskmind_ledger_backlog')})", "rows"),),
                    thresholds=((1000, WARN), (10000, BAD)),
                ),
            ),
        ),
    ),
)
