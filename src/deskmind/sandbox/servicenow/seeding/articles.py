"""Knowledge bases, articles and user criteria."""

from __future__ import annotations

from deskmind.sandbox.company import Article, Audience
from deskmind.sandbox.servicenow.seeding.keys import Seeder
from deskmind.sandbox.servicenow.store import moment

__all__ = ["fill_knowledge"]

_ROLES = {"agent": "itil", "admin": "itil_admin", "requester": "snc_internal"}


def fill_knowledge(seeder: Seeder) -> None:
    """Criteria first, then what they guard."""
    for audience in seeder.company.audiences:
        _criterion(seeder, audience)
    for base in seeder.company.knowledge_bases:
        values = {"title": base.name, "active": "true", "owner": seeder.key("sys_user", base.owner)}
        made = seeder.add("kb_knowledge_base", base.key, values | {"workflow": "Knowledge - Instant Publish"})
        for table, audiences in (
            ("kb_uc_can_read_mtom", base.can_read),
            ("kb_uc_cannot_read_mtom", base.cannot_read),
        ):
            for audience in audiences:
                pair = {"kb_knowledge_base": made, "user_criteria": seeder.key("user_criteria", audience.key)}
                seeder.add(table, f"{base.key}/{audience.key}", pair)
    categories = dict.fromkeys((article.base, article.category) for article in seeder.company.articles)
    for base, category in categories:
        values = {"label": category, "value": category.lower(), "full_category": category, "active": "true"}
        values |= {"parent_id": seeder.key("kb_knowledge_base", base), "parent_table": "kb_knowledge_base"}
        seeder.add("kb_category", f"{base}/{category}", values)
    for article in seeder.company.articles:
        _article(seeder, article)


def _criterion(seeder: Seeder, audience: Audience) -> None:
    def keys(table: str, names: tuple[str, ...]) -> str:
        return ",".join(seeder.key(table, name) for name in names)

    values = {
        "name": audience.name,
        "active": "true" if audience.active else "false",
        "match_all": "true" if audience.match_all else "false",
        "advanced": "false",
        "user": keys("sys_user", audience.people),
        "group": keys("sys_user_group", audience.teams),
        "role": keys("sys_user_role", tuple(_ROLES[role] for role in audience.roles)),
        "company": keys("core_company", audience.organisations),
        "department": keys("cmn_department", audience.departments),
        "location": keys("cmn_location", audience.sites),
    }
    seeder.add("user_criteria", audience.key, values)


def _article(seeder: Seeder, article: Article) -> None:
    number = f"KB{article.number:07d}"
    seeder.store.count_from("kb_knowledge", article.number)
    published = moment(article.updated)[:10] if article.state != "draft" else ""
    values = {
        "number": number,
        "short_description": article.title,
        "text": article.html,
        "kb_knowledge_base": seeder.key("kb_knowledge_base", article.base),
        "kb_category": seeder.key("kb_category", f"{article.base}/{article.category}"),
        "workflow_state": article.state,
        "article_type": "text",
        "language": "en",
        "author": seeder.key("sys_user", article.author),
        "active": "false" if article.state == "retired" else "true",
        "published": published,
        "retired": published if article.state == "retired" else "",
        "valid_to": "2100-01-01",
        "can_read_user_criteria": ",".join(seeder.key("user_criteria", one.key) for one in article.can_read),
        "cannot_read_user_criteria": ",".join(
            seeder.key("user_criteria", one.key) for one in article.cannot_read
        ),
        "use_count": str(article.views // 10),
        "sys_view_count": str(article.views),
        "display_attachments": "true",
        "flagged": "false",
        "direct": "false",
        "article_id": seeder.key("article", number),
        "version": "1.0",
        "sys_domain": "global",
        "sys_domain_path": "/",
    }
    seeder.add("kb_knowledge", article.number, values, article.created, article.updated, article.author)
