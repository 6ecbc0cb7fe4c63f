"""``deskmind top``: the dashboards' numbers on a terminal.

``source`` reads metrics, ``glance`` makes rates and percentiles of two readings, ``screen`` draws them, ``command`` is what
a person types.
"""

from __future__ import annotations

from deskmind.cli.top.command import top

__all__ = ["top"]
