"""Markdown to and from what the vendors write: Atlassian's document format, HTML, ServiceNow's journals.

All go through one tree (``tree``), so that what one form can say and another too survives both ways.
"""

from deskmind.connectors.text.adf import adf_from_markdown, markdown_from_adf
from deskmind.connectors.text.html import html_from_markdown, markdown_from_html
from deskmind.connectors.text.journal import journal_from_markdown, markdown_from_journal, markdown_from_plain
from deskmind.connectors.text.wiki import markdown_from_wiki

__all__ = [
    "adf_from_markdown",
    "html_from_markdown",
    "journal_from_markdown",
    "markdown_from_adf",
    "markdown_from_html",
    "markdown_from_journal",
    "markdown_from_plain",
    "markdown_from_wiki",
]
