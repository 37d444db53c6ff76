"""Knowing a WeChat identity again."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.keys import NAME_FIELDS, NAME_LENGTH, NAMELESS, put_name
from zhanggui.contacts.models import Customer, IdentityLink, LinkKind, LinkState, Source
from zhanggui.contacts.services.customers import create_customer
from zhanggui.contacts.services.holding import hold
from zhanggui.core import tenancy

AVATAR_LENGTH = 500


def customer_of_identity(
    *,
    account_id: int,
    openid: str,
    unionid: str,
    nickname: str,
    avatar_url: str,
    follows: bool = False,
    kind: LinkKind = LinkKind.OFFICIAL,
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
        follows: whether this openid is known to follow the account; only asked at the first visit.
        kind: what the account is: an official account or a mini program.
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
                return _first_visit(account_id, openid, news, actor, follows=follows, kind=kind)
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
    account_id: int,
    openid: str,
    news: Mapping[str, str],
    actor: Actor,
    *,
    follows: bool,
    kind: LinkKind,
) -> IdentityLink:
    same_person = None
    if news["unionid"]:
        links = IdentityLink.objects.select_related("customer")
        same_person = links.filter(unionid=news["unionid"], state=LinkState.ACTIVE).first()
    if same_person:
        customer = Customer.objects.get(pk=hold(same_person.customer_id))
    else:
        customer = create_customer(name=news["nickname"], source=Source.WECHAT, actor=actor)
    link = IdentityLink(
        merchant_id=customer.merchant_id,
        customer=customer,
        kind=kind,
        account_id=account_id,
        openid=openid,
        proof="oauth",
        follows=follows,
        **news,
    )
    link.save(force_insert=True)
    if follows:
        refresh_follower(customer.pk)
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
            put_name(link.customer, link.nickname)
            link.customer.save(update_fields=[*NAME_FIELDS])


def note_follow(*, account_id: int, openid: str, follows: bool) -> None:
    """Take over that an identity follows its account or stopped; at every shop that knows it.

    One account may serve many shops, so each of them is asked by its own index.
    """
    merchants = list(Merchant.objects.values_list("pk", flat=True))
    with tenancy.all_merchants("an account's follower may be known at many shops"):
        known = IdentityLink.objects.filter(
            merchant_id__in=merchants, account_id=account_id, openid=openid
        )
        found = list(known.values_list("merchant_id", flat=True))
    for merchant_id in found:
        with tenancy.merchant_scope(merchant_id):
            _follow(account_id, openid, follows=follows)


def _follow(account_id: int, openid: str, *, follows: bool) -> None:
    with transaction.atomic():
        link = IdentityLink.objects.filter(account_id=account_id, openid=openid).first()
        if link is None:
            return
        IdentityLink.objects.filter(pk=link.pk).update(follows=follows)
        refresh_follower(link.customer_id)


def refresh_follower(customer_id: int) -> None:
    """Say anew whether a customer follows one of the accounts; after its links changed."""
    links = IdentityLink.objects.filter(
        customer=OuterRef("pk"), follows=True, state=LinkState.ACTIVE
    )
    row = Customer.objects.filter(pk=customer_id)
    row.filter(Exists(links), is_follower=False).update(is_follower=True)
    row.filter(~Exists(links), is_follower=True).update(is_follower=False)
