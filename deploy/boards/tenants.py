"""Tenants: for whom money is spent. Only the cost is split by tenant, and only as far as telemetry.tenant_label says."""

from __future__ import annotations

from deploy.panels import BAD, WARN, Board, Panel, Section, q, rate, series

_COST = "deskmind_cost_usd_total"
_TENANT = 'deskmind_tenant!=""'
_THEIRS = 'deskmind_budget="tenants"'
_OFF = "telemetry.tenant_label is off"

BOARD = Board(
    "tenants",
    "Deskmind: tenants",
    "For whom money is spent. Tenants are shown by id, as far as telemetry.tenant_label and telemetry.tenant_top allow;"
    " `deskmind tenant list` names them.",
    (
        Section(
            "Cost",
            (
                Panel(
                    "Cost per hour, dearest tenants",
                    "US dollars at the present rate; tenants beyond the configured number are `other`.",
                    "currencyUSD",
                    (
                        q(
                            f"topk(10, 3600 * {rate(_COST, _TENANT, by='deskmind_tenant')})",
                            "{{deskmind_tenant}}",
                            empty=_OFF,
                        ),
                    ),
                    stacked=True,
                    width=12,
                ),
                Panel(
                    "Cost since the start",
                    "US dollars of each tenant since the service started.",
                    "currencyUSD",
                    (
                        q(
                            f"sort_desc(sum by (deskmind_tenant) ({series(_COST, _TENANT)}))",
                            "{{deskmind_tenant}}",
                            empty=_OFF,
                        ),
                    ),
                    "bars",
                    width=12,
                    decimals=4,
                ),
                Panel(
                    "Share of the dearest tenant",
                    "Of the present cost. Near 1, one tenant's trouble is everybody's bill: give it a budget.",
                    "percentunit",
                    (
                        q(
                            f"max({rate(_COST, _TENANT, by='deskmind_tenant')}) / {rate(_COST, _TENANT)}",
                            "dearest",
                            empty=_OFF,
                        ),
                    ),
                    most=1,
                ),
                Panel(
                    "Tenants that cost something",
                    "How many have called a model since the start, up to the configured number.",
                    "none",
                    (
                        q(
                            f"count(sum by (deskmind_tenant) ({series(_COST, _TENANT)}) > 0)",
                            "tenants",
                            empty=_OFF,
                        ),
                    ),
                    "stat",
                    decimals=0,
                ),
                Panel(
                    "Budgets that tenants set",
                    "Share of the limit that is taken, of the fullest of all tenants' budgets.",
                    "percentunit",
                    (
                        q(
                            "max by (deskmind_window, deskmind_unit)"
                            f" ({series('deskmind_budget_used_ratio', _THEIRS)})",
                            "a {{deskmind_window}}, {{deskmind_unit}}",
                            empty="no tenant has set a budget",
                        ),
                    ),
                    "bars",
                    ((0.8, WARN), (1, BAD)),
                    most=1,
                ),
                Panel(
                    "Cost by tenant and model",
                    "US dollars since the service started.",
                    "currencyUSD",
                    (
                        q(
                            f"topk(50, sum by (deskmind_tenant, gen_ai_request_model) ({series(_COST, _TENANT)}))",
                            "{{deskmind_tenant}} {{gen_ai_request_model}}",
                            empty=_OFF,
                        ),
                    ),
                    "table",
                    width=12,
                    decimals=4,
                ),
                Panel(
                    "Refused for a used budget",
                    "Requests a second that were answered with 429.",
                    "reqps",
                    (
                        q(
                            rate(
                                "http_server_request_duration_seconds_count",
                                'http_response_status_code="429"',
                            ),
                            "429",
                            empty="no budget is used up",
                        ),
                    ),
                    thresholds=((0.001, WARN),),
                    width=12,
                ),
            ),
        ),
    ),
)
