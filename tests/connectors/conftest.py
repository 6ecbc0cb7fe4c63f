"""The three sandboxes, and a connector to each as its administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deskmind.connectors.core import Basic, Limits, Retry
from deskmind.connectors.freshservice import Freshservice, FreshserviceOptions
from deskmind.connectors.jira import Jira, JiraOptions
from deskmind.connectors.servicenow import ServiceNow
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer

QUICK = Retry(attempts=4, base=0.01, longest=0.02)


@pytest.fixture(scope="session")
async def servicenow_box() -> AsyncIterator[ServiceNowSandbox]:
    async with ServiceNowSandbox() as box:
        yield box


@pytest.fixture(scope="session")
async def jira_box() -> AsyncIterator[JiraSandbox]:
    async with JiraSandbox() as box:
        yield box


@pytest.fixture(scope="session")
async def freshservice_box() -> AsyncIterator[FreshserviceSandbox]:
    async with FreshserviceSandbox(requests_per_minute=1_000_000) as box:
        yield box


@pytest.fixture(scope="session")
async def small_servicenow() -> AsyncIterator[ServiceNowSandbox]:
    """With 40 tickets, for what needs several pages and no more."""
    async with ServiceNowSandbox(size="tiny") as box:
        yield box


@pytest.fixture(scope="session")
async def small_jira() -> AsyncIterator[JiraSandbox]:
    async with JiraSandbox(size="tiny") as box:
        yield box


@pytest.fixture(scope="session")
async def small_freshservice() -> AsyncIterator[FreshserviceSandbox]:
    async with FreshserviceSandbox(size="tiny", requests_per_minute=1_000_000) as box:
        yield box


@pytest.fixture
async def servicenow(servicenow_box: ServiceNowSandbox) -> AsyncIterator[ServiceNow]:
    async with connect(servicenow_box) as source:
        yield source


@pytest.fixture
async def jira(jira_box: JiraSandbox) -> AsyncIterator[Jira]:
    async with connect(jira_box) as source:
        yield source


@pytest.fixture
async def freshservice(freshservice_box: FreshserviceSandbox) -> AsyncIterator[Freshservice]:
    async with connect(freshservice_box) as source:
        yield source


def connect(
    box: SandboxServer, *, limits: Limits | None = None, details: bool = True
) -> ServiceNow | Jira | Freshservice:
    """A connector to a sandbox, which waits hardly at all between attempts."""
    given = box.credentials
    box.faults.clear()
    match box.vendor:
        case "servicenow":
            auth = Basic(given["username"], given["password"])
            return ServiceNow(box.url, auth, retry=QUICK, limits=limits)
        case "jira":
            options = JiraOptions(limit=100_000)
            return Jira(
                box.url, Basic(given["email"], given["token"]), options=options, retry=QUICK, limits=limits
            )
        case _:
            options_of_fresh = FreshserviceOptions(limit=1_000_000, details=details)
            auth = Basic(given["api_key"], "X")
            return Freshservice(box.url, auth, options=options_of_fresh, retry=QUICK, limits=limits)
