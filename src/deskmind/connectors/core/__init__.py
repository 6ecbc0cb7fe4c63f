"""What all connectors share: one HTTP client that is polite, patient and bounded, and ways through pages."""

from deskmind.connectors.core.auth import Auth, Basic, Header, OAuth, Token
from deskmind.connectors.core.client import Answer, Client
from deskmind.connectors.core.journal import RequestLine, RequestLog
from deskmind.connectors.core.pace import Pace, Reading
from deskmind.connectors.core.reach import Reach
from deskmind.connectors.core.retry import Limits, Retry

__all__ = [
    "Answer",
    "Auth",
    "Basic",
    "Client",
    "Header",
    "Limits",
    "OAuth",
    "Pace",
    "Reach",
    "Reading",
    "RequestLine",
    "RequestLog",
    "Retry",
    "Token",
]
