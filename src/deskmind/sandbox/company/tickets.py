"""Tickets of the demo company, each made on demand from the seed and its number alone."""

from __future__ import annotations

import random
import struct
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, overload

from deskmind.sandbox.company.assets import CATALOG, SERVICES
from deskmind.sandbox.company.records import (
    Attachment,
    CatalogItem,
    Comment,
    Deletion,
    Item,
    Person,
    Ticket,
    TicketKind,
    TicketStatus,
)
from deskmind.sandbox.company.topics import Topic, topics

if TYPE_CHECKING:
    from deskmind.sandbox.company.company import Company

__all__ = ["Tickets"]

_DELETED_EVERY, _DELETED_AT = 47, 13
_KINDS: tuple[TicketKind, ...] = ("incident", "request", "problem", "change")
_KIND_WEIGHTS = (0.68, 0.19, 0.04, 0.09)
_PRIORITY = ((1, 2, 3), (2, 3, 4), (3, 4, 5))
_HOURS = {1: 4, 2: 8, 3: 24, 4: 72, 5: 120}
_APPS = ("Drawbridge CAD", "Tallyman", "Slipway Studio", "Chartroom", "Bosun Reports")
_DAYS = ("this morning", "yesterday", "on Monday", "last Friday", "since the weekend")
_CHANGES = ("Upgrade {device} for {service}", "Replace certificate of {service}", "Firewall rule for {service} at {site}",
            "New release of {service}", "Move {service} to new storage")  # fmt: skip
_DELIVERING = (
    "Ordered from the supplier, it takes about {n} days.",
    "Waiting for the approval of the cost centre's owner.",
    "Ready for collection at {site}.",
    "Please confirm the answers of the form, question {code} is unclear.",
)
_ASKING = (
    "Is there news? I need it {day}.",
    "My manager {person} has approved it.",
    "I can collect it at {site}.",
)
_DELIVERED = (
    "Delivered to {site}.",
    "Set up and handed over to the user.",
    "Assigned; active from tomorrow morning.",
)
_TAGS = ("vip", "recurring", "training", "vendor", "peak-season")


class Tickets(Sequence[Ticket]):
    """All tickets that still exist, the oldest numbers first."""

    def __init__(self, company: Company, count: int) -> None:
        self._company = company
        numbers = range(1, count + count // (_DELETED_EVERY - 1) + 2)
        self._numbers = [number for number in numbers if number % _DELETED_EVERY != _DELETED_AT][:count]
        self._weights = [1 / (place + 3) for place in range(len(topics()))]

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Ticket: ...
    @overload
    def __getitem__(self, index: slice) -> list[Ticket]: ...
    def __getitem__(self, index: int | slice) -> Ticket | list[Ticket]:
        if isinstance(index, slice):
            return [self._made(number) for number in self._numbers[index]]
        return self._made(self._numbers[index])

    def __iter__(self) -> Iterator[Ticket]:
        return map(self._made, self._numbers)

    def by_number(self, number: int) -> Ticket | None:
        """The ticket with this number, if it is there."""
        place = bisect_left(self._numbers, number)
        there = place < len(self._numbers) and self._numbers[place] == number
        return self._made(number) if there else None

    def deletions(self) -> Iterator[Deletion]:
        """The tickets that were deleted, in the order of their numbers."""
        for number in range(_DELETED_AT, self._numbers[-1], _DELETED_EVERY):
            ticket = self._made(number)
            late = ticket.created + (self._company.until - ticket.created) * 0.9
            yield Deletion(
                number, ticket.kind, late.replace(microsecond=0), ticket.assignee or ticket.opened_by
            )

    def _made(self, number: int) -> Ticket:
        draw = random.Random(self._company.seed * 1_000_003 + number)  # noqa: S311 - reproducible on purpose
        topic = draw.choices(topics(), self._weights)[0]
        writer = _Writer(self._company, draw, number, self._numbers[-1], topic)
        try:
            return writer.ticket()
        finally:
            writer.close()


class _Slots(dict[str, str]):
    """Words for the slots of a topic's sentences, drawn when they are wanted and then the same within a ticket."""

    def __init__(self, makers: dict[str, Callable[[], str]]) -> None:
        super().__init__()
        self._makers = makers

    def __missing__(self, slot: str) -> str:
        made = self[slot] = self._makers[slot]()
        return made


@dataclass(slots=True)
class _Course:
    """How far a ticket got, and when."""

    status: TicketStatus
    created: datetime
    updated: datetime
    resolved: datetime | None
    closed: datetime | None


class _Writer:
    def __init__(self, company: Company, draw: random.Random, number: int, last: int, topic: Topic) -> None:
        self._company, self._draw, self._number, self._topic = company, draw, number, topic
        self._age = 1 - number / (last + 1)
        self._kind = draw.choices(_KINDS, _KIND_WEIGHTS)[0]
        self._requester: Person = draw.choice(company.active_people)
        self._offer: CatalogItem | None = draw.choice(CATALOG) if self._kind == "request" else None
        self._team = self._offer.team if self._offer else topic.team
        self._agents = company.team(self._team).members
        self._item: Item | None = self._concerned()
        self._slots = _Slots(self._makers())

    def close(self) -> None:
        """Breaks the cycle with the slots, so that a large company is not held until the collector runs."""
        self._slots = _Slots({})

    def ticket(self) -> Ticket:
        draw, topic, offer = self._draw, self._topic, self._offer
        course = self._course()
        impact, urgency = draw.choices((1, 2, 3), (1, 4, 8))[0], draw.choices((1, 2, 3), (1, 4, 6))[0]
        priority = _PRIORITY[impact - 1][urgency - 1]
        taken = course.status != "new" or draw.random() < 0.3
        assignee = draw.choice(self._agents) if taken else ""
        opener = self._requester.key if draw.random() < 0.7 else draw.choice(self._company.service_desk)
        secret = self._team if topic.key in ("malware", "payroll", "offboarding") and offer is None else ""
        ended = course.status in ("resolved", "closed")
        due = course.created + timedelta(hours=_HOURS[priority]) if self._kind != "change" else None
        return Ticket(
            number=self._number,
            kind=self._kind,
            summary=self._summary(),
            description=self._description(),
            status=course.status,
            category=offer.category if offer else topic.category,
            subcategory="" if offer else topic.subcategory,
            priority=priority,
            impact=impact,
            urgency=urgency,
            requester=self._requester.key,
            opened_by=opener,
            assignee=assignee,
            team=self._team,
            organisation=self._requester.organisation,
            service=self._service(),
            item=self._item.key if self._item else "",
            catalog_item=offer.key if offer else "",
            parent=self._parent(),
            tags=tuple(tag for tag in _TAGS if draw.random() < 0.06),
            resolution=self._fill(draw.choice(_DELIVERED if offer else topic.fixes)) if ended else "",
            confidential=secret,
            created=course.created,
            updated=course.updated,
            resolved=course.resolved,
            closed=course.closed,
            due=due,
            comments=tuple(self._comments(course, assignee or draw.choice(self._agents))),
            attachments=tuple(self._attachments(course)),
        )

    def _course(self) -> _Course:
        """Old tickets are closed; a batch closed many of them in one second."""
        draw, until = self._draw, self._company.until
        days = self._age**1.7 * 420
        created = until - timedelta(seconds=int(days * 86_400) + draw.randrange(2 * 86_400) + 300)
        age = (until - created).total_seconds()
        status = self._status(age / 86_400)
        last = created + timedelta(seconds=int(min(age - 1, draw.expovariate(1 / 200_000) + 120)))
        if status not in ("resolved", "closed", "cancelled"):
            return _Course(status, created, last, None, None)
        if status == "resolved":
            return _Course(status, created, last, last, None)
        swept = until - timedelta(days=int(age / 86_400 / 3) // 7 * 7, hours=21)
        closed = swept if draw.random() < 0.3 and swept > last else last
        return _Course(status, created, closed, last if status == "closed" else None, closed)

    def _status(self, days: float) -> TicketStatus:
        draw = self._draw.random()
        if draw < 0.04:
            return "cancelled"
        if days > 40:
            return "closed" if draw < 0.97 else "on_hold"
        if days > 14:
            return "closed" if draw < 0.6 else "resolved" if draw < 0.85 else "in_progress"
        if days > 3:
            return "resolved" if draw < 0.5 else "in_progress" if draw < 0.85 else "on_hold"
        return "new" if draw < 0.4 else "in_progress" if draw < 0.8 else "on_hold"

    def _service(self) -> str:
        if self._offer is None:
            return self._topic.service
        return next((one.key for one in SERVICES if one.team == self._team), "workplace")

    def _summary(self) -> str:
        if self._offer:
            return f"{self._offer.name} for {self._requester.name}"
        if self._kind == "change":
            return self._fill(self._draw.choice(_CHANGES))
        text = self._fill(self._draw.choice(self._topic.summaries))
        return f"Recurring: {text}" if self._kind == "problem" else text

    def _description(self) -> str:
        if offer := self._offer:
            return f"{offer.description}. " + " ".join(
                f"{name}: {self._answer(name)}." for name in offer.questions
            )
        chosen = self._draw.sample(self._topic.details, self._draw.randint(1, len(self._topic.details)))
        return " ".join(self._fill(sentence) for sentence in chosen)

    def _answer(self, question: str) -> str:
        known = {"site": self._slots["site"], "reason": "project at the port", "quantity": self._slots["n"]}
        return known.get(question) or self._slots["code"]

    def _comments(self, course: _Course, agent: str) -> Iterator[Comment]:
        """Agent and requester in turns; about a third is for agents only, and some are said in the same second."""
        draw = self._draw
        span = (course.updated - course.created).total_seconds()
        moments = sorted(draw.random() for _ in range(draw.choices(range(7), (1, 3, 5, 5, 3, 2, 1))[0]))
        ours, asked = (_DELIVERING, _ASKING) if self._offer else (self._topic.checks, self._topic.details)
        first = draw.randrange(3)
        for turn, moment in enumerate(moments):
            theirs = turn % 3 == 2
            said = asked[turn % len(asked)] if theirs else ours[(first + turn) % len(ours)]
            at = course.created + timedelta(seconds=int(span * (moments[turn - 1] if turn == 1 else moment)))
            public = theirs or draw.random() < 0.5
            yield Comment(self._requester.key if theirs else agent, at, self._fill(said), public)

    def _attachments(self, course: _Course) -> Iterator[Attachment]:
        if self._draw.random() > 0.08:
            return
        if self._draw.random() < 0.5:
            code = self._slots["code"]
            lines = "".join(f"{course.created:%H:%M:%S} {code} step {step}\n" for step in range(1, 20))
            yield Attachment("log.txt", "text/plain", lines.encode(), self._requester.key, course.created)
        else:
            picture = _png(self._draw.getrandbits(24))
            yield Attachment("screenshot.png", "image/png", picture, self._requester.key, course.created)

    def _parent(self) -> int:
        if self._kind != "incident" or self._draw.random() > 0.05:
            return 0
        number = max(1, self._number - self._draw.randint(1, 40))
        return 0 if number % _DELETED_EVERY == _DELETED_AT or number == self._number else number

    def _concerned(self) -> Item | None:
        found = self._company.items_of(self._topic.item_kind)
        return self._draw.choice(found) if found and self._draw.random() < 0.75 else None

    def _makers(self) -> dict[str, Callable[[], str]]:
        draw, company = self._draw, self._company
        return {
            "n": lambda: str(draw.randint(2, 40)),
            "code": lambda: str(draw.randint(100, 9999)),
            "room": lambda: f"{draw.choice('ABCDH')}{draw.randint(1, 4)}.{draw.randint(1, 30):02d}",
            "day": lambda: draw.choice(_DAYS),
            "app": lambda: draw.choice(_APPS),
            "site": lambda: company.site(self._requester.site).name,
            "device": lambda: self._item.name if self._item else f"HQ{draw.randint(1, 99_999):05d}",
            "person": lambda: draw.choice(company.active_people).name,
            "team": lambda: draw.choice(company.support_teams).name,
            "org": lambda: draw.choice(company.customers).name,
            "service": lambda: company.service(self._topic.service).name,
        }

    def _fill(self, sentence: str) -> str:
        return sentence.format_map(self._slots)


def _png(colour: int) -> bytes:
    """A picture of 8 by 8 points in one colour, given as 0xRRGGBB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = (b"\0" + colour.to_bytes(3, "big") * 8) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
