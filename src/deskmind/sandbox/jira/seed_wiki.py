"""The demo company's knowledge as Confluence spaces and pages, with its audiences as restrictions."""

from __future__ import annotations

import hashlib
import re

from deskmind.sandbox.company import Article, Audience, Company, KnowledgeBase
from deskmind.sandbox.jira.people import Group, Holders
from deskmind.sandbox.jira.seed_people import account_id
from deskmind.sandbox.jira.seed_scheme import ADMINS, AGENTS
from deskmind.sandbox.jira.site import Site
from deskmind.sandbox.jira.wiki import Page, Space, Wiki
from deskmind.sandbox.readers import members, readers

_STATUS = {"draft": "draft", "published": "current", "retired": "archived"}


def publish(site: Site, wiki: Wiki, company: Company) -> None:
    """Spaces for the knowledge bases, a homepage in each, and the articles below it."""
    for number, base in enumerate(company.knowledge_bases, start=1):
        space = Space(
            str(98_300 + number), base.key.upper(), base.name, _open(site, company, base), _writers()
        )
        space.homepage = str(131_072 + number)
        wiki.spaces[space.id] = space
        owner = account_id(base.owner)
        home = Page(
            space.homepage,
            space.id,
            f"{base.name} home",
            f"<p>{base.name}</p>",
            owner,
            company.until,
            company.until,
        )
        wiki.pages[home.id] = home
    homes = {space.key: space for space in wiki.spaces.values()}
    for article in company.articles:
        _publish(wiki, company, article, homes[article.base.upper()])


def _publish(wiki: Wiki, company: Company, article: Article, space: Space) -> None:
    parent = space.homepage
    alone = article.can_read[0] if len(article.can_read) == 1 and not article.cannot_read else None
    if alone is not None and alone.match_all and alone.active:
        for place, limit in enumerate(_each_kind(alone)[:-1]):
            above = Page(
                f"{article.number * 100 + place}",
                space.id,
                f"{alone.name} ({article.number}.{place})",
                "<p></p>",
                account_id(article.author),
                article.created,
                article.created,
            )
            above.parent, above.restricted = parent, limit
            wiki.pages[above.id] = above
            parent = above.id
    page = Page(
        str(200_000 + article.number),
        space.id,
        article.title,
        article.html,
        account_id(article.author),
        article.created,
        article.updated,
        version=1 + article.number % 5,
        status=_STATUS[article.state],
        parent=parent,
        restricted=_restriction(company, article, alone),
        labels=[re.sub(r"[^a-z0-9]+", "-", article.category.lower()).strip("-")],
    )
    wiki.pages[page.id] = page


def _restriction(company: Company, article: Article, alone: Audience | None) -> Holders | None:
    """Groups where those say it; a list of people where somebody is left out, for Confluence cannot deny."""
    if not article.can_read and not article.cannot_read:
        return None
    if alone is not None and alone.active:
        limits = _each_kind(alone)
        return limits[-1] if alone.match_all else _either(limits)
    allowed = readers(company, article.can_read, article.cannot_read) or frozenset()
    return Holders(users=frozenset(account_id(key) for key in allowed), groups=frozenset({ADMINS}))


def _each_kind(audience: Audience) -> list[Holders]:
    """One holder for each kind that the audience names; administrators are in each."""
    named = (
        frozenset(audience.teams),
        frozenset(f"department-{each}" for each in audience.departments),
        frozenset(f"site-{each}" for each in audience.sites),
        frozenset(f"organisation-{each}" for each in audience.organisations),
        frozenset({AGENTS} if audience.roles else ()),
    )
    found = [Holders(groups=groups | {ADMINS}) for groups in named if groups]
    if audience.people:
        users = frozenset(account_id(key) for key in audience.people)
        found.append(Holders(users=users, groups=frozenset({ADMINS})))
    return found


def _either(limits: list[Holders]) -> Holders:
    users = frozenset[str]().union(*(each.users for each in limits))
    return Holders(users=users, groups=frozenset[str]().union(*(each.groups for each in limits)))


def _open(site: Site, company: Company, base: KnowledgeBase) -> Holders:
    """Who opens the space: everybody, or a group that is kept for it."""
    allowed = readers(company, base.can_read, base.cannot_read)
    if allowed is None:
        return Holders(everyone=True)
    name = f"space-{base.key}-readers"
    group_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    site.groups[group_id] = Group(group_id, name, [account_id(key) for key in sorted(allowed)])
    return Holders(groups=frozenset({name, ADMINS}))


def _writers() -> Holders:
    return Holders(groups=frozenset({AGENTS, ADMINS}))


__all__ = ["members", "publish"]
