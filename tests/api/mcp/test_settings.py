"""What is refused before anything is served."""

from __future__ import annotations

import pytest

from deskmind.api.mcp.oauth import protection_of
from deskmind.errors import ConfigurationError
from deskmind.settings import Settings


def test_a_token_for_mcp_is_none_for_the_http_api() -> None:
    same = "https://desk.example.com/mcp"
    settings = Settings(oidc={"issuer": "https://id.example.com", "audience": same}, mcp={"url": same})
    with pytest.raises(ConfigurationError, match="the same"):
        protection_of(settings)
