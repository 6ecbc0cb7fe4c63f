"""YAML from others, read without aliases: a few hundred bytes of those stand for gigabytes."""

from __future__ import annotations

from typing import Any, cast

import yaml

__all__ = ["PlainLoader"]


class PlainLoader(yaml.SafeLoader):
    """Makes plain values, each of which stands where it is used; an alias is a ``ConstructorError``."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """One value."""
        if self.check_event(yaml.AliasEvent):  # pyright: ignore[reportUnknownMemberType]
            event = cast("yaml.AliasEvent", self.peek_event())  # pyright: ignore[reportUnknownMemberType]
            mark = cast("yaml.Mark", event.start_mark)
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)  # pyright: ignore[reportUnknownVariableType]
