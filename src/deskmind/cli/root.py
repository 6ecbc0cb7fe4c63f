"""The tree of commands."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from deskmind import __version__
from deskmind.cli import (
    access,
    agents,
    approvals,
    audit,
    connectors,
    database,
    demonstration,
    directory,
    evaluate,
    evidence,
    experiments,
    feedback,
    jobs,
    keyring,
    knowledge,
    logs,
    memory,
    models,
    operations,
    privacy,
    prompts,
    protocol,
    redaction,
    redaction_rules,
    release,
    requests,
    runs,
    sandboxes,
    service,
    stored_agents,
    sync,
    triage,
    webhooks,
    workflows,
    writes,
)
from deskmind.cli.building import build_when_asked
from deskmind.cli.server import Server
from deskmind.cli.top import top

__all__ = ["app", "main"]

_YOUNG_OBJECTS = 20_000

app = typer.Typer(
    name="deskmind",
    help="AI for IT service management: cited answers from your own knowledge, seen only by those who may.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"deskmind {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
    server: Annotated[
        str | None,
        typer.Option(
            "--server", help="Work against this service [env: DESKMIND_SERVER].", show_default=False
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            help="File with the API key for it, of mode 0600 [env: DESKMIND_API_KEY_FILE].",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="The key itself, which others on this machine can see; - reads it from standard input"
            " [env: DESKMIND_API_KEY].",
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Send the key over plain http:// to another machine, too, where others may read it"
            " [env: DESKMIND_API_INSECURE].",
        ),
    ] = False,
) -> None:
    """AI for IT service management: cited answers from your own knowledge, seen only by those who may."""
    context.obj = Server(server, key, key_file, insecure)


app.command("demo")(demonstration.demo)
app.command("ask")(knowledge.ask)
app.command("search")(knowledge.search)
app.command("ingest")(knowledge.ingest)
app.add_typer(knowledge.documents_app, name="documents")
app.add_typer(directory.tenant_app, name="tenant")
app.add_typer(directory.user_app, name="user")
app.add_typer(directory.group_app, name="group")
app.add_typer(directory.key_app, name="key")
app.add_typer(models.models_app, name="models")
app.add_typer(models.usage_app, name="usage")
app.add_typer(models.budget_app, name="budget")
app.add_typer(keyring.keyring_app, name="keyring")
app.add_typer(prompts.prompts_app, name="prompts")
app.command("redact")(redaction.redact)
app.add_typer(redaction_rules.redaction_app, name="redaction")
app.add_typer(experiments.experiments_app, name="experiments")
app.command("explain")(requests.explain)
app.add_typer(requests.requests_app, name="requests")
app.add_typer(feedback.feedback_app, name="feedback")
app.add_typer(feedback.quality_app, name="quality")
app.add_typer(access.access_app, name="access")
app.add_typer(audit.audit_app, name="audit")
app.add_typer(privacy.privacy_app, name="privacy")
app.add_typer(evidence.evidence_app, name="evidence")
app.add_typer(release.release_app, name="release")
app.add_typer(connectors.connect_app, name="connect")
app.add_typer(writes.writes_app, name="writes")
app.add_typer(webhooks.webhooks_app, name="webhooks")
app.add_typer(jobs.jobs_app, name="jobs")
app.add_typer(sync.sync_app, name="sync")
app.add_typer(triage.triage_app, name="triage")
app.add_typer(agents.agent_app, name="agent")
app.add_typer(stored_agents.agents_app, name="agents")
app.add_typer(memory.memory_app, name="memory")
app.add_typer(approvals.approvals_app, name="approvals")
app.add_typer(workflows.workflows_app, name="workflows")
app.add_typer(runs.runs_app, name="runs")
app.command("serve")(service.serve)
app.command("worker")(service.worker)
app.command("mcp")(protocol.mcp)
app.command("openapi")(service.openapi)
app.add_typer(logs.log_app, name="log")
app.command("top")(top)
app.command("status")(operations.status)
app.command("readiness")(operations.readiness)
app.add_typer(operations.migrate_app, name="migrate")
app.add_typer(database.database_app, name="database")
app.add_typer(sandboxes.sandbox_app, name="sandbox")
app.add_typer(evaluate.eval_app, name="eval")
build_when_asked(app)


def main() -> None:
    """Entry point of the ``deskmind`` command."""
    # importing makes objects that stay: looking through them for garbage takes an eighth of a command's start
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    app()
