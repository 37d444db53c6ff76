"""A seller's pages, the same for the platform and for operators: orders, transfers, gifts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.billing import selectors, services
from zhanggui.billing.errors import ReasonMissing
from zhanggui.billing.forms import GrantForm, ReasonForm, SellerForm
from zhanggui.billing.models import (
    Kind,
    Order,
    OrderState,
    PlanChange,
    Seller,
    Transfer,
    TransferState,
    Way,
)
from zhanggui.channels.pay.models import Payment
from zhanggui.core import clock, idempotency, tenancy, tokens
from zhanggui.core.errors import DomainError
from zhanggui.files import storing
from zhanggui.files.models import StoredFile
from zhanggui.ui.paging import keyset

SHOWN_INLINE = {"image/jpeg", "image/png", "image/webp", "application/pdf"}


@dataclass(frozen=True)
class Desk:
    """Who sells at this desk: an operator its merchants' orders, the platform all of them."""

    operator: Operator | None
    actor: Actor
    permissions: frozenset[str]

    @property
    def surface(self) -> str:
        """How the addresses of this desk are named."""
        return "operator" if self.operator else "platform"

    def url(self, name: str, *arguments: Any) -> str:
        """An address of this desk, for example ``orders``."""
        leading = [self.operator.slug] if self.operator else []
        return reverse(f"billing:{self.surface}_{name}", args=[*leading, *arguments])

    def payment_url(self, merchant: Merchant, payment: Payment) -> str:
        """The page of a payment that this desk's own account collects; empty for another's."""
        account = payment.account
        if account.tier != self.surface or account.operator_id != getattr(
            self.operator, "pk", None
        ):
            return ""
        leading = [self.operator.slug] if self.operator else []
        args = [*leading, merchant.slug, payment.pk]
        return reverse(f"pay:{self.surface}_payment", args=args)

    def merchant(self, slug: str) -> Merchant:
        """A merchant this desk sells to; another's is not there (404)."""
        found = Merchant.objects.select_related("operator")
        if self.operator:
            found = found.filter(operator=self.operator)
        return get_object_or_404(found, slug=slug)

    def may(self, right: str) -> bool:
        """Whether the person has a right of this tier, for example ``sales``."""
        return f"billing.{self.surface}_{right}" in self.permissions

    @property
    def may_give(self) -> bool:
        """Whether the person may give periods as a gift."""
        return self.may("prices") or self.may("editions")

    @contextmanager
    def all_rows(self) -> Iterator[None]:
        """Open the rows of all merchants; every query then names the seller."""
        with tenancy.all_merchants(f"orders at the desk of the {self.surface}"):
            yield


def orders(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Orders of all merchants of this seller, newest first."""
    names = ("q", "kind", "way", "state")
    chosen = {name: request.GET.get(name, "").strip()[:80] for name in names}
    with desk.all_rows():
        found = selectors.sold_by(
            desk.operator,
            search=chosen["q"],
            kind=chosen["kind"],
            way=chosen["way"],
            state=chosen["state"],
        )
        rows = keyset(found, order=selectors.ORDER, after=request.GET.get("after", ""))
        waiting = selectors.transfers_to_check(desk.operator, all_sellers=not desk.operator).count()
    page = {
        "desk": desk,
        "now": clock.now(),
        "page": rows,
        "rows": [(one, desk.url("order", one.merchant.slug, one.pk)) for one in rows.rows],
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "kinds": Kind.choices,
        "ways": Way.choices,
        "states": OrderState.choices,
        "waiting": waiting,
        "transfers_url": desk.url("transfers"),
        "here": desk.url("orders"),
    }
    return render(request, "billing/desk/orders.html", page)


def order(request: HttpRequest, desk: Desk, slug: str, order_id: int) -> HttpResponse:
    """One order with its proofs and history."""
    merchant = desk.merchant(slug)
    with tenancy.merchant_scope(merchant.pk):
        found = get_object_or_404(selectors.orders(), pk=order_id)
        transfers = selectors.transfers_of(found)
        payments = selectors.payments_of(found)
        newest = PlanChange.objects.order_by("-id").first()
        page = {
            "desk": desk,
            "now": clock.now(),
            "merchant": merchant,
            "order": found,
            "is_lapsed": selectors.is_lapsed(found),
            "transfers": [_proof(desk, merchant, one) for one in transfers],
            "changes": list(found.changes.order_by("id")),
            "payments": [(one, desk.payment_url(merchant, one)) for one in payments],
            "goes_back": selectors.goes_back_by_wechat(found),
            "may_refund": desk.may("sales") and _is_refundable(found, newest),
            "refund_url": desk.url("refund", slug, found.pk),
            "plan_url": desk.url("plan", slug),
            "key": tokens.new_token(),
            "back": desk.url("orders"),
        }
    return render(request, "billing/desk/order.html", page)


def refund(request: HttpRequest, desk: Desk, slug: str, order_id: int) -> HttpResponse:
    """Give a paid order's money back the way it came."""
    merchant = desk.merchant(slug)
    with tenancy.merchant_scope(merchant.pk):
        get_object_or_404(Order.objects.all(), pk=order_id)
    services.refund_order(
        merchant=merchant, order_id=order_id, reason=_reason(request), actor=desk.actor
    )
    messages.success(request, _("Refunded. What was bought is taken back."))
    return redirect(desk.url("order", slug, order_id))


def transfers(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Proofs that wait for a decision, the oldest first."""
    with desk.all_rows():
        found = selectors.transfers_to_check(desk.operator, all_sellers=not desk.operator)
        rows = keyset(
            found, order=("handed_in_at", "id"), after=request.GET.get("after", ""), size=20
        )
        cards = [
            _proof(desk, one.merchant, one) | {"same": selectors.same_reference(one)}
            for one in rows.rows
        ]
    page = {"desk": desk, "page": rows, "cards": cards, "orders_url": desk.url("orders")}
    return render(request, "billing/desk/transfers.html", page)


def decide(
    request: HttpRequest, desk: Desk, slug: str, transfer_id: int, *, is_received: bool
) -> HttpResponse:
    """Say that money has arrived, or send a proof back with a reason."""
    merchant = desk.merchant(slug)
    with tenancy.merchant_scope(merchant.pk):
        get_object_or_404(Transfer.objects.all(), pk=transfer_id)
    if is_received:
        services.approve_transfer(merchant=merchant, transfer_id=transfer_id, actor=desk.actor)
        messages.success(request, _("Received. The order is paid and holds at once."))
    else:
        services.reject_transfer(
            merchant=merchant, transfer_id=transfer_id, reason=_reason(request), actor=desk.actor
        )
        messages.success(request, _("Sent back. The owners are told why."))
    return redirect(desk.url("transfers"))


def proof(request: HttpRequest, desk: Desk, slug: str, transfer_id: int) -> HttpResponse:
    """The bank's receipt itself; only whoever checks transfers sees it."""
    merchant = desk.merchant(slug)
    with tenancy.merchant_scope(merchant.pk):
        transfer = get_object_or_404(Transfer.objects.all(), pk=transfer_id)
        stored = get_object_or_404(StoredFile.objects.all(), pk=transfer.proof_id or 0)
        try:
            with storing.opened(stored, "large" if stored.is_picture else "") as file:
                content = file.read()
        except FileNotFoundError:
            raise Http404 from None
    is_shown = stored.content_type in SHOWN_INLINE
    kind = stored.content_type if is_shown else "application/octet-stream"
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = content_disposition_header(not is_shown, stored.name) or ""
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def plan(request: HttpRequest, desk: Desk, slug: str) -> HttpResponse:
    """A merchant's plan with its history; POST gives a period by hand."""
    merchant = desk.merchant(slug)
    with tenancy.merchant_scope(merchant.pk):
        found = selectors.plan_of()
        status = 200
        initial = {"edition": found.edition.code if found else None, "months": 0}
        form = GrantForm(request.POST or None, initial=initial)
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    _grant(request, desk, merchant, form)
                except DomainError as refusal:
                    status = put_refusal(form, refusal)
                else:
                    messages.success(request, _("Given. It holds from now on."))
                    return redirect(desk.url("plan", slug))
        page = {
            "desk": desk,
            "merchant": merchant,
            "plan": found,
            "edition": selectors.edition_now(found) if found else None,
            "balance_fen": selectors.balance_fen(),
            "form": form,
            "key": request.POST.get("idempotency_key", "") or tokens.new_token(),
            "history": _history(),
            "back": _merchant_url(desk, slug),
        }
        return render(request, "billing/desk/plan.html", page, status=status)


def seller(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Where merchants of this seller transfer money to."""
    present = Seller.objects.filter(operator=desk.operator).first()
    names = ("payee", "bank", "account_number", "note")
    initial = {name: getattr(present, name) for name in names} if present else None
    form = SellerForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            services.set_seller(operator=desk.operator, actor=desk.actor, **form.cleaned_data)
            messages.success(request, _("Saved. Shops see this account from now on."))
            return redirect(desk.url("orders"))
    page = {"desk": desk, "form": form, "back": desk.url("orders"), "present": present}
    return render(request, "billing/desk/seller.html", page, status=status)


def _grant(request: HttpRequest, desk: Desk, merchant: Merchant, form: GrantForm) -> None:
    values = form.cleaned_data
    idempotency.once(
        caller=desk.actor.key,
        key=request.POST.get("idempotency_key", "")[:80],
        content={"door": "billing.grant"} | values | {"edition": values["edition"].code},
        write=lambda: {
            "order_id": services.grant(merchant=merchant, actor=desk.actor, **values).pk
        },
    )


def _proof(desk: Desk, merchant: Merchant, transfer: Transfer) -> dict[str, Any]:
    slug = merchant.slug
    return {
        "transfer": transfer,
        "order": transfer.order,
        "merchant": merchant,
        "proof_url": desk.url("proof", slug, transfer.pk) if transfer.proof_id else "",
        "order_url": desk.url("order", slug, transfer.order_id),
        "approve_url": desk.url("approve", slug, transfer.pk),
        "reject_url": desk.url("reject", slug, transfer.pk),
        "is_waiting": transfer.state == TransferState.WAITING,
    }


def _history() -> list[PlanChange]:
    return list(PlanChange.objects.order_by("-id")[:50])


def _is_refundable(order: Order, newest: PlanChange | None) -> bool:
    if order.state != OrderState.PAID or order.kind == Kind.GRANT:
        return False
    if order.kind in {Kind.TOP_UP, Kind.SMS_PACK}:
        return True
    return newest is not None and newest.order_id == order.pk


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise ReasonMissing
    return str(form.cleaned_data["reason"])


def _merchant_url(desk: Desk, slug: str) -> str:
    if desk.operator:
        return reverse("accounts:operator_merchant", args=[desk.operator.slug, slug])
    return reverse("accounts:platform_merchant", args=[slug])
