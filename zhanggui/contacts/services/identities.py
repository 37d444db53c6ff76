"""Knowing a WeChat identity again."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts.models import IdentityLink, LinkState
from zhanggui.contacts.search import name_key
from zhanggui.contacts.services.customers import NAME_LENGTH, NAMELESS, create_customer

AVATAR_LENGTH = 500


def customer_of_identity(
    *,
    account_id: int,
    openid: str,
    unionid: str,
    nickname: str,
    avatar_url: str,
    actor: Actor,
) -> IdentityLink:
    """Know a WeChat identity again, or make its customer on the first visit.

    A link is never overwritten with another openid. The same unionid inside one merchant is the
    same person, so a new openid of it leads to the customer that exists. Two first visits at
    one moment make one customer.

    Args:
        account_id: the official account the openid belongs to.
        openid: as the platform gave it.
        unionid: empty when the account is under no open platform.
        nickname: empty when not known; then the customer is called 微信用户 until it is.
        avatar_url: empty when not known.
        actor: who causes this, usually the sign-in itself.
    """
    news = {
        "unionid": unionid,
        "nickname": nickname[:NAME_LENGTH],
        "avatar_url": avatar_url[:AVATAR_LENGTH],
    }
    found = _known(account_id, openid)
    if found is None:
        try:
            with transaction.atomic():
                return _first_visit(account_id, openid, news, actor)
        except IntegrityError as error:
            if "one_link_per_openid" not in str(error):
                raise
            found = _known(account_id, openid)
            if found is None:
                raise
    _freshen(found, news)
    return found


def _known(account_id: int, openid: str) -> IdentityLink | None:
    links = IdentityLink.objects.select_related("customer")
    return links.filter(account_id=account_id, openid=openid).first()


def _first_visit(
    account_id: int, openid: str, news: Mapping[str, str], actor: Actor
) -> IdentityLink:
    same_person = None
    if news["unionid"]:
        links = IdentityLink.objects.select_related("customer")
        same_person = links.filter(unionid=news["unionid"], state=LinkState.ACTIVE).first()
    if same_person:
        customer = same_person.customer
    else:
        customer = create_customer(name=news["nickname"], actor=actor)
    link = IdentityLink(
        merchant_id=customer.merchant_id,
        customer=customer,
        account_id=account_id,
        openid=openid,
        **news,
    )
    link.save(force_insert=True)
    audit.record(
        actor, "contacts.link.created", f"customer:{customer.pk}", details={"link": link.pk}
    )
    return link


def _freshen(link: IdentityLink, news: Mapping[str, str]) -> None:
    """Take over what the platform says now; a name the shop gave stays."""
    changed = [name for name, value in news.items() if value and value != getattr(link, name)]
    if not changed:
        return
    follows_nickname = link.customer.name in {NAMELESS, link.nickname}
    for name in changed:
        setattr(link, name, news[name])
    with transaction.atomic():
        link.save(update_fields=changed)
        if "nickname" in changed and follows_nickname:
            link.customer.name = link.nickname
            link.customer.name_key = name_key(link.nickname)
            link.customer.save(update_fields=["name", "name_key"])
