"""``python -m deskmind.cli``."""

from deskmind.cli.root import main

main()
