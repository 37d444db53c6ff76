"""The sandbox's side of the demo: official accounts, people with phones, who follows whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from demo import nicknames
from demo.cast import (
    ACCOUNTS,
    KEEPERS,
    MERCHANTS,
    OUTSIDERS,
    PLATFORM_ACCOUNT,
    AccountPlan,
    MerchantPlan,
    StorePlan,
    account_of,
)
from demo.rhythm import merchants_of
from demo.sandbox import Sandbox
from zhanggui.channels.wechat.models import ChannelAccount

WRITERS = 40
"""Among so many customers every account has a follower."""


@dataclass(frozen=True)
class Phone:
    """Somebody on the sandbox."""

    slug: str
    nickname: str
    colour: str
    tags: tuple[str, ...]
    accounts: tuple[AccountPlan, ...]
    """Whom the person follows."""

    def as_json(self) -> dict[str, Any]:
        """As the sandbox's control interface takes it."""
        picture = {"colour": self.colour, "text": nicknames.initial_of(self.nickname)}
        tags = list(self.tags)
        return {"slug": self.slug, "nickname": self.nickname, "avatar": picture, "tags": tags}


def customer_slug(person: int) -> str:
    """The phone of customer number ``person``."""
    return nicknames.slug_of(nicknames.nickname(person), person)


def manager_slug(merchant: MerchantPlan, store: StorePlan, place: int) -> str:
    """The phone of a store's manager."""
    number = merchant.stores.index(store) + 1
    return f"{merchant.slug.split('-')[0]}-m{number}{place + 1}"


def outsider_slug(place: int) -> str:
    """The phone of somebody who knows no shop yet."""
    return f"guest-{place + 1}"


def managers() -> Iterator[tuple[MerchantPlan, StorePlan, int, Phone]]:
    """Everybody who is bound to a store as its manager."""
    for merchant in MERCHANTS:
        for store in merchant.stores:
            for place, nickname in enumerate(store.managers):
                slug = manager_slug(merchant, store, place)
                colour = nicknames.colour_of(len(slug) + place * 5)
                tags = ("门店管理员", merchant.name, store.name)
                phone = Phone(slug, nickname, colour, tags, (PLATFORM_ACCOUNT,))
                yield merchant, store, place, phone


def outsiders() -> list[Phone]:
    """People for trying things: they follow nobody."""
    return [
        Phone(outsider_slug(place), nickname, nicknames.colour_of(place + 3), ("路人",), ())
        for place, nickname in enumerate(OUTSIDERS)
    ]


def keepers() -> list[Phone]:
    """The administrators of official accounts."""
    return [
        Phone(slug, nickname, nicknames.colour_of(place + 1), (role,), ())
        for place, (slug, (nickname, role, _accounts)) in enumerate(KEEPERS.items())
    ]


def keeper_of(account: AccountPlan) -> str:
    """Whose phone authorises an account for a third-party platform and takes it back."""
    return next(slug for slug, (_, _, accounts) in KEEPERS.items() if account in accounts)


def customers(count: int) -> list[Phone]:
    """The first ``count`` customers."""
    found = []
    for person in range(count):
        places = merchants_of(person)
        found.append(
            Phone(
                customer_slug(person),
                nicknames.nickname(person),
                nicknames.colour_of(person),
                ("顾客", *(place.name for place in places)),
                tuple(dict.fromkeys(account_of(place) for place in places)),
            )
        )
    return found


def put_accounts(sandbox: Sandbox) -> None:
    """Tell the sandbox the accounts; again at each start, as addresses may have changed."""
    for account in ACCOUNTS:
        sandbox.put_account(
            account.app_id,
            {
                "name": account.name,
                "secret": account.secret,
                "original_id": account.original_id,
                "about": account.about,
                "kind": "service",
                "token": account.callback_token,
                "aes_key": account.aes_key,
                "callback_url": f"{settings.BASE_URL}/hooks/wechat/{account.app_id}/",
                "encrypt_mode": "safe",
                "oauth_domains": [urlsplit(settings.BASE_URL).netloc],
                "js_domains": [urlsplit(settings.BASE_URL).netloc],
                "avatar": account.avatar,
                "admin": keeper_of(account),
                "menu": menu_of(account),
            },
        )


def menu_of(account: AccountPlan) -> list[dict[str, str]]:
    """What stands under the chat with an account."""
    if account is PLATFORM_ACCOUNT:
        return [{"name": "门店管理", "url": f"{settings.BASE_URL}/staff/"}]
    users = [one for one in MERCHANTS if account_of(one) is account]
    if len(users) == 1:
        return [{"name": "我的集章卡", "url": f"{settings.BASE_URL}/w/{users[0].slug}/"}]
    return [{"name": one.name[:8], "url": f"{settings.BASE_URL}/w/{one.slug}/"} for one in users]


def put_people(sandbox: Sandbox, count: int) -> None:
    """Tell the sandbox the people and whom they follow; nothing when it knows them all.

    Somebody's unfollowing in the demo stays: only a new person gets the follows of the cast.
    """
    phones = [
        *(phone for _merchant, _store, _place, phone in managers()),
        *outsiders(),
        *keepers(),
        *customers(count),
    ]
    known = sandbox.people()
    missing = [phone for phone in phones if not _is_complete(known.get(phone.slug))]
    if not missing:
        return
    # tags come last: whoever has them follows whom he should, also after a kill in between
    sandbox.put_people([phone.as_json() | {"tags": []} for phone in missing])
    followers: defaultdict[str, list[str]] = defaultdict(list)
    for phone in missing:
        for account in phone.accounts:
            followers[account.app_id].append(phone.slug)
    for app_id, slugs in followers.items():
        sandbox.follow(app_id, slugs)
    sandbox.put_people([phone.as_json() for phone in missing])


def say_hello(sandbox: Sandbox) -> None:
    """Let a follower write to each account that has heard nothing, so that callbacks are seen."""
    silent = ChannelAccount.objects.filter(last_callback_at=None).values_list("app_id", flat=True)
    staff = [phone for _merchant, _store, _place, phone in managers()]
    writers = {
        account.app_id: phone.slug
        for phone in [*staff, *customers(WRITERS)]
        for account in phone.accounts
    }
    for app_id in sorted(set(silent) & set(writers)):
        sandbox.write(app_id, writers[app_id], "你好，今天营业吗？")


def _is_complete(known: Mapping[str, Any] | None) -> bool:
    return known is not None and bool(known["tags"])
