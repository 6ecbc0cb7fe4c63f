"""Deskmind: AI for IT service management on PostgreSQL.

>>> from deskmind import Deskmind
"""

__version__ = "0.1.0"
