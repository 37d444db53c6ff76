"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit, todo
from zhanggui.accounts import permissions as rights
from zhanggui.api import operations, scopes
from zhanggui.api import registry as routes
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.menus.builtin import BuiltinPage
from zhanggui.codes import desk
from zhanggui.contacts import conditions, holders, timeline
from zhanggui.contacts.models import Customer
from zhanggui.core import clock
from zhanggui.coupons import (
    api,
    counter,
    customers,
    finding,
    lists,
    measures,
    permissions,
    selectors,
    told,
)
from zhanggui.coupons.models import Coupon, CouponTemplate, TemplateState
from zhanggui.coupons.operations import SUBJECT
from zhanggui.coupons.services import giving
from zhanggui.files import exports, jobs
from zhanggui.files.models import Task
from zhanggui.ledger import caches
from zhanggui.messaging import templates
from zhanggui.ui import navigation, panels, sections
from zhanggui.ui.formats import count

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "coupons.template.created": _("Coupon made"),
    "coupons.template.edited": _("Coupon changed"),
    "coupons.template.resumed": _("Coupon given out again"),
    "coupons.template.stopped": _("Coupon no longer given out"),
    "coupons.template.paused": _("Coupon put on hold"),
    "coupons.template.pictured": _("Picture put on the coupons"),
    "coupons.template.unpictured": _("Picture taken off the coupons"),
    "coupons.coupon.issued": _("Coupon issued"),
    "coupons.coupon.held": _("Coupon reserved by a till"),
    "coupons.coupon.released": _("Coupon released by a till"),
    "coupons.coupon.redeemed": _("Coupon redeemed"),
    "coupons.coupon.undone": _("Redemption undone"),
    "coupons.coupon.voided": _("Coupon voided"),
    "coupons.coupon.frozen": _("Coupon frozen"),
    "coupons.coupon.unfrozen": _("Coupon unfrozen"),
    "coupons.code.issued": _("Code to redeem shown"),
    "coupons.code.revoked": _("Code to redeem revoked by the customer"),
    "coupons.gift.made": _("Link to hand a coupon on made"),
    "coupons.gift.kept": _("Coupon kept after all"),
    "coupons.gift.taken": _("Coupon handed on"),
    "coupons.link.made": _("Coupon link made"),
    "coupons.link.closed": _("Coupon link closed"),
    "coupons.segment.started": _("Coupons for a segment started"),
    "coupons.use.reported": _("Redemption reported: “that was not me”"),
}
FIELDS = {
    "name": _("Name"),
    "kind": _("Kind"),
    "amount_fen": _("Fen"),
    "percent_off": _("Percent off"),
    "min_spend_fen": _("Smallest bill in fen"),
    "weekdays": _("Weekdays"),
    "terms": _("Terms of use"),
    "validity": _("Validity"),
    "starts_at": _("Valid from"),
    "ends_at": _("Valid until"),
    "days_valid": _("Days valid"),
    "days_until_start": _("Days until it begins"),
    "uses": _("Uses"),
    "per_person": _("Per person"),
    "is_transferable": _("Can be handed on"),
    "takes_press": _("The store's stamp redeems it"),
    "stock": _("Stock"),
    "stores": _("Stores"),
}
BALANCE = caches.BalanceCache(
    name="coupons.coupon",
    sql="""
    SELECT 'coupon:' || c.id, c.usable + c.held, coalesce(e.total, 0)
    FROM coupons_coupon c
    LEFT JOIN (
      SELECT account_id, sum(amount) AS total FROM ledger_entry
      WHERE merchant_id = %(merchant)s GROUP BY account_id
    ) e ON e.account_id = c.account_id
    WHERE c.merchant_id = %(merchant)s AND c.usable + c.held <> coalesce(e.total, 0)
    """,
)
MOST_TODOS = 10
PAGE = BuiltinPage(
    "coupons.wallet",
    _("My coupons"),
    pgettext_lazy("button of a WeChat menu", "My coupons"),
    lambda shop: reverse("coupons:wallet", args=[shop.slug]) if shop else "",
    feature=permissions.FEATURE,
    order=20,
)


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    rights.register(*permissions.ALL)
    rights.register_area("coupons", _("Coupons"), order=32)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    for field, label in FIELDS.items():
        audit.register_field(f"coupons.{field}", label)
    audit.register_target("coupon", _("Coupon"), _coupons)
    audit.register_target("coupon_template", _("Coupon template"), _templates)
    caches.register(BALANCE)
    scopes.register(*api.SCOPES)
    operations.register(api.OPERATION)
    routes.register("coupons", lambda: api.router)
    desk.register(counter.OPERATION)
    desk.register_gone(SUBJECT, counter.why_gone)
    holders.register(customers.HOLDER)
    for source in customers.TIMELINES:
        timeline.register(source)
    templates.register(*told.ALL)
    jobs.register(
        jobs.TaskKind(
            giving.TASK,
            _("Coupons for a segment"),
            giving.run_segment,
            "ticket",
            _("customers"),
            lines=_outcome,
        )
    )
    builtin.register(PAGE)
    for export in lists.EXPORTS:
        exports.register(export)
    finding.register_all()
    measures.register_all()
    conditions.register(
        conditions.Condition(
            "coupons.usable", _("Holds a usable coupon"), _holds, selectors.template_choices
        )
    )
    todo.register(_running_out)
    _menu()
    panels.register(
        place="contacts.customer",
        panel=panels.Panel(
            "coupons/backoffice/panel_customer.html", _customer, permissions.VIEW.name, order=12
        ),
    )
    panels.register(
        place="contacts.customer-head",
        panel=panels.Panel(
            "coupons/backoffice/_give.html", _give, permissions.ISSUE.name, order=30
        ),
    )


def _menu() -> None:
    for order, (name, label, icon) in enumerate(
        (
            ("templates", _("Coupon templates"), "ticket"),
            ("coupons", _("Coupons"), "gift-card"),
            ("redemptions", _("Redemptions"), "receipt"),
        )
    ):
        navigation.register(
            surface="merchant",
            entry=navigation.Entry(
                f"coupons_{name}",
                label,
                icon,
                f"coupons:{name}",
                permissions.VIEW.name,
                order=150 + order,
                section=sections.COUPONS,
            ),
        )


def _holds(value: str) -> Q:
    """Customers with a coupon of this template that they could use."""
    moment = clock.now()
    coupons = Coupon.objects.filter(
        selectors.is_open(moment), customer_id=OuterRef("pk"), template_id=int(value)
    )
    return Q(Exists(coupons))


def _running_out(request: MerchantRequest) -> Iterator[todo.Question]:
    """Coupons of which a tenth or less is left, while they are still given out."""
    if permissions.MANAGE.name not in request.permissions:
        return
    slug = request.merchant.slug

    def few(found: todo.Found) -> Iterator[todo.Todo]:
        for row in sorted(found, key=lambda one: str(one["name"])):
            yield todo.Todo(
                _("“%(coupon)s”: %(left)s left") % {"coupon": row["name"], "left": row["left"]},
                _("Customers get none once the stock is empty. Raise it, or stop giving it out."),
                reverse("coupons:template", args=[slug, row["pk"]]),
                "ticket",
            )

    rows = CouponTemplate.objects.filter(
        state=TemplateState.ACTIVE, stock__isnull=False, left__lte=F("stock") / 10
    )
    wanted = {"pk": F("pk"), "name": F("name"), "left": F("left")}
    yield todo.Question(rows.order_by("pk")[:MOST_TODOS], few, wanted)


def _coupons(ids: Collection[int]) -> audit.Rows:
    return Coupon.objects.filter(pk__in=ids).values_list("pk", "template__name")


def _templates(ids: Collection[int]) -> audit.Rows:
    return CouponTemplate.objects.filter(pk__in=ids).values_list("pk", "name")


def _outcome(task: Task) -> list[tuple[jobs.Text, str]]:
    left_out: Mapping[str, int] = task.result.get("left_out", {})
    return [
        (_("Coupons given"), count(task.result.get("given", 0))),
        *((_("Left out: %(why)s") % {"why": why}, count(n)) for why, n in left_out.items()),
    ]


def _customer(_request: HttpRequest, subject: Any) -> Mapping[str, Any]:
    customer: Customer = subject
    return {"coupons": selectors.wallet(customer.pk).rows[:6], "customer": customer}


def _give(_request: HttpRequest, subject: Any) -> Mapping[str, Any] | None:
    return {"customer": subject} if isinstance(subject, Customer) else None
