"""Telling people elsewhere: mail through SMTP, and webhooks; to recipients that the operator named."""

from __future__ import annotations

import asyncio
import json
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from deskmind.agents.tool import DataClass, Preview, ToolContext, tool
from deskmind.agents.tools.http import send_request
from deskmind.connectors import Change
from deskmind.errors import (
    ConfigurationError,
    InvalidRequestError,
    OutcomeUnknownError,
    PermissionDeniedError,
    SourceRequestError,
    SourceUnavailableError,
)
from deskmind.governance.access import Permission
from deskmind.settings import MailSettings

__all__ = ["notify_email", "notify_webhook"]

_INSIDE: frozenset[DataClass] = frozenset({"personal", "restricted"})
_SECONDS = 30.0
_MOST_SUBJECT = 200


async def _mail_preview(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    _recipient(_mail(context), arguments["to"])
    return Preview(tuple(Change(name, None, arguments[name]) for name in ("to", "subject", "text")))


@tool(
    permission=Permission.NOTIFICATIONS_SEND,
    effect="write",
    audience="outside",
    receives=_INSIDE,
    untrusted=False,
    preview=_mail_preview,
)
async def notify_email(context: ToolContext, to: str, subject: str, text: str) -> str:
    """Send a mail to a person or a list, to addresses that are allowed.

    Args:
        context: of the call.
        to: one address.
        subject: one line.
        text: plain text.
    """
    mail = _mail(context)
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, _recipient(mail, to)
    message["Subject"] = " ".join(subject.split())[:_MOST_SUBJECT]
    message["Message-ID"] = f"<{context.effect_id}@deskmind.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    await context.confirm()
    await asyncio.to_thread(_send, mail, message)
    return "sent"


async def _hook_preview(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    _address(context, arguments["name"])
    return Preview(tuple(Change(name, None, arguments[name]) for name in ("name", "text")))


@tool(
    permission=Permission.NOTIFICATIONS_SEND,
    effect="write",
    audience="outside",
    receives=_INSIDE,
    untrusted=False,
    preview=_hook_preview,
)
async def notify_webhook(context: ToolContext, name: str, text: str) -> str:
    """Send a text to a channel, by the name the operator gave it.

    Args:
        context: of the call.
        name: of the channel.
        text: plain text.
    """
    url = _address(context, name)
    parts = urlsplit(url)
    await context.confirm()
    await send_request(
        "POST",
        url,
        hosts=(parts.netloc.lower(),),
        seconds=context.desk.agent_settings.http_seconds,
        networks="any",
        schemes=(parts.scheme,),
        body=json.dumps({"text": text, "id": context.effect_id}).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": context.effect_id},
    )
    return "sent"


def _mail(context: ToolContext) -> MailSettings:
    mail = context.desk.agent_settings.mail
    if mail is None:
        raise ConfigurationError("No mail can be sent.", why="agents.mail is not set.")
    return mail


def _recipient(mail: MailSettings, to: str) -> str:
    """One address that is allowed, and no header in disguise."""
    address = to.strip().lower()
    plain = address.isascii() and address.isprintable() and address.count("@") == 1
    if not plain or any(one in address for one in ' ,;<>"()[]:\\'):
        raise InvalidRequestError(
            "That is no mail address.", remedy="Give one address, such as ann@example.com."
        )
    allowed = {one.lower() for one in mail.recipients}
    if address not in allowed and f"@{address.partition('@')[2]}" not in allowed:
        raise PermissionDeniedError(
            "No mail goes to that address.", why="agents.mail.recipients does not name it."
        )
    return address


def _address(context: ToolContext, name: str) -> str:
    known = context.desk.agent_settings.webhooks
    if name not in known:
        raise InvalidRequestError(
            f"There is no channel '{name[:80]}'.", why=f"There are: {', '.join(sorted(known)) or 'none'}."
        )
    return known[name]


def _send(mail: MailSettings, message: EmailMessage) -> None:
    """Hand the message to the server; blocking.

    Raises:
        SourceUnavailableError: the server was not reached, nothing was sent.
        SourceRequestError: it refuses the message.
        OutcomeUnknownError: the connection broke when the message had been sent.
    """
    try:
        client = _connected(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise SourceUnavailableError("The mail server does not answer.", why=type(error).__name__) from error
    with client:
        _asked(lambda: client.send_message(message))


def _connected(mail: MailSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if mail.tls == "implicit":
        client: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=_SECONDS, context=context)
    else:
        client = smtplib.SMTP(mail.host, mail.port, timeout=_SECONDS)
    if mail.tls == "starttls":
        client.starttls(context=context)
    if mail.user:
        client.login(mail.user, mail.password.get_secret_value())
    return client


def _asked(send: Callable[[], object]) -> None:
    try:
        send()
    except smtplib.SMTPResponseException as error:
        raise SourceRequestError(
            "The mail server refuses the message.", why=f"It says {error.smtp_code}."
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise SourceRequestError("The mail server refuses the address.") from error
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknownError("The mail server did not confirm.", why=type(error).__name__) from error
