"""The demo company's devices, catalog and knowledge in Freshservice."""

from __future__ import annotations

from deskmind.sandbox.company import Article, Audience, Company, KnowledgeBase
from deskmind.sandbox.freshservice.account import Account, Row, stamp
from deskmind.sandbox.freshservice.assets import ASSET, ASSET_TYPES, PRODUCTS, VENDORS
from deskmind.sandbox.freshservice.scope import (
    VISIBLE_TO_AGENTS,
    VISIBLE_TO_DEPARTMENTS,
    VISIBLE_TO_GROUPS,
    VISIBLE_TO_REQUESTER_GROUPS,
    VISIBLE_TO_USERS,
)
from deskmind.sandbox.freshservice.seed_people import Ids, audience_group, requester_group
from deskmind.sandbox.freshservice.solutions import ARTICLE, CATEGORIES, FOLDER
from deskmind.sandbox.readers import readers

_TYPES = ("Laptop", "Server", "Printer", "Scanner", "Network", "Phone", "Application")


def equip(account: Account, company: Company, ids: Ids) -> None:
    """Asset types, assets, a vendor and products."""
    made = stamp(company.items[0].created)
    times: Row = {"created_at": made, "updated_at": made}
    kinds: dict[str, int] = {}
    for number, name in enumerate(_TYPES):
        kinds[name.lower()] = row_id = 21_000_400_000 + number
        account.table("asset_types")[row_id] = {
            "id": row_id,
            **ASSET_TYPES.fields,
            "name": name,
            "description": name,
            **times,
        }
    vendor = 21_000_410_000
    account.table("vendors")[vendor] = {
        "id": vendor,
        **VENDORS.fields,
        "name": "Brinemark",
        "address": {},
        "custom_fields": {},
        **times,
    }
    for number, model in enumerate(sorted({item.model for item in company.items})):
        row_id = 21_000_420_000 + number
        kind = next(item.kind for item in company.items if item.model == model)
        account.table("products")[row_id] = {
            "id": row_id,
            **PRODUCTS.fields,
            "name": model,
            "asset_type_id": kinds[kind],
            "manufacturer": model.split()[0],
            **times,
        }
    for number, item in enumerate(company.items, start=1):
        row_id, kind = 21_000_430_000 + number, kinds[item.kind]
        fields = {
            f"serial_number_{kind}": item.serial,
            f"product_{kind}": item.model,
            f"asset_state_{kind}": "In Use" if item.in_use else "In Stock",
            f"service_{kind}": company.service(item.service).name,
        }
        held: Row = {
            "name": item.name,
            "asset_type_id": kind,
            "asset_tag": item.key,
            "user_id": ids.people.get(item.owner),
            "location_id": ids.locations[item.site],
            "type_fields": fields,
        }
        account.table("assets")[row_id] = {
            "id": row_id,
            "display_id": number,
            **ASSET,
            **held,
            "created_at": stamp(item.created),
            "updated_at": stamp(item.updated),
        }


def offer(account: Account, company: Company, ids: Ids) -> None:
    """The service catalog."""
    made = stamp(company.people[0].created)
    times: Row = {"created_at": made, "updated_at": made}
    categories: dict[str, int] = {}
    for number, one in enumerate(company.catalog, start=1):
        category = categories.setdefault(one.category, 21_000_450_000 + len(categories))
        account.table("service_categories")[category] = {
            "id": category,
            "name": one.category,
            "description": one.category,
            "position": 1,
            "workspace_id": 2,
            **times,
        }
        row_id = 21_000_460_000 + number
        account.table("service_items")[row_id] = {
            "id": row_id,
            "name": one.name,
            "delivery_time": 24,
            "display_id": number,
            "category_id": category,
            "category_name": one.category,
            "product_id": None,
            "quantity": None,
            "deleted": False,
            "icon_name": "ficon-general",
            "group_visibility": 1,
            "item_type": 1,
            "ci_type_id": None,
            "visibility": 2,
            "workspace_id": 2,
            "cost_visibility": True,
            "delivery_time_visibility": True,
            "botified": False,
            "allow_attachments": False,
            "allow_quantity": True,
            "is_bundle": False,
            "create_child": False,
            "description": f"<p>{one.description}</p>",
            "short_description": one.description,
            "cost": one.price,
            "group_id": ids.groups.get(one.team),
            "custom_fields": [
                {
                    "id": row_id * 10 + place,
                    "name": name,
                    "label": name.replace("_", " ").capitalize(),
                    "field_type": "custom_text",
                    "required": True,
                    "choices": [],
                }
                for place, name in enumerate(one.questions)
            ],
            "child_items": [],
            **times,
        }


def publish(account: Account, company: Company, ids: Ids) -> None:
    """A category for each knowledge base; a folder for each group of readers in it, by articles' category."""
    bases: dict[str, tuple[KnowledgeBase, int]] = {}
    for number, base in enumerate(company.knowledge_bases, start=1):
        row_id = 21_000_470_000 + number
        made = stamp(company.until)
        account.table("categories")[row_id] = {
            "id": row_id,
            **CATEGORIES.fields,
            "name": base.name,
            "description": base.name,
            "position": number,
            "created_at": made,
            "updated_at": made,
        }
        bases[base.key] = (base, row_id)
    folders: dict[tuple[str, ...], int] = {}
    for article in company.articles:
        base, category = bases[article.base]
        key = (
            base.key,
            article.category,
            *(each.key for each in article.can_read),
            "-",
            *(each.key for each in article.cannot_read),
        )
        if key not in folders:
            folders[key] = _folder(account, company, ids, article, base, category)
        _article(account, ids, article, category, folders[key])


def _folder(
    account: Account, company: Company, ids: Ids, article: Article, base: KnowledgeBase, category: int
) -> int:
    row_id = account.next_id()
    limits = _visibility(account, company, ids, article, base)
    made = stamp(article.created)
    named = (
        f"{article.category} {row_id % 1000}"
        if limits["visibility"] != VISIBLE_TO_USERS
        else article.category
    )
    account.table("folders")[row_id] = {
        "id": row_id,
        **FOLDER,
        "name": named,
        "category_id": category,
        **limits,
        "created_at": made,
        "updated_at": made,
    }
    return row_id


def _visibility(account: Account, company: Company, ids: Ids, article: Article, base: KnowledgeBase) -> Row:
    """The closest that a folder can say; where it cannot (and, deny, places), a requester group is kept for it."""
    own, above = (article.can_read, article.cannot_read), (base.can_read, base.cannot_read)
    if own == ((), ()):
        own = above
        above = ((), ())
    if own == ((), ()):
        return {"visibility": VISIBLE_TO_USERS}
    simple = own[0][0] if len(own[0]) == 1 and not own[1] and above == ((), ()) else None
    if simple is not None and simple.active and not simple.match_all:
        found = _simple(account, company, ids, simple)
        if found is not None:
            return found
    allowed = readers(company, *own) or frozenset()
    wider = readers(company, *above)
    kept = allowed if wider is None else allowed & wider
    group = requester_group(
        account, ids, f"readers-{base.key}-{article.number}", f"Readers of {base.name} {article.number}", kept
    )
    return {"visibility": VISIBLE_TO_REQUESTER_GROUPS, "requester_group_ids": [group]}


def _simple(account: Account, company: Company, ids: Ids, audience: Audience) -> Row | None:
    if audience.roles and not (audience.teams or audience.departments or audience.people or audience.sites):
        return {"visibility": VISIBLE_TO_AGENTS}
    if audience.departments and not (audience.teams or audience.people or audience.sites or audience.roles):
        return {
            "visibility": VISIBLE_TO_DEPARTMENTS,
            "department_ids": [ids.departments[each] for each in audience.departments],
        }
    teams = [each for each in audience.teams if each in ids.groups]
    if (
        teams
        and len(teams) == len(audience.teams)
        and not (audience.people or audience.departments or audience.sites)
    ):
        return {"visibility": VISIBLE_TO_GROUPS, "group_ids": [ids.groups[each] for each in teams]}
    return {
        "visibility": VISIBLE_TO_REQUESTER_GROUPS,
        "requester_group_ids": [audience_group(account, company, ids, audience)],
    }


def _article(account: Account, ids: Ids, article: Article, category: int, folder: int) -> None:
    row_id = 21_000_480_000 + article.number
    author = ids.people[article.author]
    account.table("articles")[row_id] = {
        "id": row_id,
        **ARTICLE,
        "title": article.title,
        "description": article.html,
        "folder_id": folder,
        "category_id": category,
        "status": 2 if article.state == "published" else 1,
        "tags": [article.category],
        "keywords": [],
        "user_id": author,
        "agent_id": author,
        "created_by": author,
        "modified_by": author,
        "views": article.views,
        "thumbs_up": 0,
        "thumbs_down": 0,
        "hits": article.views,
        "created_at": stamp(article.created),
        "updated_at": stamp(article.updated),
        "modified_at": stamp(article.updated),
        "workspace_id": 2,
        "language": "en",
    }
