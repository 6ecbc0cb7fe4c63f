"""Creating and changing issues: fields and `update` operations, with the changelog they leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira.field_input import NOT_ON_SCREEN, Invalid, Reader, rich
from deskmind.sandbox.jira.fields import BY_ID, EDITABLE, Field, option_text
from deskmind.sandbox.jira.issue import Change, Comment, Issue, Item, Link
from deskmind.sandbox.jira.refusal import field_errors
from deskmind.sandbox.jira.render_issue import LINK_TYPES
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.shape import items, mapping, named
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site


def project_of(site: Site, sight: Sight, fields: dict[str, Any]) -> Project:
    """The project that a new issue names; `Refused` in the recorded words."""
    if "project" not in fields:
        raise field_errors({"project": "Specify a valid project ID or key"})
    project = site.project(named(fields["project"], "id", "key"))
    if project is None or not sight.browses(project):
        raise field_errors({"project": "Specify a valid project ID or key"})
    if not sight.works_in(project):
        raise field_errors({"project": "You do not have permission to create issues in this project."})
    return project


class Editor:
    """Writes for one caller; each write is one entry of the changelog."""

    def __init__(self, site: Site, sight: Sight, version: str) -> None:
        self.site = site
        self.sight = sight
        self.version = version

    def create(self, body: dict[str, Any]) -> Issue:
        """A new issue; `Refused` with every field's error at once."""
        fields = mapping(body.get("fields"))
        project = project_of(self.site, self.sight, fields)
        reader = Reader(self.site, self.sight, project, self.version)
        given = {name: value for name, value in fields.items() if name != "project"}
        values = self._read(reader, given, require=("summary", "issuetype"))
        issue = self.place(project, values)
        extra = mapping(body.get("update"))
        if extra:
            self._operate(reader, issue, extra, {})
        return issue

    def place(self, project: Project, values: dict[str, Any], reporter: str | None = None) -> Issue:
        """Stores a new issue with the site's defaults."""
        site = self.site
        project.last_number += 1
        now = site.clock()
        middle = list(site.priorities)[len(site.priorities) // 2]
        defaults: dict[str, Any] = {
            "status": next(iter(site.statuses)),
            "priority": middle,
            "reporter": reporter or self.sight.account,
            "creator": self.sight.account,
            "labels": [],
        }
        key = f"{project.key}-{project.last_number}"
        issue = Issue(site.next_id(), key, project.id, now, now, defaults | values)
        issue.watchers.append(self.sight.account)
        site.add(issue)
        return issue

    def change(
        self, issue: Issue, body: dict[str, Any], allowed: tuple[str, ...] = EDITABLE
    ) -> Change | None:
        """Applies `fields` and `update`; the changelog entry, or None where nothing was different."""
        reader = Reader(self.site, self.sight, self.site.projects[issue.project_id], self.version)
        values = self._read(reader, mapping(body.get("fields")), allowed=allowed)
        before = issue.snapshot()
        operated = self._operate(reader, issue, mapping(body.get("update")), values)
        change = self.apply(issue, values, before=before)
        if change is None and operated:
            self.site.touch(issue, before=before)
        return change

    def apply(self, issue: Issue, values: dict[str, Any], *, before: Issue | None = None) -> Change | None:
        """Stores read values."""
        before = before or issue.snapshot()
        changed = [
            self._item(BY_ID[name], issue.values.get(name), value)
            for name, value in values.items()
            if issue.values.get(name) != value and not (not issue.values.get(name) and not value)
        ]
        issue.values.update(values)
        if not changed:
            return None
        change = Change(str(self.site.next_id()), self.sight.account, self.site.clock(), tuple(changed))
        issue.changes.append(change)
        self.site.touch(issue, before=before)
        return change

    def comment(self, issue: Issue, body: dict[str, Any], *, public: bool = True) -> Comment:
        """A new comment, from a request's body; a plain string is refused in version 3."""
        try:
            text = rich(body.get("body"), self.version)
        except Invalid:
            raise field_errors({"comment": "Comment body is not valid!"}) from None
        if text is None or not adf.plain(text).strip():
            raise field_errors({"comment": "Comment body can not be empty!"})
        return self.place_comment(
            issue, text, public=self._is_public(body, public), visibility=visibility(body)
        )

    def place_comment(
        self,
        issue: Issue,
        text: dict[str, Any],
        *,
        public: bool,
        visibility: tuple[str, str] | None = None,
    ) -> Comment:
        """Stores a comment."""
        before = issue.snapshot()
        now = self.site.clock()
        number = str(self.site.next_id())
        made = Comment(number, self.sight.account, text, now, now, public, visibility)
        issue.comments.append(made)
        self.site.touch(issue, before=before)
        return made

    @staticmethod
    def _is_public(body: dict[str, Any], default: bool) -> bool:
        for each in items(body.get("properties")):
            if mapping(each).get("key") == "sd.public.comment":
                return not mapping(mapping(each).get("value")).get("internal", False)
        return default

    def _read(
        self,
        reader: Reader,
        given: dict[str, Any],
        require: tuple[str, ...] = (),
        allowed: tuple[str, ...] = EDITABLE,
    ) -> dict[str, Any]:
        errors: dict[str, str] = {}
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in allowed:
                errors[name] = NOT_ON_SCREEN.format(name)
                continue
            try:
                values[name] = reader.read(BY_ID[name], value)
            except Invalid as invalid:
                errors[name] = str(invalid)
        if "summary" in require and "summary" not in given:
            errors["summary"] = "You must specify a summary of the issue."
        if "issuetype" in require and "issuetype" not in given:
            errors["issuetype"] = "Specify an issue type"
        if errors:
            raise field_errors(errors)
        return values

    def _operate(self, reader: Reader, issue: Issue, update: dict[str, Any], values: dict[str, Any]) -> bool:
        """`update` operations; fields end up in `values`, comments and links on the issue."""
        operated = False
        for name, operations in update.items():
            for operation in map(mapping, items(operations)):
                if name == "comment":
                    self.comment(issue, mapping(operation.get("add")))
                elif name == "issuelinks":
                    self._link(issue, mapping(operation.get("add")))
                    operated = True
                else:
                    self._field_operation(reader, issue, name, operation, values)
        return operated

    def _field_operation(
        self,
        reader: Reader,
        issue: Issue,
        name: str,
        operation: dict[str, Any],
        values: dict[str, Any],
    ) -> None:
        if name not in EDITABLE:
            raise field_errors({name: NOT_ON_SCREEN.format(name)})
        field = BY_ID[name]
        held: list[Any] = (
            list(values.get(name, issue.values.get(name)) or []) if field.schema_type == "array" else []
        )
        try:
            for verb, value in operation.items():
                _VERBS.get(verb, _unknown_verb)(reader, field, held, value, values)
        except Invalid as invalid:
            raise field_errors({name: str(invalid)}) from None

    def _link(self, issue: Issue, body: dict[str, Any]) -> None:
        kind = named(body.get("type"), "name")
        outward = "outwardIssue" in body
        other = self.site.issue(named(body.get("outwardIssue") or body.get("inwardIssue"), "key", "id"))
        if kind not in LINK_TYPES or other is None or not self.sight.sees(other):
            raise field_errors({"issuelinks": "No issue link type with name or no issue with key found."})
        link(self.site, issue, other, kind, outward=outward)

    def _item(self, field: Field, old: Any, new: Any) -> Item:
        coded = field.kind not in ("text", "rich", "date", "number", "labels")
        return Item(
            field.name if field.custom else field.id,
            field.id,
            _code(old) if coded else None,
            self._shown(field, old),
            _code(new) if coded else None,
            self._shown(field, new),
        )

    def _shown(self, field: Field, value: Any) -> str | None:
        if value is None or value == []:
            return None
        site = self.site
        catalogues: dict[str, dict[str, Any]] = {
            "status": site.statuses,
            "priority": site.priorities,
            "resolution": site.resolutions,
            "issuetype": site.types,
            "security": site.levels,
            "user": site.users,
        }
        if field.kind in catalogues:
            return str(catalogues[field.kind][value].name)
        if field.kind == "option":
            return option_text(field.id, value)
        if field.kind == "rich":
            return adf.to_wiki(value)
        return _code(value)


def link(site: Site, issue: Issue, other: Issue, kind: str, *, outward: bool) -> None:
    """Links two issues; each shows the other."""
    number = str(site.next_id())
    before, other_before = issue.snapshot(), other.snapshot()
    issue.links.append(Link(number, kind, outward, other.id))
    other.links.append(Link(number, kind, not outward, issue.id))
    site.touch(issue, before=before)
    site.touch(other, before=other_before)


def visibility(body: dict[str, Any]) -> tuple[str, str] | None:
    """The group or role that a comment is limited to."""
    held = mapping(body.get("visibility"))
    if not held:
        return None
    name = named(held, "value", "identifier")
    if held.get("type") not in ("group", "role") or not name:
        raise field_errors(
            {"commentLevel": "Invalid visibility: a type of 'group' or 'role' and a value are needed."}
        )
    return str(held["type"]), name


def _code(value: Any) -> str | None:
    if value is None:
        return None
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType]


_Verb = Callable[[Reader, Field, list[Any], Any, dict[str, Any]], None]


def _set(reader: Reader, field: Field, held: list[Any], value: Any, values: dict[str, Any]) -> None:
    values[field.id] = reader.read(field, value)


def _add(reader: Reader, field: Field, held: list[Any], value: Any, values: dict[str, Any]) -> None:
    values[field.id] = reader.read(field, [*map(_as_id, held), value])


def _remove(reader: Reader, field: Field, held: list[Any], value: Any, values: dict[str, Any]) -> None:
    gone = reader.read(field, [value])
    values[field.id] = [each for each in held if each not in gone]


def _unknown_verb(reader: Reader, field: Field, held: list[Any], value: Any, values: dict[str, Any]) -> None:
    raise Invalid(f"Field does not support the operation on '{field.id}'")


def _as_id(value: Any) -> Any:
    return value


_VERBS: dict[str, _Verb] = {"set": _set, "add": _add, "remove": _remove, "edit": _set}
