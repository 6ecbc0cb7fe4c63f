"""The endpoint as a resource that OAuth protects: who gives tokens for it, and what one lacks.

After the protocol's authorization (2025-11-25), RFC 9728 (protected resource metadata) and RFC 6750 (bearer tokens). The
authorisation server is the tenants' identity provider, ``[oidc]``; nothing here gives tokens.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deskmind.api.problems import problem_response
from deskmind.errors import AuthenticationError, DeskmindError, InsufficientScopeError
from deskmind.governance.access.oidc.resource import TokenResource
from deskmind.settings import Settings

__all__ = ["Protection", "protection_of"]

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Protection:
    """What clients are told about getting a token.

    Args:
        resource: the endpoint, as tokens are meant for it.
        issuer: who gives them.
    """

    def __init__(self, resource: TokenResource, issuer: str) -> None:
        self.resource = resource
        self._issuer = issuer
        address = urlsplit(resource.url)
        self._path = address.path.rstrip("/")
        self._metadata_url = f"{address.scheme}://{address.netloc}{_WELL_KNOWN}{self._path}"

    def routes(self) -> list[Route]:
        """The metadata, at the address of the resource's path and, for clients that look there, of the host."""

        async def metadata(_: Request) -> Response:
            return JSONResponse(self.metadata(), headers={"Cache-Control": "max-age=3600"})

        paths = dict.fromkeys((f"{_WELL_KNOWN}{self._path}", _WELL_KNOWN))
        return [Route(path, metadata, methods=["GET"], include_in_schema=False) for path in paths]

    def metadata(self) -> dict[str, object]:
        """The protected resource's metadata."""
        return {
            "resource": self.resource.url,
            "authorization_servers": [self._issuer],
            "scopes_supported": [self.resource.read_scope, self.resource.write_scope],
            "bearer_methods_supported": ["header"],
            "resource_name": "Deskmind",
        }

    def refusal(self, error: DeskmindError, *, shown: bool) -> Response:
        """The response to who is nobody, or whose token permits too little.

        Args:
            error: what was refused.
            shown: whether the request carried credentials.
        """
        response = problem_response(error.status, error.problem())
        if isinstance(error, InsufficientScopeError):
            response.headers["WWW-Authenticate"] = self._challenge(
                "insufficient_scope", error.details["scope"]
            )
        elif isinstance(error, AuthenticationError):
            said = "invalid_token" if shown else ""
            response.headers["WWW-Authenticate"] = self._challenge(said, self.resource.read_scope)
        return response

    def _challenge(self, error: str, scope: str) -> str:
        parts = {"error": error, "scope": scope, "resource_metadata": self._metadata_url}
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts.items() if value)


def protection_of(settings: Settings) -> Protection | None:
    """How ``/mcp`` is protected; None where no identity provider, or no address of the endpoint, is configured."""
    mcp = settings.mcp
    if settings.oidc.issuer is None or mcp.url is None:
        return None
    return Protection(TokenResource(mcp.url, mcp.read_scope, mcp.write_scope), settings.oidc.issuer)
