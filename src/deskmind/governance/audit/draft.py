"""An event on its way into the log: what is written in clear, and what is encrypted for whom."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from deskmind.governance.audit.subjects import Person, SubjectKey

__all__ = ["ABOUT", "BY", "PERSON", "Draft", "Value", "bound_to"]

Value = str | int | float | bool | list[str] | None
"""What a detail may be."""

BY, ABOUT = b"by", b"about"
"""What an encrypted field of an event says: who acted, whom it was about."""

PERSON = {"person": True}
"""Stands in clear where a detail names a person."""


def bound_to(tenant_id: UUID, event_id: UUID, role: bytes) -> bytes:
    """What ties an encrypted field to its place, so that it cannot be moved to another."""
    return tenant_id.bytes + event_id.bytes + role


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that is not written yet.

    Attributes:
        event_id: its id.
        clear: columns that name no person.
        by: the person who acts, if it is one.
        by_whom: what is encrypted for that one.
        about: the person whom it is about, if it is about one.
        about_whom: what is encrypted for that one.
        made: when, by the monotonic clock.
    """

    event_id: UUID
    clear: Mapping[str, Any]
    by: Person | None
    by_whom: Mapping[str, Any]
    about: Person | None
    about_whom: Mapping[str, Any]
    made: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls,
        event_id: UUID,
        *,
        action: str,
        resource: str | Person,
        outcome: str,
        decision: str,
        correlation_id: str,
        details: Mapping[str, Value | Person],
        by: Person | None,
        name: str,
        address: str,
    ) -> Draft:
        """Sort out who is named.

        Raises:
            ValueError: it names two people besides who acts.
        """
        named = {key: value for key, value in details.items() if isinstance(value, Person)}
        people = {*named.values(), *([resource] if isinstance(resource, Person) else [])}
        if len(people) > 1:
            raise ValueError("an event names one person besides who acts")
        about: dict[str, Any] = (
            {"details": {key: str(value) for key, value in named.items()}} if named else {}
        )
        if isinstance(resource, Person):
            about["resource"] = str(resource)
        clear = {
            "principal": "" if by is not None else name,
            "action": action,
            "resource": "" if isinstance(resource, Person) else resource,
            "outcome": outcome,
            "decision": decision,
            "correlation_id": correlation_id,
            "details": {**details, **dict.fromkeys(named, PERSON)},
        }
        whom = {"principal_id": str(by.principal_id), "principal": by.name, "address": address} if by else {}
        return cls(event_id, clear, by, whom, next(iter(people), None), about)

    @property
    def people(self) -> tuple[Person, ...]:
        """Whom it names."""
        return tuple(person for person in (self.by, self.about) if person is not None)

    def row(self, tenant_id: UUID, by: SubjectKey | None, about: SubjectKey | None, now: float) -> str:
        """The columns as JSON, personal ones encrypted under the keys of the people.

        Args:
            tenant_id: whose log.
            by: the key of who acts.
            about: the key of whom it is about.
            now: by the monotonic clock, the same for all that are written together, so that they keep their order.
        """
        row = {"event_id": self.event_id, "age": now - self.made, **self.clear}
        if by is not None:
            row["subject"] = by.key_id
            row["personal"] = self._encrypted(tenant_id, by, self.by_whom, BY)
        if about is not None:
            row["about"] = about.key_id
            row["about_personal"] = self._encrypted(tenant_id, about, self.about_whom, ABOUT)
        return orjson.dumps(row).decode()

    def _encrypted(self, tenant_id: UUID, key: SubjectKey, content: Mapping[str, Any], role: bytes) -> str:
        return key.encrypt(orjson.dumps(content), bound_to(tenant_id, self.event_id, role)).hex()
