"""Conversations: public replies and private or public notes, with attachments."""

from __future__ import annotations

from deskmind.sandbox.freshservice.account import Account, File, Row
from deskmind.sandbox.freshservice.call import Call, Route, answer, empty
from deskmind.sandbox.freshservice.refusal import denied, invalid, not_found, problem
from deskmind.sandbox.freshservice.tickets import plain
from deskmind.sandbox.web import Reply

REPLY, NOTE = 0, 2


def listed(call: Call) -> Reply:
    """Everything said on a ticket, oldest first."""
    found = call.account.conversations(call.ticket()["id"])
    return call.page(found, "conversations", lambda each: conversation(call, each))


def note(call: Call) -> Reply:
    """A note, private unless it says otherwise; 201."""
    ticket, body = call.ticket(), _checked(call)
    private = body.get("private", True) is not False
    made = place(
        call.account,
        ticket,
        call.scope.id,
        str(body["body"]),
        source=NOTE,
        private=private,
        files=call.files(),
    )
    made["to_emails"] = body.get("notify_emails") or []
    call.workflows.fire("note_added", ticket)
    return answer("conversation", conversation(call, made), 201)


def reply(call: Call) -> Reply:
    """A reply to the requester; 201."""
    ticket, body = call.ticket(), _checked(call)
    made = place(
        call.account,
        ticket,
        call.scope.id,
        str(body["body"]),
        source=REPLY,
        private=False,
        files=call.files(),
    )
    person = call.account.person(ticket["requester_id"]) or {}
    made["to_emails"] = [person.get("primary_email") or person.get("email")]
    made["cc_emails"], made["bcc_emails"] = body.get("cc_emails") or [], body.get("bcc_emails") or []
    call.workflows.fire("reply_sent", ticket)
    return answer("conversation", conversation(call, made), 201)


def change(call: Call) -> Reply:
    """Rewrites a note of one's own."""
    made = _one(call)
    if made["source"] != NOTE or made["user_id"] != call.scope.id:
        raise denied()
    made["body"], made["updated_at"] = str(_checked(call)["body"]), call.account.now()
    return answer("conversation", conversation(call, made))


def delete(call: Call) -> Reply:
    """Deletes; 204."""
    made = _one(call)
    del call.account.table("conversations")[made["id"]]
    call.account.by_ticket[made["ticket_id"]].remove(made["id"])
    return empty()


def place(
    account: Account,
    ticket: Row,
    author: int,
    body: str,
    *,
    source: int,
    private: bool,
    files: list[File] | None = None,
    at: str = "",
) -> Row:
    """Stores what somebody said; the ticket was updated by it."""
    now = at or account.now()
    number = account.next_id()
    made: Row = {
        "id": number,
        "user_id": author,
        "source": source,
        "incoming": author in account.table("requesters"),
        "private": private,
        "created_at": now,
        "updated_at": now,
        "ticket_id": ticket["id"],
        "body": body,
        "from_email": None,
        "to_emails": [],
        "cc_emails": [],
        "bcc_emails": [],
    }
    account.table("conversations")[number] = made
    account.by_ticket.setdefault(ticket["id"], []).append(number)
    account.files[number] = files or []
    if not at:
        ticket["updated_at"] = now
        account.note_activity(ticket["id"], author, " added a private note" if private else " sent a reply")
    return made


def conversation(call: Call, row: Row) -> Row:
    """One entry with its text and files."""
    files = [each.to_json(call.base) for each in call.account.files.get(row["id"], [])]
    return row | {"body_text": plain(row["body"]), "attachments": files}


def _checked(call: Call) -> Row:
    body = call.body()
    errors = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in body
        if name
        not in (
            "body",
            "private",
            "notify_emails",
            "from_email",
            "cc_emails",
            "bcc_emails",
            "user_id",
            "incoming",
        )
    ]
    if not isinstance(body.get("body"), str) or not body["body"].strip():
        errors.append(problem("body", "It should be a/an String", "missing_field"))
    if not isinstance(body.get("private", True), bool):
        errors.append(problem("private", "It should be a/an Boolean", "datatype_mismatch"))
    if errors:
        raise invalid(*errors)
    return body


def _one(call: Call) -> Row:
    """The entry that the path names; tickets' own or by its id alone."""
    found = call.row("conversations", "conversation")
    ticket = call.account.table("tickets").get(found["ticket_id"])
    if ticket is None or ("id" in call.match and ticket["id"] != call.id()):
        raise not_found()
    if not call.scope.sees(ticket):
        raise denied()
    return found


ROUTES = (
    Route("GET", "tickets/{id}/conversations", listed),
    Route("POST", "tickets/{id}/notes", note),
    Route("POST", "tickets/{id}/reply", reply),
    Route("PUT", "tickets/{id}/conversations/{conversation}", change),
    Route("DELETE", "tickets/{id}/conversations/{conversation}", delete),
    Route("PUT", "conversations/{conversation}", change),
    Route("DELETE", "conversations/{conversation}", delete),
)
