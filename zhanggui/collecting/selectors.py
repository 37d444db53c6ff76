"""Reads of this module: requests, payers, what a payer is offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant
from zhanggui.channels.pay import selectors as pay_selectors
from zhanggui.channels.pay.models import PayAccount, Way
from zhanggui.channels.pay.selectors import Port
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.collecting.models import PayerTry, PaymentRequest, RequestState, TryState
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock

LABEL = _("Payment request")
OVER = "over"
"""Filter: open ones whose time has run out."""


def account(merchant: Merchant) -> PayAccount | None:
    """Where the shop's customers pay to."""
    return pay_selectors.account_of(merchant)


@dataclass(frozen=True, slots=True)
class Offer:
    """How somebody can pay where the page is looked at; None: not there."""

    way: Way | None
    is_for_customer_elsewhere: bool = False
    """Meant for one customer, who is only known inside WeChat."""


def offer(request: PaymentRequest, *, port: Port, link: IdentityLink | None) -> Offer:
    """The way that is switched on for the shop and works where the payer looks (P32).

    Inside WeChat the payer's openid must belong to the app id the merchant number is linked to.
    """
    if request.customer_id is not None and link is None:
        return Offer(None, is_for_customer_elsewhere=True)
    found = account(request.merchant)
    way = pay_selectors.way_at(found, port)
    if way == Way.JSAPI and found is not None and not _is_known_there(found, link):
        return Offer(None)
    return Offer(way)


def _is_known_there(found: PayAccount, link: IdentityLink | None) -> bool:
    if link is None:
        return False
    app_id = pay_selectors.payer_app_id(found)
    return ChannelAccount.objects.filter(pk=link.account_id, app_id=app_id).exists()


def by_token(token: str) -> PaymentRequest | None:
    """The request of an address, in the merchant's scope."""
    return PaymentRequest.objects.select_related("merchant").filter(token=token).first()


def try_by_token(request: PaymentRequest, token: str) -> PayerTry | None:
    """A payer's page."""
    rows = PayerTry.objects.select_related("payment__account__partner")
    return rows.filter(request=request, token=token).first()


def requests(*, search: str, values: dict[str, Any], zone: str) -> QuerySet[PaymentRequest]:
    """Requests of the shop, narrowed by the filters of their list."""
    found = PaymentRequest.objects.select_related("customer")
    if search:
        found = found.filter(Q(title__icontains=search) | Q(customer__name__icontains=search))
    now = clock.now()
    state = values.get("state")
    if state == OVER:
        found = found.filter(state=RequestState.OPEN, expires_at__lte=now)
    elif state == RequestState.OPEN:
        found = found.filter(state=RequestState.OPEN, expires_at__gt=now)
    elif state:
        found = found.filter(state=state)
    for name, end in (("created_from", "gte"), ("created_to", "lt")):
        day: date | None = values.get(name)
        if day:
            after = day + timedelta(days=1) if end == "lt" else day
            found = found.filter(**{f"created_at__{end}": clock.start_of(after, zone)})
    return found


def payers(request: PaymentRequest) -> QuerySet[PayerTry]:
    """Who paid or began to, newest first."""
    return PayerTry.objects.select_related("customer", "payment").filter(request=request)


def waiting(request: PaymentRequest) -> int:
    """How many orders are open at WeChat Pay."""
    return PayerTry.objects.filter(request=request, state=TryState.WAITING).count()


def paid_by(customer_ids: Sequence[int]) -> QuerySet[PayerTry]:
    """What customers have paid."""
    return PayerTry.objects.select_related("request__merchant", "payment").filter(
        customer_id__in=customer_ids, state=TryState.PAID
    )


def address(request: PaymentRequest) -> str:
    """The whole address a payer opens."""
    path = reverse("collecting:pay", args=[request.merchant.slug, request.token])
    return f"{settings.BASE_URL}{path}"


def office_url(slug: str, request_id: int | None) -> str:
    """Where the shop sees a request; empty without one."""
    if request_id is None:
        return ""
    return reverse("collecting:request", args=[slug, request_id])
