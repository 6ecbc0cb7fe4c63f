"""Jira's values: times, references, and which of a site's own fields means what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from deskmind.connectors.model import Reference

__all__ = ["SiteFields", "moment", "reference", "user_reference"]

_FORMS = ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d")
_BY_TYPE = {
    "com.atlassian.servicedesk:vp-origin": "request_type",
    "com.atlassian.servicedesk:sd-customer-organizations": "organisations",
    "com.atlassian.servicedesk:sd-request-participants": "participants",
}
_SLA = "com.atlassian.servicedesk:sd-sla-field"
_BY_NAME = {
    "impact": "impact",
    "urgency": "urgency",
    "affected services": "services",
    "assignment group": "group",
    "pending reason": "",
}


@dataclass(frozen=True, slots=True)
class SiteFields:
    """Ids of the fields that each site numbers for itself; empty where it has none."""

    request_type: str = ""
    organisations: str = ""
    participants: str = ""
    impact: str = ""
    urgency: str = ""
    services: str = ""
    group: str = ""
    levels: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Iterable[Mapping[str, Any]]) -> SiteFields:
        """From the site's list of fields."""
        found: dict[str, str] = {}
        levels: list[str] = []
        for field in fields:
            schema = cast("Mapping[str, Any]", field.get("schema") or {})
            custom, identity = str(schema.get("custom") or ""), str(field.get("id") or "")
            meaning = _BY_TYPE.get(custom) or _BY_NAME.get(str(field.get("name") or "").lower())
            if custom == _SLA:
                levels.append(identity)
            elif meaning and identity.startswith("customfield_"):
                found.setdefault(meaning, identity)
        return cls(**found, levels=tuple(levels))


def moment(value: Any) -> datetime | None:
    """A time in any of Jira's forms, in UTC; milliseconds since 1970 too."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, UTC)
    text = str(value)
    for form in _FORMS:
        try:
            at = datetime.strptime(text, form)
        except ValueError:
            continue
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    raise ValueError("not a time")


def user_reference(value: Any) -> Reference | None:
    """A user: by account id in the cloud, by key or name on older servers."""
    if not isinstance(value, Mapping):
        return None
    user = cast("Mapping[str, Any]", value)
    identity = user.get("accountId") or user.get("key") or user.get("name")
    return Reference(str(identity), str(user.get("displayName") or "")) if identity else None


def reference(value: Any) -> Reference | None:
    """Anything with an id and a name."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[Any]", value)
        return reference(items[0]) if items else None
    if not isinstance(value, Mapping):
        return Reference(str(value), str(value)) if value else None
    one = cast("Mapping[str, Any]", value)
    identity = one.get("id") or one.get("groupId") or one.get("name") or one.get("value")
    return Reference(str(identity), str(one.get("name") or one.get("value") or "")) if identity else None
