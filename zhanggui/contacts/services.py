"""Every write about customers: making them, knowing them again, signing them in and out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts import phones as phone_numbers
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import phones
from zhanggui.contacts.errors import PhoneTaken
from zhanggui.contacts.models import Customer, CustomerSession, IdentityLink, LinkState
from zhanggui.contacts.search import name_key
from zhanggui.core import clock, tenancy, tokens
from zhanggui.ui import formats

NAMELESS = "微信用户"
"""The name of a customer whose nickname is not known yet; it goes when the nickname comes."""
NAME_LENGTH = 80
AVATAR_LENGTH = 500
NUMBER_DIGITS = 8
NUMBER_TRIES = 8
SESSION_DAYS = 30


def create_customer(*, name: str, phone: str | None = None, actor: Actor) -> Customer:
    """Add a customer to the merchant in scope, with a member number nobody else has.

    Args:
        name: at most 80 signs; more are cut off.
        phone: any usual spelling; kept encrypted.
        actor: who adds; kept in the audit log.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        PhoneTaken: another customer of this merchant has it (E_CUSTOMER_PHONE_TAKEN, 409).
    """
    number = phone_numbers.parse(phone) if phone else None
    with transaction.atomic():
        customer = Customer(
            merchant_id=tenancy.current_merchant_id(),
            name=name.strip()[:NAME_LENGTH] or NAMELESS,
        )
        customer.name_key = name_key(customer.name)
        if number:
            phones.put(customer, number)
        _save_with_number(customer)
        audit.record(actor, "contacts.customer.created", f"customer:{customer.pk}")
    return customer


def _save_with_number(customer: Customer) -> None:
    # Drawn, not counted: no counter to wait for, and nobody reads a shop's size from a number.
    for _try in range(NUMBER_TRIES):
        customer.number = str(secrets.randbelow(9 * 10 ** (NUMBER_DIGITS - 1)) + 10_000_000)
        try:
            with transaction.atomic():
                customer.save(force_insert=True)
        except IntegrityError as error:
            if "customer_phone_once" in str(error):
                raise PhoneTaken from error
            if "customer_number_once" not in str(error):
                raise
        else:
            return
    message = "no free member number was drawn"
    raise RuntimeError(message)


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


def open_session(*, link: IdentityLink) -> str:
    """Sign a customer in on the phone pages; answers the token for the cookie."""
    token = tokens.new_token()
    now = clock.now()
    CustomerSession(
        merchant_id=link.merchant_id,
        token_digest=tokens.digest(token),
        link=link,
        created_at=now,
        expires_at=now + timedelta(days=SESSION_DAYS),
    ).save(force_insert=True)
    return token


def close_session(*, token: str) -> None:
    """Sign a customer out."""
    CustomerSession.objects.filter(token_digest=tokens.digest(token)).delete()


def masked_name(name: str) -> str:
    """A name as strangers may see it: 王**. A name of one sign is hidden whole."""
    stripped = name.strip()
    return f"{stripped[0]}**" if len(stripped) > 1 else "**"


def masked_phone(phone: str) -> str:
    """A phone number as it is shown: 138****5678; empty when there is none."""
    return formats.masked_phone(phone) if phone else ""
