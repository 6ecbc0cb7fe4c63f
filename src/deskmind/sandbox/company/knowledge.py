"""Knowledge bases and articles of the demo company, and who may read them."""

from __future__ import annotations

import html
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from deskmind.sandbox.company.records import Article, Audience, KnowledgeBase, Person
from deskmind.sandbox.company.topics import Topic, topics

__all__ = ["AUDIENCES", "KNOWLEDGE_BASES", "articles"]

_AGENTS = Audience("agents", "Agents", roles=("agent", "admin"))
_HR = Audience("hr-people", "HR people", teams=("hr",))
_FINANCE_LONDON = Audience(
    "finance-london", "Finance in London", departments=("finance",), sites=("london",), match_all=True
)
_SECURITY = Audience("security-people", "Security people", teams=("security",))
_IT_OPS = Audience("it-ops-people", "IT operations", teams=("it-ops",))
_STAFF = Audience("staff", "Own staff", organisations=("halvern-quay",))
_MANAGERS_OR_HR = Audience("managers-or-hr", "Managers or HR", teams=("managers", "hr"))
_CONTRACTORS = Audience("contractors", "Contractors", teams=("contractors",))
_NOT_MAREK = Audience("not-marek", "Marek Dudek", people=("marek.dudek",))
_HULL_WAREHOUSE = Audience(
    "hull-warehouse", "Warehouse in Hull", departments=("warehouse",), sites=("hull",), match_all=True
)
_WITHDRAWN = Audience("withdrawn", "Withdrawn list", people=("marek.dudek",), active=False)

AUDIENCES = (
    _AGENTS, _HR, _FINANCE_LONDON, _SECURITY, _IT_OPS, _STAFF, _MANAGERS_OR_HR, _CONTRACTORS, _NOT_MAREK,
    _HULL_WAREHOUSE, _WITHDRAWN,
)  # fmt: skip

KNOWLEDGE_BASES = (
    KnowledgeBase("it", "IT knowledge", "imogen.talbot"),
    KnowledgeBase("runbooks", "Runbooks", "piotr.zielonka", can_read=(_AGENTS,)),
    KnowledgeBase("hr", "People", "bronagh.kettle", can_read=(_STAFF,), cannot_read=(_CONTRACTORS,)),
    KnowledgeBase("finance", "Finance control", "tobias.wren", can_read=(_FINANCE_LONDON,)),
    KnowledgeBase("security", "Security", "annike.voss", can_read=(_SECURITY,), cannot_read=(_NOT_MAREK,)),
)

_SECRETS = (
    ("hr", "Human resources", "Salary bands by grade and country", "Grade 4 is 38,200 to 49,800 pounds a year.", (_HR,), ()),
    ("hr", "Human resources", "Severance: how settlement amounts are calculated", "3 weeks for each completed year of service, with a cap of 39 weeks.", (_HR,), ()),
    ("hr", "Human resources", "Pay review for people who lead", "Proposals are due in the first week of March.", (_MANAGERS_OR_HR,), (_NOT_MAREK,)),
    ("finance", "Finance", "Payment runs: who approves which amount", "Above 100,000 pounds the controller and the treasurer sign.", (), ()),
    ("finance", "Finance", "Year-end ledger cut-off", "The ledger closes on 5 January at 18:00.", (_FINANCE_LONDON,), ()),
    ("security", "Security", "Insider-threat referrals", "Two analysts meet within four hours.", (), ()),
    ("security", "Security", "Forensic acquisition of a laptop", "Take the memory image first, then cut the power.", (_SECURITY,), (_CONTRACTORS,)),
    ("runbooks", "Runbook", "Break-glass accounts", "Allowed only if sign-in is down for administrators.", (_IT_OPS,), ()),
    ("runbooks", "Runbook", "Fail over the production database", "Fence the old primary before the new one is promoted.", (_IT_OPS,), (_NOT_MAREK,)),
    ("it", "Warehouse", "Spare handhelds in Hull", "24 are in the cage beside the shift office.", (_HULL_WAREHOUSE,), ()),
    ("it", "Service management", "How we write to customers", "Answer in the language of the question.", (), (_CONTRACTORS,)),
    ("it", "Service management", "An article whose only reader list was withdrawn", "Nobody is on an active list.", (_WITHDRAWN,), ()),
)  # fmt: skip


def articles(seed: int, count: int, people: tuple[Person, ...], until: datetime) -> Iterator[Article]:
    """At least `count` articles: the restricted ones, one a topic, and known errors until there are enough."""
    draw = random.Random(seed * 7919 + 3)  # noqa: S311 - reproducible on purpose
    agents = [person.key for person in people if person.role != "requester"]
    migrated = until - timedelta(days=60, hours=6)
    for number in range(max(count, len(_SECRETS) + len(topics()))):
        created = until - timedelta(days=draw.randint(40, 700), seconds=draw.randrange(86_400))
        # a migration stamped a quarter of the articles with one second
        late = created < migrated and draw.random() < 0.25
        updated = migrated if late else created + (until - created) * draw.random()
        base, category, title, text, can_read, cannot_read = _content(number, draw)
        state = "draft" if number % 17 == 16 else "retired" if number % 19 == 18 else "published"
        yield Article(
            number=10_001 + number,
            title=title,
            html=text,
            base=base,
            category=category,
            author=draw.choice(agents),
            state=state,
            created=created,
            updated=updated.replace(microsecond=0),
            views=int(draw.paretovariate(1.2) * 10),
            can_read=can_read,
            cannot_read=cannot_read,
        )


_Content = tuple[str, str, str, str, tuple[Audience, ...], tuple[Audience, ...]]


def _content(number: int, draw: random.Random) -> _Content:
    if number < len(_SECRETS):
        base, category, title, text, can_read, cannot_read = _SECRETS[number]
        return base, category, title, f"<p>{html.escape(text)}</p>", can_read, cannot_read
    number -= len(_SECRETS)
    topic = topics()[number % len(topics())]
    base = "hr" if topic.team == "hr-operations" else "it"
    if number < len(topics()):
        return base, topic.category, topic.title, _page(topic), (), ()
    code = draw.randint(100, 999)
    title = f"Known error {code}: {topic.title}"
    fix = topic.fixes[number % len(topic.fixes)].format_map(_General(code))
    return "runbooks", topic.category, title, _page(topic, fix), (), ()


class _General(dict[str, object]):
    """Fills a slot where no particular ticket is meant."""

    def __init__(self, code: int) -> None:
        super().__init__(n=code % 9 + 2, code=code)

    def __missing__(self, slot: str) -> str:
        return f"the {slot}" if slot != "day" else "a day"


def _page(topic: Topic, fix: str = "") -> str:
    steps = "".join(f"<li>{html.escape(step)}</li>" for step in topic.steps)
    known = f"<h2>Last time</h2><p>{html.escape(fix)}</p>" if fix else ""
    return (
        f"<p><strong>{html.escape(topic.symptom)}</strong></p><h2>Cause</h2><p>{html.escape(topic.cause)}</p>"
        f"<h2>What to do</h2><ol>{steps}</ol>{known}"
    )
