"""Any other system with a REST interface, described in a file instead of code; reads tickets, articles and people."""

from deskmind.connectors.rest.connector import Rest
from deskmind.connectors.rest.description import Description, Listed, describe

__all__ = ["Description", "Listed", "Rest", "describe"]
