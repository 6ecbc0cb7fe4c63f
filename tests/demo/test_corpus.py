"""The demo company's knowledge: what a reader, a loader and the demo itself rely on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
import yaml

CORPUS = files("deskmind").joinpath("demo", "corpus")
FOLDERS = {"articles": "KB", "runbooks": "RB"}

HOST = re.compile(r"\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|dev|app|eu|de|nl|pl|uk|us|info|int)\b")
RESERVED_HOST = re.compile(r"(?:[a-z0-9-]+\.)*example\.(?:com|net|org)")
PHONE = re.compile(r"\+\d[\d -]{6,}\d")
RESERVED_PHONE = re.compile(r"\+44 20 7946 0\d{3}|\+1-\d{3}-555-01\d{2}")
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
RESERVED_ADDRESS = re.compile(r"(?:10|192\.0\.2|198\.51\.100|203\.0\.113)\.[\d.]+")
REFERENCE = re.compile(r"\b(?:KB\d{7}|RB\d{4})\b")
TRADEMARKS = re.compile(
    r"\b(?:microsoft|outlook|sharepoint|onedrive|slack|zoom|cisco|okta|sap|oracle|servicenow|jira|"
    r"freshservice|google|gmail|apple|iphone|android|zebra|honeywell|citrix|fortinet|splunk|vmware|"
    r"maersk|amazon|aws|azure|workday|salesforce|northwind|crowdstrike|veeam|lenovo|dell|adobe)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the corpus, read without the product."""

    path: str
    facts: dict[str, Any]
    body: str

    @property
    def id(self) -> str:
        return str(self.facts["id"])

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(self.facts.get("groups", ()))

    @property
    def words(self) -> int:
        return sum(bool(re.search(r"\w", token)) for token in self.body.split())


@cache
def entries() -> dict[str, Entry]:
    return {entry.id: entry for entry in _read()}


def _read() -> Iterator[Entry]:
    for folder in FOLDERS:
        for file in CORPUS.joinpath(folder).iterdir():
            opening, front, body = file.read_text(encoding="utf-8").split("---\n", 2)
            assert opening == "", f"{file.name} does not begin with front matter"
            yield Entry(f"{folder}/{file.name}", yaml.safe_load(front), body)


@cache
def demo() -> dict[str, Any]:
    return json.loads(CORPUS.joinpath("demo.json").read_text(encoding="utf-8"))


def users() -> dict[str, frozenset[str]]:
    return {user["name"]: frozenset(user["groups"]) for user in demo()["users"]}


def may_read(user: str, document: str) -> bool:
    groups = entries()[document].groups
    return not groups or bool(groups & users()[user])


def expectations() -> list[dict[str, str]]:
    pairs = [pair[side] for pair in demo()["pairs"] for side in ("general", "specific")]
    return [*demo()["questions"], *pairs]


def offenders(pattern: re.Pattern[str], allowed: re.Pattern[str]) -> list[tuple[str, str]]:
    return [
        (entry.path, found)
        for entry in entries().values()
        for found in pattern.findall(entry.body)
        if not allowed.fullmatch(found)
    ]


def test_every_file_has_complete_front_matter() -> None:
    allowed = {"title", "id", "category", "updated", "owner", "groups"}
    for entry in entries().values():
        assert set(entry.facts) <= allowed, entry.path
        for name in ("title", "category", "owner"):
            assert isinstance(entry.facts.get(name), str), entry.path
            assert entry.facts[name].strip(), entry.path
        assert isinstance(entry.facts["updated"], date), entry.path


def test_ids_are_unique_and_match_the_file_and_its_folder() -> None:
    count = 0
    for entry in _read():
        folder, name = entry.path.split("/")
        assert name.startswith(f"{entry.id}-"), entry.path
        assert re.fullmatch(FOLDERS[folder] + (r"\d{7}" if folder == "articles" else r"\d{4}"), entry.id)
        count += 1
    assert count == len(entries()) >= 64


def test_titles_are_unique() -> None:
    titles = Counter(entry.facts["title"] for entry in entries().values())
    assert [title for title, n in titles.items() if n > 1] == []


def test_about_ten_documents_are_restricted_and_each_group_has_its_own() -> None:
    restricted = [entry for entry in entries().values() if entry.groups]
    assert 8 <= len(restricted) <= 14
    declared = {group["name"] for group in demo()["groups"]}
    assert {group for entry in restricted for group in entry.groups} == declared
    assert all(group["description"] for group in demo()["groups"])


def test_lengths_are_those_of_a_real_article() -> None:
    lengths = {entry.path: entry.words for entry in entries().values()}
    assert {path: n for path, n in lengths.items() if not 250 <= n <= 700} == {}


def test_references_lead_to_documents_that_the_reader_may_open() -> None:
    for entry in entries().values():
        for reference in REFERENCE.findall(entry.body):
            assert reference in entries(), f"{entry.path} names {reference}"
            target = entries()[reference].groups
            assert not target or entry.groups, f"{entry.path} is public and names {reference}"


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [(HOST, RESERVED_HOST), (PHONE, RESERVED_PHONE), (ADDRESS, RESERVED_ADDRESS)],
    ids=["hosts", "telephone numbers", "network addresses"],
)
def test_only_names_and_numbers_reserved_for_fiction(
    pattern: re.Pattern[str], allowed: re.Pattern[str]
) -> None:
    assert offenders(pattern, allowed) == []
    assert any(pattern.search(entry.body) for entry in entries().values())


def test_no_real_companies_or_products() -> None:
    texts = {entry.path: f"{entry.facts['title']}\n{entry.body}" for entry in entries().values()}
    texts["demo.json"] = json.dumps(demo())
    found = {path: TRADEMARKS.findall(text) for path, text in texts.items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_articles_do_not_repeat_each_other() -> None:
    lines = Counter(
        line.strip()
        for entry in entries().values()
        for line in set(entry.body.splitlines())
        if len(line.strip()) > 60
    )
    assert [line for line, n in lines.items() if n > 1] == []


def test_the_corpus_stays_small() -> None:
    assert sum(len(entry.body.encode()) for entry in entries().values()) < 400_000


def test_code_fences_are_closed() -> None:
    assert [e.path for e in entries().values() if e.body.count("```") % 2] == []


def test_users_belong_to_declared_groups_and_some_to_none() -> None:
    declared = {group["name"] for group in demo()["groups"]}
    assert len(users()) == len(demo()["users"]) >= 5
    assert set().union(*users().values()) == declared
    assert any(not groups for groups in users().values())
    assert re.fullmatch(r"[a-z][a-z0-9-]+", demo()["tenant"])


def test_expected_answers_stand_in_a_document_the_user_may_read() -> None:
    for expected in expectations():
        document, value = expected["document"], expected["value"]
        assert document in entries(), expected
        assert value in entries()[document].body, expected
        assert may_read(expected["user"], document), expected
        assert not re.search(r"[*`|\n]", value), f"Markdown in {value!r}"


def test_enough_questions_over_many_documents_and_none_twice() -> None:
    asked = [(question["user"], question["question"]) for question in demo()["questions"]]
    assert len(asked) == len(set(asked)) >= 40
    assert len({question["document"] for question in demo()["questions"]}) >= 40


def test_questions_are_not_worded_like_the_article() -> None:
    for question in demo()["questions"]:
        assert question["question"].lower() not in entries()[question["document"]].body.lower()
        assert question["question"].rstrip("?") != entries()[question["document"]].facts["title"]


def test_the_same_question_has_a_general_and_a_restricted_answer() -> None:
    assert len(demo()["pairs"]) >= 3
    for pair in demo()["pairs"]:
        general, specific = pair["general"], pair["specific"]
        assert not entries()[general["document"]].groups, pair
        assert not may_read(general["user"], specific["document"]), pair


def test_restricted_answers_appear_in_no_public_document() -> None:
    public = [entry for entry in entries().values() if not entry.groups]
    for pair in demo()["pairs"]:
        value = pair["specific"]["value"]
        assert [entry.path for entry in public if value in entry.body] == []


def test_the_showcase_hides_its_document_from_the_first_user_only() -> None:
    showcase = demo()["showcase"]
    first, second = showcase["users"]
    assert not may_read(first, showcase["hidden_document"])
    assert may_read(second, showcase["hidden_document"])
    answers = {q["user"]: q for q in demo()["questions"] if q["question"] == showcase["question"]}
    assert answers[second]["document"] == showcase["hidden_document"]
    assert answers[first]["document"] != showcase["hidden_document"]


def test_unanswerable_questions_are_questions_and_not_among_the_answered() -> None:
    unanswerable = demo()["unanswerable"]
    assert len(unanswerable) == len(set(unanswerable)) >= 15
    assert all(question.endswith("?") for question in unanswerable)
    assert not set(unanswerable) & {question["question"] for question in demo()["questions"]}
