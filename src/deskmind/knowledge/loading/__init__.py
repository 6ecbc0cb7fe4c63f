"""Loaders: bytes of a file to documents of structured blocks.

Markdown, HTML, plain text, PDF, DOCX, CSV and JSON lines, each through a well-kept library. Everything that can be
wrong with a file is a ``DocumentError`` that names the cause and the remedy.
"""

from deskmind.knowledge.loading.files import FoundFile, walk
from deskmind.knowledge.loading.kinds import SUPPORTED_SUFFIXES, media_type_of
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.load import Loader, load

__all__ = ["SUPPORTED_SUFFIXES", "FoundFile", "LoadLimits", "Loader", "load", "media_type_of", "walk"]
