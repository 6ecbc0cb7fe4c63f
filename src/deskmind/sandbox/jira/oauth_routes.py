"""OAuth 2's own addresses: consent, tokens, and the sites that a token reaches."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from deskmind.sandbox.jira.call import Call, Route, answer
from deskmind.sandbox.jira.refusal import Refused, login_required
from deskmind.sandbox.web import Reply


def authorize(call: Call) -> Reply:
    """Consent of the user who is signed in (basic authentication here): a redirect with a code."""
    scopes = tuple(call.query("scope").split())
    code = call.apps.consent(call.query("client_id"), call.account, scopes)
    target = call.query("redirect_uri")
    if not target.startswith(("http://", "https://")):
        raise Refused(400, {"error": "invalid_request", "error_description": "redirect_uri is missing"})
    query = urlencode({"state": call.query("state"), "code": code})
    return Reply.of(302, headers={"Location": f"{target}{'&' if '?' in target else '?'}{query}"})


def token(call: Call) -> Reply:
    """A code or a refresh token for an access token; JSON or a form."""
    if call.request.content_type == "application/x-www-form-urlencoded":
        given = dict(parse_qsl(call.request.content.decode("utf-8", "replace")))
    else:
        given = {name: str(value) for name, value in call.body().items()}
    return answer(call.apps.exchange(given))


def accessible(call: Call) -> Reply:
    """The sites that the token reaches."""
    if call.grant is None:
        raise login_required()
    shown = {
        "id": call.site.cloud_id,
        "url": call.links.base.partition("/ex/")[0],
        "name": call.site.title,
        "scopes": list(call.grant.scopes),
        "avatarUrl": call.links.icon("favicon.ico"),
    }
    return answer([shown])


ROUTES = (
    Route("GET", "/authorize", authorize),
    Route("POST", "/oauth/token", token, anonymous=True),
    Route("GET", "/oauth/token/accessible-resources", accessible),
)
