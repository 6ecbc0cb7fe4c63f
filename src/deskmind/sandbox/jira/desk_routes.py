"""The service-desk API: desks, request types, queues, customers, organisations."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import desk_render as render
from deskmind.sandbox.jira import jql
from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.people import Organization, User
from deskmind.sandbox.jira.refusal import Refused, desk_error
from deskmind.sandbox.jira.scheme import RequestType, ServiceDesk
from deskmind.sandbox.jira.shape import items
from deskmind.sandbox.web import Reply


def info(call: Call) -> Reply:
    """The service-desk product's version."""
    links = {"self": call.links.desk("info")}
    platform = "1001.0.0-SNAPSHOT"
    date = {
        "iso8601": "2026-01-05T08:01:29+0000",
        "jira": "2026-01-05T08:01:29.000+0000",
        "friendly": "Monday 08:01 AM",
        "epochMillis": 1767600089000,
    }
    return answer(
        {
            "version": "5.3.0",
            "platformVersion": platform,
            "buildDate": date,
            "buildChangeSet": "8b6df7bb",
            "isLicensedForUse": True,
            "_links": links,
        }
    )


def desks(call: Call) -> Reply:
    """The service desks that the caller can raise requests in."""
    found = [each for each in call.site.desks.values() if _reaches(call, each)]
    return answer(render.paged(call, found, lambda each: render.desk(call, each)))


def desk(call: Call) -> Reply:
    """One service desk."""
    return answer(render.desk(call, the_desk(call)))


def request_types(call: Call) -> Reply:
    """The request types of a desk, by words if asked."""
    one = the_desk(call)
    words = call.query("searchQuery").lower()
    found = [
        each for each in one.request_types.values() if words in f"{each.name} {each.description}".lower()
    ]
    return answer(render.paged(call, found, lambda each: render.request_type(call, one, each), most=100))


def all_request_types(call: Call) -> Reply:
    """The request types of every desk that the caller reaches."""
    pairs = [
        (one, each)
        for one in call.site.desks.values()
        if _reaches(call, one)
        for each in one.request_types.values()
    ]
    return answer(render.paged(call, pairs, lambda pair: render.request_type(call, *pair), most=100))


def request_type(call: Call) -> Reply:
    """One request type."""
    one = the_desk(call)
    return answer(render.request_type(call, one, the_type(one, call.path("type"))))


def request_type_fields(call: Call) -> Reply:
    """What a portal's form asks."""
    the_type(the_desk(call), call.path("type"))
    fields = [
        _form_field("summary", "Summary", required=True),
        _form_field("description", "Description", required=False),
    ]
    return answer(
        {
            "requestTypeFields": fields,
            "canRaiseOnBehalfOf": call.sight.agent,
            "canAddRequestParticipants": True,
        }
    )


def queues(call: Call) -> Reply:
    """The queues of a desk, for its agents."""
    one = _agents_desk(call)
    counted = call.flag("includeCount")
    return answer(render.paged(call, list(one.queues), lambda each: _queue(call, one, each, counted)))


def queue_issues(call: Call) -> Reply:
    """The issues of a queue."""
    one = _agents_desk(call)
    queue = next((each for each in one.queues if each.id == call.path("queue")), None)
    if queue is None:
        raise desk_error(404, "The queue does not exist.", "sd.queue.not.found")
    found = jql.search(call.site, call.sight, queue.jql)
    fields = ["issuetype", "summary", "status", "priority", "assignee", "reporter", "created", "updated"]
    return answer(render.paged(call, found, lambda each: call.view.body(each, fields)))


def customers(call: Call) -> Reply:
    """The customers of a desk, by words of name or address."""
    one = _agents_desk(call)
    words = call.query("query").lower()
    found = [call.site.users[each] for each in one.customers]
    shown = [each for each in found if words in f"{each.name} {each.email}".lower()]
    return answer(render.paged(call, shown, lambda each: render.user(call, each)))


def add_customers(call: Call) -> Reply:
    """Adds accounts to the customers of a desk; 204."""
    one = _agents_desk(call)
    for account in map(str, items(call.body().get("accountIds"))):
        if account not in call.site.users:
            raise desk_error(400, "One or more of the users do not exist.")
        if account not in one.customers:
            one.customers.append(account)
    return empty()


def create_customer(call: Call) -> Reply:
    """A new portal-only account; 201."""
    body = call.body()
    email, name = str(body.get("email") or ""), str(body.get("displayName") or body.get("fullName") or "")
    if not call.sight.agent:
        raise desk_error(403, "You do not have permission to create customers.")
    if "@" not in email:
        raise desk_error(400, "The email address is not valid.")
    if call.site.user_by_email(email):
        raise desk_error(400, "An account already exists for this email", "sd.user.exists")
    made = User(
        f"qm:{call.site.cloud_id[:8]}:{call.site.next_id()}", name or email, email, "", kind="customer"
    )
    call.site.users[made.account_id] = made
    return answer(render.user(call, made), 201)


def organizations(call: Call) -> Reply:
    """All organisations, or those of an account."""
    account = call.query("accountId") or ("" if call.sight.agent else call.sight.account)
    found = [each.id for each in call.site.organizations.values() if not account or account in each.members]
    return answer(render.paged(call, found, lambda each: render.organization(call, each)))


def desk_organizations(call: Call) -> Reply:
    """The organisations of a desk."""
    return answer(
        render.paged(call, the_desk(call).organizations, lambda each: render.organization(call, each))
    )


def create_organization(call: Call) -> Reply:
    """A new organisation; 201."""
    name = str(call.body().get("name") or "").strip()
    if not call.sight.agent:
        raise desk_error(403, "You do not have permission to create organizations.")
    if not name:
        raise desk_error(400, "The organization name can not be empty.")
    made = Organization(str(call.site.next_id()), name)
    call.site.organizations[made.id] = made
    return answer(render.organization(call, made.id), 201)


def organization(call: Call) -> Reply:
    """One organisation."""
    return answer(render.organization(call, _organization(call).id))


def organization_users(call: Call) -> Reply:
    """The members of an organisation."""
    found = [call.site.users[each] for each in _organization(call).members]
    return answer(render.paged(call, found, lambda each: render.user(call, each)))


def change_members(call: Call) -> Reply:
    """Adds (POST) or removes (DELETE) members; 204."""
    held = _organization(call)
    accounts = [str(each) for each in items(call.body().get("accountIds"))]
    kept = [each for each in held.members if each not in accounts]
    held.members = kept if call.request.method == "DELETE" else [*kept, *accounts]
    return empty()


def the_desk(call: Call) -> ServiceDesk:
    """The desk of the path, by its id, its project's id or key."""
    wanted = call.path("desk")
    found = call.site.desks.get(wanted)
    project = call.site.project(wanted)
    if found is None and project is not None:
        found = call.site.desk_of(project.id)
    if found is None or not _reaches(call, found):
        raise desk_error(404, "The Service Desk does not exist.", "sd.servicedesk.not.found")
    return found


def the_type(one: ServiceDesk, wanted: str) -> RequestType:
    """A request type of a desk."""
    if wanted not in one.request_types:
        raise desk_error(404, "The request type does not exist.", "sd.request.type.not.found")
    return one.request_types[wanted]


def _agents_desk(call: Call) -> ServiceDesk:
    one = the_desk(call)
    if not call.sight.works_in(call.site.projects[one.project_id]):
        raise Refused(
            403, desk_error(403, "You must be an agent of this service desk.", "sd.agent.only").body
        )
    return one


def _reaches(call: Call, one: ServiceDesk) -> bool:
    shared = any(call.sight.account in call.site.organizations[each].members for each in one.organizations)
    return (
        call.sight.browses(call.site.projects[one.project_id])
        or one.open_access
        or call.sight.account in one.customers
        or shared
    )


def _organization(call: Call) -> Organization:
    found = call.site.organizations.get(call.path("id"))
    if found is None or not (call.sight.agent or call.sight.account in found.members):
        raise desk_error(404, "The organization does not exist.", "sd.organisation.not.found")
    return found


def _form_field(name: str, label: str, *, required: bool) -> dict[str, Any]:
    schema = {"type": "string", "system": name}
    return {
        "fieldId": name,
        "name": label,
        "description": "",
        "required": required,
        "defaultValues": [],
        "validValues": [],
        "presetValues": [],
        "jiraSchema": schema,
        "visible": True,
    }


def _queue(call: Call, one: ServiceDesk, each: Any, counted: bool) -> dict[str, Any]:
    body = {
        "id": each.id,
        "name": each.name,
        "jql": each.jql,
        "fields": ["issuetype", "issuekey", "summary", "status"],
    }
    if counted:
        body["issueCount"] = len(jql.search(call.site, call.sight, each.jql))
    return body | {"_links": {"self": call.links.desk(f"servicedesk/{one.id}/queue/{each.id}")}}


_ROOT = "/rest/servicedeskapi"
ROUTES = (
    Route("GET", f"{_ROOT}/info", info, anonymous=True),
    Route("GET", f"{_ROOT}/servicedesk", desks),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}", desk),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/requesttype", request_types),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/requesttype/{{type}}", request_type),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/requesttype/{{type}}/field", request_type_fields),
    Route("GET", f"{_ROOT}/requesttype", all_request_types),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/queue", queues),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/queue/{{queue}}/issue", queue_issues),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/customer", customers),
    Route("POST", f"{_ROOT}/servicedesk/{{desk}}/customer", add_customers),
    Route("POST", f"{_ROOT}/customer", create_customer),
    Route("GET", f"{_ROOT}/servicedesk/{{desk}}/organization", desk_organizations),
    Route("GET", f"{_ROOT}/organization", organizations),
    Route("POST", f"{_ROOT}/organization", create_organization),
    Route("GET", f"{_ROOT}/organization/{{id}}", organization),
    Route("GET", f"{_ROOT}/organization/{{id}}/user", organization_users),
    Route("POST", f"{_ROOT}/organization/{{id}}/user", change_members),
    Route("DELETE", f"{_ROOT}/organization/{{id}}/user", change_members),
)
