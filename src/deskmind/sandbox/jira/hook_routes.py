"""Registering webhooks: an administrator's, with a secret, and an app's, which expire after 30 days."""

from __future__ import annotations

import dataclasses
from typing import Any

from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.hooks import EVENTS, LIFETIME, Hook
from deskmind.sandbox.jira.jql_syntax import parse
from deskmind.sandbox.jira.refusal import Refused, messages
from deskmind.sandbox.jira.shape import items, mapping
from deskmind.sandbox.web import Reply

APPS_ONLY = "Only Connect and OAuth 2.0 apps can use this operation."


def admin_hooks(call: Call) -> Reply:
    """The webhooks that administrators made."""
    _administrator(call)
    return answer([_admin_body(call, hook) for hook in call.hooks.registered.values() if not hook.client])


def admin_hook(call: Call) -> Reply:
    """One of them."""
    _administrator(call)
    return answer(_admin_body(call, _hook(call)))


def add_admin_hook(call: Call) -> Reply:
    """A new webhook with a name and, if wanted, a secret that signs; 201."""
    _administrator(call)
    body = call.body()
    events = _events(body)
    if not body.get("name") or not str(body.get("url") or "").startswith(("http://", "https://")):
        raise messages(400, "A webhook needs a name and a URL.")
    made = call.hooks.add(
        url=str(body["url"]),
        name=str(body["name"]),
        events=events,
        jql=str(mapping(body.get("filters")).get("issue-related-events-section") or ""),
        secret=str(body.get("secret") or ""),
        exclude_body=bool(body.get("excludeBody")),
    )
    return answer(_admin_body(call, made), 201)


def delete_admin_hook(call: Call) -> Reply:
    """Takes a webhook away; 204."""
    _administrator(call)
    del call.hooks.registered[_hook(call).id]
    return empty()


def app_hooks(call: Call) -> Reply:
    """The webhooks of the calling app."""
    client = _client(call)
    found = [_app_body(call, hook) for hook in call.hooks.registered.values() if hook.client == client]
    return answer({"startAt": 0, "maxResults": 100, "total": len(found), "isLast": True, "values": found})


def add_app_hooks(call: Call) -> Reply:
    """Registers webhooks for the calling app; each has an id or errors."""
    client = _client(call)
    body = call.body()
    results: list[dict[str, Any]] = []
    for given in map(mapping, items(body.get("webhooks"))):
        try:
            events, query = _events(given), str(given.get("jqlFilter") or "")
            parse(query)
        except Refused as refused:
            results.append({"errors": refused.body["errorMessages"]})
            continue
        secret = call.apps.apps[client].client_secret
        expires = call.site.clock() + LIFETIME
        made = call.hooks.add(
            url=str(body.get("url")),
            name="",
            events=events,
            jql=query,
            secret=secret,
            client=client,
            expires=expires,
        )
        results.append({"createdWebhookId": made.id})
    return answer({"webhookRegistrationResult": results})


def delete_app_hooks(call: Call) -> Reply:
    """Takes webhooks of the calling app away; 202."""
    for number in _own(call):
        del call.hooks.registered[number]
    return empty(202)


def refresh(call: Call) -> Reply:
    """Another 30 days."""
    expires = call.site.clock() + LIFETIME
    for number in _own(call):
        call.hooks.registered[number] = dataclasses.replace(call.hooks.registered[number], expires=expires)
    return answer({"expirationDate": call.links.time(expires)})


def _own(call: Call) -> list[int]:
    client = _client(call)
    wanted = items(call.body().get("webhookIds"))
    return [
        each
        for each in wanted
        if each in call.hooks.registered and call.hooks.registered[each].client == client
    ]


def _client(call: Call) -> str:
    if call.grant is None:
        raise messages(403, APPS_ONLY)
    return call.grant.app.client_id


def _administrator(call: Call) -> None:
    if not call.site.users[call.account].admin:
        raise messages(
            403, "You are not authorized to perform this operation. Administrator privileges are required."
        )


def _hook(call: Call) -> Hook:
    wanted = call.path("id")
    found = call.hooks.registered.get(int(wanted)) if wanted.isdecimal() else None
    if found is None or found.client:
        raise messages(404, f"The webhook with ID {wanted} does not exist.")
    return found


def _events(body: dict[str, Any]) -> tuple[str, ...]:
    found = tuple(str(each) for each in items(body.get("events")))
    unknown = [each for each in found if each not in EVENTS]
    if unknown or not found:
        raise messages(400, f"The following events are invalid: {', '.join(unknown) or '(none given)'}")
    return found


def _admin_body(call: Call, hook: Hook) -> dict[str, Any]:
    return {
        "self": f"{call.links.base}/rest/webhooks/1.0/webhook/{hook.id}",
        "name": hook.name,
        "url": hook.url,
        "events": list(hook.events),
        "filters": {"issue-related-events-section": hook.jql},
        "excludeBody": hook.exclude_body,
        "enabled": hook.enabled,
        "isSigned": bool(hook.secret),
    }


def _app_body(call: Call, hook: Hook) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": hook.id,
        "url": hook.url,
        "events": list(hook.events),
        "jqlFilter": hook.jql,
    }
    return body if hook.expires is None else body | {"expirationDate": int(hook.expires.timestamp() * 1000)}


ROUTES = (
    Route("GET", "/rest/webhooks/1.0/webhook", admin_hooks),
    Route("POST", "/rest/webhooks/1.0/webhook", add_admin_hook),
    Route("GET", "/rest/webhooks/1.0/webhook/{id}", admin_hook),
    Route("DELETE", "/rest/webhooks/1.0/webhook/{id}", delete_admin_hook),
    Route("GET", "/rest/api/{version}/webhook", app_hooks),
    Route("POST", "/rest/api/{version}/webhook", add_app_hooks),
    Route("DELETE", "/rest/api/{version}/webhook", delete_app_hooks),
    Route("PUT", "/rest/api/{version}/webhook/refresh", refresh),
)
