"""Smallest valid rows of contacts; a test names only what it is about."""

from __future__ import annotations

from itertools import count

from django.test import Client

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.contacts import guards, services
from zhanggui.contacts.models import BulkChange, Customer, IdentityLink, Segment, Tag
from zhanggui.core import tenancy

_numbers = count(1)


def make_customer(
    merchant: Merchant, name: str = "王小明", *, phone: str | None = None
) -> Customer:
    """A customer of a merchant."""
    with tenancy.merchant_scope(merchant.pk):
        return services.create_customer(name=name, phone=phone, actor=ACTOR)


def make_link(
    merchant: Merchant,
    account_id: int,
    *,
    openid: str = "",
    nickname: str = "小明",
    unionid: str = "",
) -> IdentityLink:
    """A customer known by an openid of an account."""
    with tenancy.merchant_scope(merchant.pk):
        return services.customer_of_identity(
            account_id=account_id,
            openid=openid or f"openid-{next(_numbers)}",
            unionid=unionid,
            nickname=nickname,
            avatar_url="",
            actor=ACTOR,
        )


def sign_in_customer(client: Client, link: IdentityLink) -> str:
    """Give a browser the customer's session; answers the token."""
    with tenancy.merchant_scope(link.merchant_id):
        token = services.open_session(link=link)
    client.cookies[guards.COOKIE] = token
    client.cookies[guards.COOKIE]["path"] = guards.cookie_path(link.merchant)
    return token


def make_tag(merchant: Merchant, name: str = "") -> Tag:
    """A tag of a merchant."""
    with tenancy.merchant_scope(merchant.pk):
        return services.create_tag(name=name or f"熟客{next(_numbers)}", actor=ACTOR)


def make_segment(merchant: Merchant, *pairs: tuple[str, str]) -> Segment:
    """A segment of a merchant."""
    with tenancy.merchant_scope(merchant.pk):
        return services.create_segment(
            name=f"老客{next(_numbers)}", pairs=pairs or (("contacts.new", "30"),), actor=ACTOR
        )


def make_bulk_change(merchant: Merchant) -> BulkChange:
    """A bulk change of nobody's."""
    with tenancy.merchant_scope(merchant.pk):
        change = BulkChange(action="tag", customer_ids=[])
        change.save()
        return change
