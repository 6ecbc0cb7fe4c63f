"""Run as a script: the supervisor, without the rest of Deskmind.

The packages above it load drivers and frameworks; a process that idles for months needs none of them, so bare
packages stand in for them here.
"""

import sys
from types import ModuleType

for _name, _folder in (
    ("deskmind", ""),
    ("deskmind.database", "/database"),
    ("deskmind.database.embedded", "/database/embedded"),
):
    _package = ModuleType(_name)
    _package.__path__ = [sys.argv[1] + _folder]
    sys.modules[_name] = _package

from deskmind.database.embedded._supervisor import main  # noqa: E402

main()
