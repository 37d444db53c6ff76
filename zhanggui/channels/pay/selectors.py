"""Reads of this channel: accounts and what they offer, payments, figures, bills."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.pay.errors import Text, advice_for
from zhanggui.channels.pay.models import (
    BillDifference,
    DifferenceState,
    Mode,
    PayAccount,
    PayBill,
    Payment,
    PaymentState,
    PayNotification,
    PlatformCertificate,
    Refund,
    RefundState,
    TradeKind,
    TradeNumber,
    Trouble,
    Way,
)
from zhanggui.channels.pay.services.accounts import Place
from zhanggui.core import clock

ZONE = "Asia/Shanghai"
NEWEST = ("-created_at", "-id")
TROUBLED = ~Q(trouble="") & Q(trouble_done_at__isnull=True)
ENDS_SOON = timedelta(days=30)


class Port(StrEnum):
    """Where a payer looks at our page; decides which ways of paying can work there."""

    SCREEN = "screen"
    WECHAT = "wechat"
    PHONE = "phone"


WAY_AT: dict[Port, Way] = {
    Port.SCREEN: Way.NATIVE,
    Port.WECHAT: Way.JSAPI,
    Port.PHONE: Way.H5,
}
_PHONE = re.compile(r"Mobile|Android|iPhone|iPad", re.IGNORECASE)


def port_of(user_agent: str) -> Port:
    """Where a request comes from, by its ``User-Agent``."""
    if "MicroMessenger" in user_agent:
        return Port.WECHAT
    return Port.PHONE if _PHONE.search(user_agent) else Port.SCREEN


def way_at(account: PayAccount | None, port: Port) -> Way | None:
    """The way of paying that is switched on and works there, if there is one (P32)."""
    way = WAY_AT[port]
    offered = account is not None and account.is_connected and way in account.ways
    return way if offered else None


# -- accounts


def account_at(place: Place) -> PayAccount | None:
    """The connected account of a place. Money is never collected on somebody else's."""
    rows = PayAccount.objects.select_related("partner").filter(**place.columns)
    return rows.filter(is_connected=True).first()


def account_of(merchant: Merchant) -> PayAccount | None:
    """Where the merchant's own customers pay to."""
    return account_at(Place(Tier.MERCHANT, merchant=merchant))


def accounts_at(place: Place) -> list[PayAccount]:
    """All accounts of a place, also those put away: their payments stay."""
    return list(PayAccount.objects.filter(**place.columns).order_by("-is_connected", "-pk"))


def payer_app_id(account: PayAccount) -> str:
    """The app id whose openids payers inside WeChat are known by."""
    return account.sub_app_id or account.signer.app_id


def partner_for(merchant: Merchant) -> PayAccount | None:
    """The service provider a merchant can collect through: its operator's, else the platform's."""
    partners = PayAccount.objects.filter(is_connected=True, mode=Mode.PARTNER)
    if merchant.operator_id:
        own = partners.filter(tier=Tier.OPERATOR, operator_id=merchant.operator_id).first()
        if own:
            return own
    return partners.filter(tier=Tier.PLATFORM).first()


@dataclass(frozen=True, slots=True)
class Health:
    """How an account is doing, with an advice where something is wrong."""

    tone: str
    advice: Text
    certificates: Sequence[PlatformCertificate]
    ends_soon: bool
    """The newest platform certificate ends within a month and no newer one is known."""


def health(account: PayAccount) -> Health:
    """How an account is doing now."""
    known = list(
        PlatformCertificate.objects.filter(
            account=account.signer, expires_at__gt=clock.now()
        ).order_by("-expires_at")
    )
    ends_soon = bool(known) and known[0].expires_at < clock.now() + ENDS_SOON
    has_error = account.last_error_at is not None
    is_new = account.last_ok_at is None
    tone = "danger" if has_error else "waiting" if is_new or ends_soon else "success"
    advice = advice_for(account.last_error_code) if has_error else ""
    return Health(tone, advice, known, ends_soon)


# -- payments


def payments(accounts: Collection[PayAccount]) -> QuerySet[Payment]:
    """Payments that these accounts collect; in a merchant's scope or all merchants'."""
    rows = Payment.objects.filter(account__in=[account.pk for account in accounts])
    return rows.select_related("account", "merchant")


def filtered(
    found: QuerySet[Payment], values: dict[str, Any], *, search: str, zone: str
) -> QuerySet[Payment]:
    """Payments narrowed by the filters of their list."""
    if search:
        found = found.filter(
            Q(number__startswith=search)
            | Q(transaction_id__startswith=search)
            | Q(description__icontains=search)
        )
    if values.get("state"):
        found = found.filter(_in_state(values["state"]))
    if values.get("way"):
        found = found.filter(way=values["way"])
    if values.get("purpose"):
        found = found.filter(purpose=values["purpose"])
    if values.get("trouble") == "open":
        found = found.filter(TROUBLED)
    elif values.get("trouble") in Trouble.values:
        found = found.filter(trouble=values["trouble"])
    found = found.filter(_between(values, "created", "created_at", zone))
    found = found.filter(_between(values, "paid", "paid_at", zone))
    given_back = _between(values, "back", "done_at", zone)
    if given_back:
        done = Refund.objects.filter(given_back, payment=OuterRef("pk"), state=RefundState.DONE)
        found = found.filter(Exists(done))
    return found


def _between(values: dict[str, Any], name: str, field: str, zone: str) -> Q:
    """That a moment lies in a period of the list, both days included."""
    found = Q()
    first: date | None = values.get(f"{name}_from")
    last: date | None = values.get(f"{name}_to")
    if first:
        found &= Q(**{f"{field}__gte": clock.start_of(first, zone)})
    if last and last < date.max:
        found &= Q(**{f"{field}__lt": clock.start_of(last + timedelta(days=1), zone)})
    return found


def _in_state(state: str) -> Q:
    """A payment whose time is over counts as being closed, also before the job was there."""
    over = Q(state__in=["created", "prepaid"], expires_at__lte=clock.now())
    if state == PaymentState.CLOSING:
        return Q(state=state) | over
    return Q(state=state) & ~over if state in {"created", "prepaid"} else Q(state=state)


@dataclass(frozen=True, slots=True)
class Figures:
    """What came in and went back today, and what somebody must look at."""

    paid: int
    paid_fen: int
    refunds: int
    refunded_fen: int
    troubles: int
    differences: int


def figures(accounts: Collection[PayAccount], *, zone: str = ZONE) -> Figures:
    """Figures of today in a zone; in a merchant's scope or all merchants'."""
    begin = clock.start_of(clock.local_date(clock.now(), zone), zone)
    today = TradeNumber.objects.filter(account__in=accounts, done_at__gte=begin)
    sums = {
        row["kind"]: row
        for row in today.values("kind").annotate(many=Count("pk"), fen=Sum("amount_fen"))
    }
    paid = sums.get(TradeKind.PAYMENT, {"many": 0, "fen": 0})
    back = sums.get(TradeKind.REFUND, {"many": 0, "fen": 0})
    return Figures(
        paid=paid["many"],
        paid_fen=paid["fen"],
        refunds=back["many"],
        refunded_fen=back["fen"],
        troubles=payments(accounts).filter(TROUBLED).count(),
        differences=open_differences(accounts).count(),
    )


def notifications_of(payment: Payment) -> list[PayNotification]:
    """What WeChat Pay told about a payment, newest first, without the contents."""
    rows = PayNotification.objects.filter(number=payment.number).defer("body_sealed")
    return list(rows.order_by("-received_at", "-id")[:50])


def lost_notifications(accounts: Collection[PayAccount]) -> list[PayNotification]:
    """Notifications that could not be opened or booked, newest first, at most 20."""
    rows = PayNotification.objects.filter(account__in=accounts, state__in=["failed", "flagged"])
    return list(rows.defer("body_sealed").order_by("-received_at", "-id")[:20])


# -- bills


def bills(accounts: Collection[PayAccount]) -> QuerySet[PayBill]:
    """Bills of these accounts with the number of differences nobody has settled."""
    is_open = Q(differences__state=DifferenceState.OPEN)
    rows = PayBill.objects.filter(account__in=accounts).select_related("account")
    found: QuerySet[PayBill] = rows.annotate(open_differences=Count("differences", filter=is_open))
    return found


def open_differences(accounts: Collection[PayAccount]) -> QuerySet[BillDifference]:
    """Differences nobody has settled."""
    return BillDifference.objects.filter(bill__account__in=accounts, state=DifferenceState.OPEN)


# -- what waits for somebody


def to_look_at(place: Place) -> QuerySet[PayAccount]:
    """A place's accounts with the numbers of payments ``troubled`` and bills ``differing``."""
    waiting = {
        "troubled": Payment.objects.filter(TROUBLED, account=OuterRef("pk")),
        "differing": BillDifference.objects.filter(
            bill__account=OuterRef("pk"), state=DifferenceState.OPEN
        ),
    }
    counts = {name: Coalesce(Subquery(_counted(rows)), 0) for name, rows in waiting.items()}
    return PayAccount.objects.filter(**place.columns).annotate(**counts)


def _counted(rows: QuerySet[Any]) -> QuerySet[Any]:
    """How many rows there are, as one value to stand in another statement."""
    one = rows.order_by().annotate(one=Value(1)).values("one")
    counted: QuerySet[Any] = one.annotate(n=Count("pk")).values("n")
    return counted
