"""Statements leave spans that name what they do, and never what with."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from psycopg import errors, sql

from deskmind.app import Deskmind
from deskmind.database import numbered
from deskmind.database._statements import statement_name
from deskmind.desk import Desk
from deskmind.observability import span
from deskmind.scope import Scope


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT * FROM chunks WHERE body = 'from secrets'", "SELECT chunks"),
        ("SELECT a FROM deskmind.chunks c JOIN documents d USING (x)", "SELECT chunks documents"),
        ("SELECT * FROM search_lexical(%s, %s)", "SELECT search_lexical"),
        ("SELECT defer_job(%s, %s)", "SELECT defer_job"),
        ("INSERT INTO usage_entries (a) SELECT b FROM unnest(%s)", "INSERT usage_entries"),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "INSERT t"),
        ("UPDATE ingests SET state = 1 WHERE x IS DISTINCT FROM y", "UPDATE ingests"),
        ("DELETE FROM documents WHERE id = 1 -- FROM elsewhere", "DELETE documents"),
        ("WITH old AS (SELECT * FROM a), new (x) AS (SELECT 1) SELECT * FROM old, new JOIN b ON true", "SELECT a b"),
        ("WITH gone AS (DELETE FROM a RETURNING *) SELECT count(*) FROM gone", "DELETE a"),
        ("SELECT id FROM jobs FOR UPDATE SKIP LOCKED", "SELECT jobs"),
        ("SELECT * FROM a JOIN b ON true JOIN c ON true JOIN d ON true", "SELECT a b c"),
        ("SELECT set_config('x', %s, true)", ""),
        ("SELECT 1", ""),
        ("BEGIN", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_statement_is_named_by_operation_and_relations(text: str, name: str) -> None:
    assert statement_name(text) == name


async def test_statements_inside_a_trace_leave_spans_without_values(
    operator: Desk, traced: InMemorySpanExporter
) -> None:
    with span("outer"):
        async with operator.database.transaction(operator.scope) as connection:
            await connection.execute(
                sql.SQL("SELECT * FROM {} WHERE title = %s AND uri = 'canary-2'").format(
                    sql.Identifier("documents")
                ),
                ("canary-1",),
            )
    statement, outer = traced.get_finished_spans()
    assert statement.name == "SELECT documents"
    assert statement.kind.name == "CLIENT"
    assert dict(statement.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.query.summary": "SELECT documents",
    }
    assert statement.parent is not None
    assert outer.context is not None
    assert statement.parent.span_id == outer.context.span_id
    assert "canary" not in statement.to_json()


async def test_what_goes_in_one_round_trip_leaves_spans_too(
    app: Deskmind, operator: Desk, traced: InMemorySpanExporter
) -> None:
    statement = ("SELECT count(*) FROM documents WHERE tenant_id = $1::uuid", [str(operator.scope.tenant_id)])
    with span("outer"):
        await app.database.alone(operator.scope, *statement)
        async with app.database.transaction(operator.scope, statement):
            pass
    made = [one for one in traced.get_finished_spans() if one.name == "SELECT documents"]
    assert len(made) == 2
    assert str(operator.scope.tenant_id) not in str([dict(one.attributes or {}) for one in made])


def test_names_become_numbers() -> None:
    text, names = numbered("SELECT %(one)s::int + %(two)s::int * %(one)s::int")
    assert (text, names) == ("SELECT $1::int + $2::int * $1::int", ("one", "two"))


async def test_a_statement_that_fails_leaves_its_sqlstate(
    operator: Desk, traced: InMemorySpanExporter
) -> None:
    with span("outer"), pytest.raises(errors.InvalidTextRepresentation):
        async with operator.database.transaction(operator.scope) as connection:
            await connection.execute("SELECT * FROM documents WHERE document_id = 'canary'")
    statement = traced.get_finished_spans()[0]
    assert (statement.attributes or {})["db.response.status_code"] == "22P02"
    assert not statement.status.is_ok
    assert "canary" not in statement.to_json()


async def test_outside_of_a_trace_nothing_is_made(app: Deskmind, traced: InMemorySpanExporter) -> None:
    async with app.database.transaction(Scope.directory()) as connection:
        await connection.execute("SELECT * FROM release")
    assert traced.get_finished_spans() == ()
