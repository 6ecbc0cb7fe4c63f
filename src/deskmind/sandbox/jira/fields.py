"""The fields of a Jira site: ids, the names JQL knows them by, and their schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"
_DESK = "com.atlassian.servicedesk:"


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `kind` decides how it is written, read, compared and shown."""

    id: str
    name: str
    kind: str
    clauses: tuple[str, ...] = ()
    orderable: bool = True
    navigable: bool = True
    searchable: bool = True
    schema_type: str = ""
    items: str = ""
    custom: str = ""

    def to_json(self) -> dict[str, Any]:
        """The field as `/field` lists it."""
        body: dict[str, Any] = {"id": self.id, "key": self.id, "name": self.name, "custom": bool(self.custom)}
        if self.custom:
            body["untranslatedName"] = self.name
        body |= {"orderable": self.orderable, "navigable": self.navigable, "searchable": self.searchable}
        body["clauseNames"] = sorted(self.clause_names())
        if self.schema_type:
            body["schema"] = self.schema()
        return body

    def schema(self) -> dict[str, Any]:
        """The schema of the field's values."""
        body: dict[str, Any] = {"type": self.schema_type}
        if self.items:
            body["items"] = self.items
        if self.custom:
            return body | {"custom": self.custom, "customId": int(self.id.removeprefix("customfield_"))}
        return body | {"system": self.id}

    def clause_names(self) -> list[str]:
        """What JQL calls it."""
        if not self.custom:
            return list(self.clauses)
        return [f"cf[{self.id.removeprefix('customfield_')}]", self.name, *self.clauses]


def _custom(number: int, name: str, kind: str, schema_type: str, custom: str, items: str = "") -> Field:
    return Field(f"customfield_{number}", name, kind, schema_type=schema_type, custom=custom, items=items)


REQUEST_TYPE, ORGANIZATIONS, APPROVERS = "customfield_10010", "customfield_10002", "customfield_10003"
IMPACT, URGENCY, SERVICES, DEVICES = (
    "customfield_10004",
    "customfield_10041",
    "customfield_10042",
    "customfield_10043",
)

ALL: tuple[Field, ...] = (
    Field("issuetype", "Issue Type", "issuetype", ("issuetype", "type", "worktype"), schema_type="issuetype"),
    Field("project", "Project", "project", ("project",), orderable=False, schema_type="project"),
    Field("parent", "Parent", "parent", ("parent",), orderable=False),
    Field("summary", "Summary", "text", ("summary",), schema_type="string"),
    Field("description", "Description", "rich", ("description",), schema_type="string"),
    Field("status", "Status", "status", ("status",), orderable=False, schema_type="status"),
    Field("statusCategory", "Status Category", "category", ("statusCategory",), orderable=False),
    Field(
        "statuscategorychangedate",
        "Status Category Changed",
        "datetime",
        ("statusCategoryChangedDate",),
        orderable=False,
        schema_type="datetime",
    ),
    Field("priority", "Priority", "priority", ("priority",), schema_type="priority"),
    Field("resolution", "Resolution", "resolution", ("resolution",), schema_type="resolution"),
    Field(
        "resolutiondate",
        "Resolved",
        "datetime",
        ("resolutiondate", "resolved"),
        orderable=False,
        schema_type="datetime",
    ),
    Field("assignee", "Assignee", "user", ("assignee",), schema_type="user"),
    Field("reporter", "Reporter", "user", ("reporter",), schema_type="user"),
    Field("creator", "Creator", "user", ("creator",), orderable=False, schema_type="user"),
    Field(
        "created", "Created", "datetime", ("created", "createdDate"), orderable=False, schema_type="datetime"
    ),
    Field(
        "updated", "Updated", "datetime", ("updated", "updatedDate"), orderable=False, schema_type="datetime"
    ),
    Field("duedate", "Due date", "date", ("due", "duedate"), schema_type="date"),
    Field("labels", "Labels", "labels", ("labels",), schema_type="array", items="string"),
    Field("components", "Components", "components", ("component",), schema_type="array", items="component"),
    Field("security", "Security Level", "security", ("level",), schema_type="securitylevel"),
    Field("issuelinks", "Linked Issues", "links", ("issueLink",), schema_type="array", items="issuelinks"),
    Field(
        "attachment",
        "Attachment",
        "attachment",
        ("attachments",),
        navigable=False,
        schema_type="array",
        items="attachment",
    ),
    Field("comment", "Comment", "comment", ("comment",), navigable=False, schema_type="comments-page"),
    Field(
        "worklog",
        "Log Work",
        "worklog",
        navigable=False,
        searchable=False,
        schema_type="array",
        items="worklog",
    ),
    Field(
        "watches",
        "Watchers",
        "watches",
        ("watchers",),
        orderable=False,
        searchable=False,
        schema_type="watches",
    ),
    Field(
        "subtasks",
        "Sub-tasks",
        "subtasks",
        ("subtasks",),
        orderable=False,
        searchable=False,
        schema_type="array",
        items="issuelinks",
    ),
    Field(
        "timespent",
        "Time Spent",
        "timespent",
        ("timespent",),
        orderable=False,
        searchable=False,
        schema_type="number",
    ),
    Field(
        "issuekey",
        "Key",
        "key",
        ("id", "issue", "issuekey", "key"),
        orderable=False,
        searchable=False,
    ),
    _custom(
        10002,
        "Organizations",
        "organizations",
        "array",
        _DESK + "sd-customer-organizations",
        "sd-customerorganization",
    ),
    _custom(10003, "Approvers", "users", "array", _CUSTOM + "multiuserpicker", "user"),
    _custom(10004, "Impact", "option", "option", _CUSTOM + "select"),
    _custom(10010, "Request Type", "requesttype", "sd-customerrequesttype", _DESK + "vp-origin"),
    _custom(10015, "Start date", "date", "date", _CUSTOM + "datepicker"),
    _custom(10016, "Story point estimate", "number", "number", "com.pyxis.greenhopper.jira:jsw-story-points"),
    _custom(10041, "Urgency", "option", "option", _CUSTOM + "select"),
    _custom(10042, "Affected services", "labels", "array", _CUSTOM + "labels", "string"),
    _custom(10043, "Affected hardware", "labels", "array", _CUSTOM + "labels", "string"),
)
BY_ID = {field.id: field for field in ALL}
BY_CLAUSE = {name.lower(): field for field in ALL for name in field.clause_names()}
OPTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    IMPACT: (
        ("10000", "Extensive / Widespread"),
        ("10001", "Significant / Large"),
        ("10002", "Moderate / Limited"),
        ("10003", "Minor / Localized"),
    ),
    URGENCY: (("10010", "Critical"), ("10011", "High"), ("10012", "Medium"), ("10013", "Low")),
}
EDITABLE = tuple(
    field.id
    for field in ALL
    if field.id
    in {
        "summary",
        "description",
        "issuetype",
        "priority",
        "assignee",
        "reporter",
        "duedate",
        "labels",
        "components",
        "security",
        "parent",
    }
    or (field.custom and field.kind != "requesttype")
)


def option_text(field_id: str, option_id: str) -> str:
    """The words of an option."""
    return next((text for known, text in OPTIONS.get(field_id, ()) if known == option_id), option_id)
