"""What this module tells the registries: standing, trial, rights, menus, what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from zhanggui.accounts import audit, features, hooks, standing, todo
from zhanggui.accounts import permissions as rights
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.billing import endings, finding, permissions, phases, selectors, spreadsheets
from zhanggui.billing.models import Order, Transfer
from zhanggui.channels.pay import hooks as pay_hooks
from zhanggui.channels.pay.models import Payment
from zhanggui.core import tenancy
from zhanggui.files.services import keep_records
from zhanggui.ui import navigation as menus
from zhanggui.ui import notices, panels, sections

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "billing.plan.changed": _("Plan changed"),
    "billing.order.made": _("Order placed"),
    "billing.order.paid": _("Order paid"),
    "billing.order.cancelled": _("Order cancelled"),
    "billing.order.refunded": _("Order refunded"),
    "billing.transfer.handed_in": _("Transfer handed in"),
    "billing.transfer.rejected": _("Transfer sent back"),
    "billing.owners.warned": _("Owners warned about the plan"),
    "billing.data.deleted": _("Customers' data deleted after the end of the plan"),
    "billing.edition.changed": _("Edition changed"),
    "billing.price.set": _("Price set"),
    "billing.price.dropped": _("Own price dropped"),
    "billing.seller.changed": _("Account for transfers changed"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    standing.provide(phases.standing_of)
    hooks.on_merchant_created(_start_trial)
    rights.register(*permissions.ALL)
    rights.register_area("billing", _("Plan and orders"), order=600)
    features.register_limit(
        features.Limited("staff", _("Staff"), order=10),
        features.Limited("stores", _("Stores"), order=20),
    )
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("order", _("Order"), _orders)
    audit.register_target("plan", _("Plan"))
    audit.register_target("edition", _("Edition"))
    todo.register(_waiting)
    for surface in ("operator", "platform"):
        todo.register(_transfers, surface=surface)
        todo.register(_data_go, surface=surface)
    notices.register(_banner)
    finding.register_all()
    panels.register(
        place="messaging.credit.actions",
        panel=panels.Panel(
            "billing/_buy_sms.html", lambda _request, _subject: {}, permissions.PAY.name
        ),
    )
    spreadsheets.register_all()
    _payments()
    keep_records("transfer")
    _menus()


def _payments() -> None:
    from zhanggui.billing.services import wechat  # noqa: PLC0415  services are loaded after the apps

    pay_hooks.register(
        pay_hooks.Purpose(
            selectors.PURPOSE,
            _("Order of a merchant"),
            wechat.on_paid,
            wechat.on_closed,
            refunds_elsewhere=True,
            url=_order_url,
        )
    )


def _order_url(payment: Payment, surface: str) -> str:
    whose = [payment.merchant.slug, payment.subject_id]
    if surface == "platform":
        return reverse("billing:platform_order", args=whose)
    operator = payment.account.operator
    if surface == "operator" and operator is not None:
        return reverse("billing:operator_order", args=[operator.slug, *whose])
    return ""


def _no_values(_request: HttpRequest, _subject: object) -> Mapping[str, Any]:
    return {}


def _start_trial(merchant: Merchant, actor: Actor) -> None:
    from zhanggui.billing import services  # noqa: PLC0415  services are loaded after the apps

    services.start_trial(merchant=merchant, actor=actor)


def _orders(ids: Collection[int]) -> audit.Rows:
    return Order.objects.filter(pk__in=ids).values_list("pk", "number")


def _menus() -> None:
    menus.register(
        surface="merchant",
        entry=menus.Entry(
            "account",
            pgettext_lazy("shop", "My account"),
            "wallet",
            "billing:account",
            permissions.VIEW.name,
            order=560,
            section=sections.SHOP,
        ),
    )
    for surface, sales, second in (
        ("platform", permissions.PLATFORM_SALES, "editions"),
        ("operator", permissions.OPERATOR_SALES, "prices"),
    ):
        labels = {"editions": _("Editions and prices"), "prices": _("My prices")}
        for order, (name, label, icon) in enumerate(
            (
                ("orders", _("Orders"), "receipt"),
                ("transfers", _("Transfers to check"), "building-bank"),
                ("ending", _("Plans that end"), "calendar-exclamation"),
                (second, labels[second], "tags"),
            )
        ):
            menus.register(
                surface=surface,
                entry=menus.Entry(
                    f"billing_{name}",
                    label,
                    icon,
                    f"billing:{surface}_{name}",
                    sales.name,
                    order=60 + order,
                    section=sections.SALES,
                    badge=_to_check if name == "transfers" else None,
                    covers=("../account",) if name == "orders" else (),
                ),
            )


def _to_check(request: HttpRequest) -> int | None:
    with tenancy.all_merchants("the count beside the menu of a seller"):
        return _handed_in(request).count() or None


def _handed_in(request: HttpRequest) -> QuerySet[Transfer]:
    operator = getattr(request, "operator", None)
    seller = operator if isinstance(operator, Operator) else None
    return selectors.transfers_to_check(seller, all_sellers=seller is None)


def _waiting(request: MerchantRequest) -> Iterator[todo.Todo]:
    stands = request.standing
    if stands.notice and permissions.VIEW.name in request.permissions:
        yield todo.Todo(
            stands.notice,
            _("Renew in time; days that are left are added."),
            reverse("billing:account", args=[request.merchant.slug]),
            "wallet",
            "waiting" if stands.may_write else "danger",
            order=5,
        )


def _transfers(request: Any) -> Iterator[todo.Question]:
    operator = getattr(request, "operator", None)
    surface, args = ("operator", [operator.slug]) if operator else ("platform", [])

    def waiting(many: int) -> Iterator[todo.Todo]:
        if many:
            yield todo.Todo(
                ngettext(
                    "%(n)s transfer waits for your confirmation",
                    "%(n)s transfers wait for your confirmation",
                    many,
                )
                % {"n": many},
                _("The merchant's plan begins when you have seen the money arrive."),
                reverse(f"billing:{surface}_transfers", args=args),
                "building-bank",
                order=20,
            )

    sales = permissions.OPERATOR_SALES if operator else permissions.PLATFORM_SALES
    if sales.name in request.permissions:
        yield todo.how_many(_handed_in(request), waiting)


def _data_go(request: Any) -> Iterator[todo.Question]:
    """Shops that lose their customers' data within 30 days unless somebody renews (U-45)."""
    operator = getattr(request, "operator", None)
    surface, args = ("operator", [operator.slug]) if operator else ("platform", [])

    def soon(many: int) -> Iterator[todo.Todo]:
        if many:
            yield todo.Todo(
                ngettext(
                    "%(n)s shop loses its customers' data within 30 days",
                    "%(n)s shops lose their customers' data within 30 days",
                    many,
                )
                % {"n": many},
                _("Its owners were warned. Ask whether they go on, or let them take a copy."),
                f"{reverse(f'billing:{surface}_ending', args=args)}?stage=going",
                "calendar-exclamation",
                "danger",
                order=12,
            )

    sales = permissions.OPERATOR_SALES if operator else permissions.PLATFORM_SALES
    if sales.name in request.permissions:
        yield todo.how_many(endings.going(operator), soon)


def _banner(request: HttpRequest) -> Iterator[notices.Notice]:
    stands = getattr(request, "standing", None)
    if isinstance(stands, standing.Standing) and stands.notice:
        may_see = stands.notice_permission in getattr(request, "permissions", ())
        yield notices.Notice(
            stands.notice,
            stands.notice_tone,
            "calendar-exclamation",
            link_label=pgettext_lazy("shop", "My account") if may_see else "",
            link_url=stands.notice_url if may_see else "",
        )
