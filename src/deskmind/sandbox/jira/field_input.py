"""Reading a field's value from a request: the stored form, or why Jira would refuse it."""

from __future__ import annotations

from datetime import date
from typing import Any

from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira.fields import OPTIONS, Field
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.shape import items, mapping, named
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site

NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
NEEDS_DOCUMENT = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"


class Invalid(Exception):
    """A value that Jira refuses; `args[0]` are its words."""


class Reader:
    """Reads values for one project, as one caller, in one API version."""

    def __init__(self, site: Site, sight: Sight, project: Project, version: str) -> None:
        self.site = site
        self.sight = sight
        self.project = project
        self.version = version

    def read(self, field: Field, value: Any) -> Any:
        """The stored form of a value; `Invalid` with Jira's words."""
        match field.kind:
            case "text":
                return self._summary(value) if field.id == "summary" else self._string(value)
            case "rich":
                return rich(value, self.version)
            case "user":
                return self._user(field, value)
            case "users":
                return [self._account(field, each) for each in items(value)]
            case "labels":
                return self._labels(value)
            case "date":
                return _date(value)
            case "number":
                return _number(value)
            case _:
                return self._chosen(field, value)

    def _summary(self, value: Any) -> str:
        text = self._string(value).strip()
        if not text:
            raise Invalid("You must specify a summary of the issue.")
        if len(text) > 255:
            raise Invalid("Summary must be less than 255 characters.")
        if "\n" in text:
            raise Invalid("The summary is invalid because it contains newline characters.")
        return text

    def _string(self, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Invalid("Operation value must be a string")
        return value

    def _user(self, field: Field, value: Any) -> str | None:
        if value is None or not named(value, "accountId", "id"):
            return None
        account = self._account(field, value)
        one = self.site.users[account]
        if field.id == "assignee" and not Sight(self.site, one).works_in(self.project):
            raise Invalid(f"User '{account}' cannot be assigned issues.")
        return account

    def _account(self, field: Field, value: Any) -> str:
        account = named(value, "accountId", "id")
        if account == "-1":
            return self.project.lead
        if account not in self.site.users or not self.site.users[account].active:
            raise Invalid(f"Specify a valid value for {field.name.lower()}")
        return account

    def _labels(self, value: Any) -> list[str]:
        found = [str(each) for each in items(value)]
        for label in found:
            if " " in label:
                raise Invalid(f"The label '{label}' contains spaces which is invalid.")
        return sorted(set(found))

    def _chosen(self, field: Field, value: Any) -> Any:
        site = self.site
        wanted = named(value, "id", "name", "key", "value")
        match field.kind:
            case "issuetype":
                found = [
                    each.id
                    for each in site.types.values()
                    if each.id in self.project.types and wanted in (each.id, each.name)
                ]
                return _only(found, "Specify a valid issue type")
            case "priority":
                found = [each.id for each in site.priorities.values() if wanted in (each.id, each.name)]
                return _only(found, "The priority selected is invalid.")
            case "resolution":
                found = [each.id for each in site.resolutions.values() if wanted in (each.id, each.name)]
                return None if value is None else _only(found, f"Resolution '{wanted}' is not valid")
            case "security":
                return self._security(value, wanted)
            case "option":
                found = [each for each, text in OPTIONS.get(field.id, ()) if wanted in (each, text)]
                return (
                    None
                    if value is None
                    else _only(found, f"Specify a valid 'id' or 'name' for {field.name}")
                )
            case "components":
                return [self._component(each) for each in items(value)]
            case "parent":
                parent = site.issue(wanted)
                if parent is None or not self.sight.sees(parent):
                    raise Invalid("Could not find issue by id or key.")
                return str(parent.id)
            case "organizations":
                return [self._organization(each) for each in items(value)]
            case _:
                raise Invalid(NOT_ON_SCREEN.format(field.id))

    def _security(self, value: Any, wanted: str) -> str | None:
        if value is None:
            return None
        found = [each for each in self.project.levels if wanted in (each, self.site.levels[each].name)]
        level = _only(found, "Security level must be a valid level of the project's scheme.")
        if not self.sight.holds(self.site.levels[level].holders, project=self.project):
            raise Invalid("You do not have permission to set this security level.")
        return level

    def _component(self, value: Any) -> str:
        wanted = named(value, "id", "name")
        found = [each.id for each in self.project.components if wanted in (each.id, each.name)]
        return _only(found, f"Component name '{wanted}' is not valid")

    def _organization(self, value: Any) -> str:
        wanted = named(value, "id")
        if wanted not in self.site.organizations:
            raise Invalid(f"Organization '{wanted}' does not exist")
        return wanted


def rich(value: Any, version: str) -> dict[str, Any] | None:
    """Rich text: version 3 takes ADF only, version 2 a string only."""
    if value is None:
        return None
    if version == "3":
        if not adf.is_document(value):
            raise Invalid(NEEDS_DOCUMENT)
        return mapping(value)
    if not isinstance(value, str):
        raise Invalid("Operation value must be a string")
    return adf.from_wiki(value) if value else None


def _only(found: list[str], otherwise: str) -> str:
    if not found:
        raise Invalid(otherwise)
    return found[0]


def _date(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Invalid(f"Error parsing date string: {value}") from None


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid("Operation value must be a number")
    return float(value)
