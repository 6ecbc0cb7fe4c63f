"""The report as one HTML page: nothing is loaded from elsewhere, and it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from deskmind.readiness.report import SECTIONS, Check, Report

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light; --line: #d5d9de; --green: #17663a; --red: #a61b1b; --grey: #5a6472; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1f26; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; text-transform: capitalize; }
.verdict { border: 2px solid; border-radius: .4rem; padding: .7rem 1rem; margin: 1rem 0; font-weight: 600; }
.green { color: var(--green); } .red { color: var(--red); } .not-assessed { color: var(--grey); }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; } th:nth-child(1) { width: 16%; } th:nth-child(2) { width: 12%; } th:nth-child(4) { width: 30%; }
td.state { font-weight: 600; } .remedy { display: block; margin-top: .25rem; } code { font-size: .85rem; }
footer, .meta { color: var(--grey); font-size: .9rem; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""


def page(report: Report) -> str:
    """A whole HTML document."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><title>Readiness</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}</style></head><body>"
    yield "<h1>Readiness of this installation</h1>"
    yield f'<p class="meta">Deskmind {escape(report.release)}, assessed {_time(report)}.</p>'
    yield _verdict(report)
    yield (
        f"<p>{report.count('green')} green, {report.count('red')} red,"
        f" {report.count('not assessed')} not assessed. Red ones are blockers; there is no score.</p>"
    )
    for section in SECTIONS:
        checks = [check for check in report.checks if check.section == section]
        if checks:
            yield f"<h2>{escape(section)}</h2>"
            yield "<table><thead><tr><th>Check</th><th>State</th><th>Finding</th><th>Evidence</th></tr></thead><tbody>"
            yield from map(_row, checks)
            yield "</tbody></table>"
    yield "<footer><p>What is not assessed was not found to be in order: this installation cannot know it.</p></footer>"
    yield "</body></html>\n"


def _verdict(report: Report) -> str:
    if report.ready:
        return '<p class="verdict green">No blocker was found.</p>'
    names = ", ".join(escape(check.name) for check in report.blockers)
    return f'<p class="verdict red">Not ready. Blockers: {names}.</p>'


def _row(check: Check) -> str:
    state = check.state.replace(" ", "-")
    remedy = f'<span class="remedy">→ {escape(check.remedy)}</span>' if check.remedy else ""
    facts = "<br>".join(
        f"{escape(name.replace('_', ' '))}: <code>{escape(_shown(value))}</code>"
        for name, value in check.evidence.items()
    )
    when = f"{check.at:%H:%M:%S} UTC, {check.seconds * 1000:.0f} ms" if check.at else ""
    return (
        f'<tr><th scope="row">{escape(check.name)}</th><td class="state {state}">{check.state}</td>'
        f"<td>{escape(check.finding)}{remedy}</td><td>{facts}"
        f'<div class="meta">{when}</div></td></tr>'
    )


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _time(report: Report) -> str:
    return f"{report.at:%Y-%m-%d %H:%M:%S} UTC"
