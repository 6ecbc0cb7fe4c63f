"""The addresses that bodies carry, for one base URL and API version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Links:
    """`base` has no slash at its end; `version` is `2` or `3`; times are shown in `zone`."""

    base: str
    version: str
    zone: ZoneInfo

    def api(self, path: str) -> str:
        """An address in the platform API."""
        return f"{self.base}/rest/api/{self.version}/{path}"

    def desk(self, path: str) -> str:
        """An address in the service-desk API."""
        return f"{self.base}/rest/servicedeskapi/{path}"

    def icon(self, path: str) -> str:
        """An address of a picture."""
        return f"{self.base}/{path}"

    def avatars(self, kind: str, number: str) -> dict[str, str]:
        """The four sizes of an avatar."""
        address = self.api(f"universal_avatar/view/type/{kind}/avatar/{number}")
        sizes = {"48x48": "", "24x24": "?size=small", "16x16": "?size=xsmall", "32x32": "?size=medium"}
        return {size: address + query for size, query in sizes.items()}

    def time(self, moment: datetime) -> str:
        """A moment as Jira writes it, in the caller's zone: `2022-01-08T23:02:29.431-0500`."""
        local = moment.astimezone(self.zone)
        return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"

    def desk_time(self, moment: datetime) -> dict[str, Any]:
        """A moment as the service-desk API writes it, in four ways."""
        local = moment.astimezone(self.zone)
        return {
            "iso8601": f"{local:%Y-%m-%dT%H:%M:%S%z}",
            "jira": self.time(moment),
            "friendly": f"{local:%d/%b/%y %I:%M %p}",
            "epochMillis": int(moment.timestamp() * 1000),
        }
