"""Smallest valid rows of billing; a test names only what it is about."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from PIL import Image

from zhanggui.accounts.models import Merchant, Operator
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.billing import services
from zhanggui.billing.models import Edition, Kind, Order, Plan, Seller, Way
from zhanggui.billing.services import plans
from zhanggui.billing.services.orders import fulfil
from zhanggui.core import clock, tenancy

BASIC = "basic"
PLUS = "plus"


def edition(code: str = BASIC) -> Edition:
    """An edition of the price table that every installation begins with."""
    return Edition.objects.get(code=code)


def make_plan(
    merchant: Merchant,
    *,
    code: str = BASIC,
    left: timedelta = timedelta(days=100),
    is_trial: bool = False,
) -> Plan:
    """A plan that runs for ``left`` from now, or ended so long ago when it is negative."""
    now = clock.now()
    with tenancy.merchant_scope(merchant.pk):
        plan = Plan(edition=edition(code), is_trial=is_trial, began_at=now, ends_at=now + left)
        plan.save()
        plans.copy_to_merchant(plan)
    merchant.refresh_from_db()
    return plan


def make_subscriber(
    *,
    code: str = BASIC,
    left: timedelta = timedelta(days=100),
    is_trial: bool = False,
    operator: Operator | None = None,
) -> Merchant:
    """A merchant with a plan."""
    merchant = make_merchant(operator=operator)
    make_plan(merchant, code=code, left=left, is_trial=is_trial)
    return merchant


def make_order(
    merchant: Merchant, *, kind: Kind = Kind.RENEW, total_fen: int = 9_900, note: str = ""
) -> Order:
    """An order that waits for a transfer."""
    with tenancy.merchant_scope(merchant.pk):
        order = Order(
            number=f"20260101{Order.objects.count():08d}",
            kind=kind,
            way=Way.TRANSFER,
            edition=None if kind == Kind.TOP_UP else edition(),
            months=0 if kind in {Kind.TOP_UP, Kind.UPGRADE} else 1,
            total_fen=total_fen,
            note=note,
            created_by_name="李店长",
            expires_at=clock.now() + timedelta(minutes=30),
        )
        order.save()
    return order


def make_seller(operator: Operator | None = None, *, payee: str = "掌柜科技") -> Seller:
    """An account to transfer to."""
    return Seller.objects.create(
        operator=operator, payee=payee, bank="招商银行", account_number="6214 8300 0000 0000"
    )


def receipt_file(name: str = "receipt.png") -> SimpleUploadedFile:
    """A small picture of a receipt."""
    content = BytesIO()
    Image.new("RGB", (40, 30), "white").save(content, "PNG")
    return SimpleUploadedFile(name, content.getvalue(), "image/png")


def put_on_balance(merchant: Merchant, fen: int) -> None:
    """Fill the balance, by a top-up that was received."""
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        order = services.order_top_up(merchant=merchant, amount_fen=fen, note="", actor=ACTOR)
        fulfil(plans.locked_plan(), order, merchant, role="seller", actor=ACTOR)
