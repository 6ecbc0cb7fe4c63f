"""Jira Cloud with Jira Service Management, and Confluence for its knowledge."""

from deskmind.connectors.jira.connector import Jira, JiraOptions

__all__ = ["Jira", "JiraOptions"]
