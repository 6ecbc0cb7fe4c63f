"""HTTP sessions whose connections are guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

__all__ = ["guarded_session"]


def guarded_session(
    networks: str,
    seconds: float,
    *,
    limit: int = 100,
    resolver: AbstractResolver | None = None,
    decompress: bool = True,
) -> aiohttp.ClientSession:
    """A session that resolves each name anew for each connection and goes to permitted addresses alone.

    It keeps no cookies and asks no proxy. IP addresses in URLs are not resolved, so look at them with ``literal_refused``
    before, and do not let it follow redirects.

    Args:
        networks: ``public`` or ``any``.
        seconds: for a whole request.
        limit: most connections at one time.
        resolver: of names; the system's when left out.
        decompress: whether compressed answers are unpacked.
    """
    import aiohttp

    from deskmind.outbound.resolver import GuardedResolver

    guarded = GuardedResolver(resolver or aiohttp.ThreadedResolver(), networks)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=guarded, use_dns_cache=False, limit=limit),
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=decompress,
    )
