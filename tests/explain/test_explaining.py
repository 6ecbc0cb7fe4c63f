"""One request's story, as who asked and who operates see it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from tests.explain.conftest import QUESTION, Bureau

from deskmind.app import Deskmind
from deskmind.errors import InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.observability import correlation, note
from deskmind.sandbox.models import ModelSandbox


async def test_an_answer_is_explained(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    found = await bureau.ann.requests.explain(answer.request_id)
    (part,) = found.parts
    assert (part.kind, part.operation, part.outcome, part.error) == ("operation", "knowledge.ask", "ok", "")
    assert (part.principal, part.role, part.groups) == ("ann", "member", ("board",))
    assert part.answer is not None
    assert part.answer.found == answer.found
    assert part.answer.confidence == pytest.approx(answer.confidence, abs=1e-6)
    assert part.answer.threshold == 0
    assert [passage.chunk_id for passage in part.passages][: len(answer.passages)] == [
        passage.chunk_id for passage in answer.passages
    ]
    best, shown = part.passages[0], answer.passages[0]
    assert (best.dense, best.lexical, best.rerank) == (
        pytest.approx(shown.dense, abs=1e-5),
        pytest.approx(shown.lexical, abs=1e-5),
        pytest.approx(shown.score, abs=1e-5),
    )
    assert (best.title, best.section, best.visible) == (shown.title, " > ".join(shown.headings), True)
    cited = {passage.document_id for passage in part.passages if passage.fate == "cited"}
    assert cited == {citation.document_id for citation in answer.citations}
    names = [step.name for step in part.steps]
    assert names[:2] == ["operation", "knowledge.ask"]
    assert "retrieval deskmind" in names
    assert found.calls == ()
    assert json.loads(json.dumps(found.as_dict()))["parts"][0]["outcome"] == "ok"


async def test_passages_beyond_the_limit_are_dropped_and_say_why(bureau: Bureau) -> None:
    with correlation("search-1"):
        kept = await bureau.ann.knowledge.search(QUESTION, limit=1)
    (part,) = (await bureau.ann.requests.explain("search-1")).parts
    assert [passage.chunk_id for passage in part.passages if passage.fate == "kept"] == [kept[0].chunk_id]
    dropped = [passage for passage in part.passages if passage.fate == "dropped"]
    assert [passage.why for passage in dropped] == ["rank 2 of 1 that are kept"]
    assert part.candidates["found"] == 2


async def test_nobody_explains_anothers_request(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    for desk in (bureau.ben, bureau.stranger):
        with pytest.raises(NotFoundError, match="no such request"):
            await desk.requests.explain(answer.request_id)
        assert answer.request_id not in {item.request_id for item in await desk.requests.list()}
    seen = await bureau.operator.requests.explain(answer.request_id)
    assert seen.parts[0].principal == "ann"


async def test_the_same_id_of_two_users_stays_two_stories(bureau: Bureau) -> None:
    for desk in (bureau.ann, bureau.ben, bureau.stranger):
        with correlation("mine"):
            await desk.ask(QUESTION)
    for desk in (bureau.ann, bureau.ben, bureau.stranger):
        (part,) = (await desk.requests.explain("mine")).parts
        assert part.principal_id == str(desk.scope.principal_id)
    both = (await bureau.operator.requests.explain("mine")).parts
    assert [part.principal for part in both] == ["ann", "ben"]


async def test_a_title_is_gone_with_the_right_to_see_it(bureau: Bureau, app: Deskmind) -> None:
    answer = await bureau.ann.ask("Is the parking permit of the director free?")
    assert "Secret bays" in {passage.title for passage in answer.passages}
    await bureau.operator.principals.set_groups("ann", [])
    ann = await app.desk(tenant=bureau.operator.scope.tenant, user="ann")
    (part,) = (await ann.requests.explain(answer.request_id)).parts
    hidden = [passage for passage in part.passages if not passage.visible]
    assert [(passage.title, passage.section) for passage in hidden] == [("", "")]
    assert "Secret" not in json.dumps((await ann.requests.explain(answer.request_id)).as_dict())


async def test_a_models_answer_tells_calls_tries_cost_and_caches(
    bureau: Bureau, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    desk = await modelled.desk(tenant=bureau.operator.scope.tenant, user="ann")
    sandbox.script(["Renew the parking permit in the portal before 15 May [1]."])
    first = await desk.ask(QUESTION)
    second = await desk.ask(QUESTION)
    told = await desk.requests.explain(first.request_id)
    (call,) = told.calls
    assert (call.model, call.operation, call.feature, call.outcome) == ("fast", "chat", "answer", "settled")
    assert [item.outcome for item in call.tries] == ["ok"]
    assert told.tokens == (call.input_tokens, call.output_tokens)
    assert (
        told.cost == call.cost == (Decimal(call.input_tokens) + 2 * Decimal(call.output_tokens)) / 1_000_000
    )
    (row,) = await desk.usage.report(["model"])
    assert row.cost == told.cost
    (miss,) = (cache for cache in told.parts[0].caches if cache.cache == "remembered answer")
    assert miss.outcome == "miss"
    assert {passage.fate for passage in told.parts[0].passages} == {"cited", "given"}
    steps = told.parts[0].steps
    (chat,) = (step for step in steps if step.name == "chat fast")
    assert chat.parent is not None
    assert steps[chat.parent].name == "models.call"
    assert chat.seconds == pytest.approx(call.seconds, rel=0.5, abs=0.05)
    assert "chat fast" not in [
        step.name for step in (await desk.requests.explain(second.request_id)).parts[0].steps
    ]
    again = await desk.requests.explain(second.request_id)
    assert again.calls == ()
    assert [cache.outcome for cache in again.parts[0].caches if cache.cache == "remembered answer"] == ["hit"]


async def test_an_exact_reply_from_the_cache_is_told(bureau: Bureau, modelled: Deskmind) -> None:
    desk = await modelled.desk(tenant=bureau.operator.scope.tenant, user="ann")
    for request in ("one", "two"):
        with correlation(f"exact-{request}"):
            await desk.models.chat("fast", [{"role": "user", "content": "hello there"}], temperature=0)
    outcomes = [
        [
            (cache.cache, cache.outcome)
            for cache in (await desk.requests.explain(f"exact-{request}")).parts[0].caches
        ]
        for request in ("one", "two")
    ]
    assert outcomes == [[("replies", "miss")], [("replies", "hit")]]


async def test_an_error_is_part_of_the_story(bureau: Bureau) -> None:
    with correlation("wrong"), pytest.raises(InvalidRequestError):
        await bureau.ann.ask("  ")
    with correlation("denied"), pytest.raises(PermissionDeniedError):
        await bureau.ann.keys.all()
    (wrong,) = (await bureau.ann.requests.explain("wrong")).parts
    (denied,) = (await bureau.ann.requests.explain("denied")).parts
    assert (wrong.outcome, wrong.error) == ("error", "invalid-request")
    assert (denied.operation, denied.error) == ("keys.read", "permission-denied")
    failed = await bureau.ann.requests.list(failed=True)
    assert [item.request_id for item in failed] == ["denied", "wrong"]


async def test_an_ingest_tells_of_its_job(bureau: Bureau) -> None:
    with correlation("take-in"):
        await bureau.ben.knowledge.add("note.md", b"# Note\n\nA note.")
    request, job = (await bureau.ben.requests.explain("take-in")).parts
    assert (request.kind, job.kind) == ("operation", "job")
    assert [item["task"] for item in request.jobs] == ["knowledge.ingest"]
    assert (job.operation, job.principal, job.outcome) == ("knowledge.ingest", "ben", "ok")
    assert "ingest.store" in [step.name for step in job.steps]


async def test_a_streamed_answer_is_told_too(bureau: Bureau) -> None:
    with correlation("stream"):
        answer = [event.answer async for event in bureau.ann.ask_stream(QUESTION)][-1]
    assert answer is not None
    (part,) = (await bureau.ann.requests.explain("stream")).parts
    assert part.answer is not None
    assert part.answer.found == answer.found
    assert part.passages


async def test_redactions_are_counted_by_type(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    from deskmind.knowledge import finding

    analyse = finding.analyse

    def redacting(question: str):
        note("redaction", type="email", count=2)
        note("redaction", type="phone", count=1)
        note("redaction", type="email", count=1)
        return analyse(question)

    monkeypatch.setattr(finding, "analyse", redacting)
    answer = await bureau.ann.ask(QUESTION)
    (part,) = (await bureau.ann.requests.explain(answer.request_id)).parts
    assert part.redactions == {"email": 3, "phone": 1}


async def test_the_prompt_and_variant_are_told(bureau: Bureau) -> None:
    from deskmind.prompts import PromptTemplate, Variable
    from deskmind.prompts.experiments import Variant

    template = PromptTemplate("greeting", [("user", "{{ question }}")], {"question": Variable()})
    await bureau.operator.prompts.save(template)
    await bureau.operator.experiments.start("brief", "greeting", [Variant("control", 1), Variant("new", 1)])
    with correlation("assigned"):
        given = await bureau.ann.experiments.assign("brief")
        await bureau.ann.prompts.render("greeting", {"question": "?"}, version=1)
    first, second = (await bureau.ann.requests.explain("assigned")).parts
    assert [(use.experiment, use.variant, use.version) for use in first.prompts] == [
        ("brief", given.variant, given.prompt.version)
    ]
    assert [(use.name, use.version) for use in second.prompts] == [("greeting", 1)]


async def test_the_list_goes_on_where_it_stopped(bureau: Bureau) -> None:
    for number in range(5):
        with correlation(f"n{number}"):
            await bureau.ben.knowledge.search("permit")
    pages = [await bureau.ben.requests.list(limit=2)]
    while len(pages[-1]) == 2:
        pages.append(await bureau.ben.requests.list(limit=2, before=pages[-1][-1].place))
    assert [item.request_id for page in pages for item in page] == ["n4", "n3", "n2", "n1", "n0"]
    searches = await bureau.operator.requests.list(operation="knowledge.search")
    assert {item.principal for item in searches} == {"ben"}
    with pytest.raises(InvalidRequestError):
        await bureau.ben.requests.list(limit=0)


async def test_what_is_no_request_of_yours_is_not_found(bureau: Bureau) -> None:
    for wrong in ("", "no-such", "x" * 200, "a\x00b", "' OR true --"):
        with pytest.raises(NotFoundError):
            await bureau.ann.requests.explain(wrong)
