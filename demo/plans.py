"""What the demo's merchants have bought, and four shops whose plan is about to end or over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageDraw

from demo.cast import PASSWORD, MerchantPlan, StaffPlan
from demo.made import find, id_of, made
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.models import Merchant, Operator, Person, Role
from zhanggui.billing import services
from zhanggui.billing.models import Edition, Order, Price, Seller, Transfer
from zhanggui.core import clock, tenancy

BOUGHT = {
    "qinglan-tea": ("plus", 12),
    "yiguo-hotpot": ("plus", 24),
    "mailang-bakery": ("plus", 12),
    "acheng-barber": ("basic", 12),
    "maoqiu-pets": ("basic", 12),
    "yehang-books": ("basic", 12),
}
"""Edition and months of each merchant, bought during its trial."""


@dataclass(frozen=True)
class ShopPlan:
    """A small shop without customers, for looking at the phases of a plan."""

    slug: str
    name: str
    trade: str
    emoji: str
    note: Promise
    """How its plan stands, for the start page."""
    began: timedelta
    """So long ago its trial of 15 days began, seen from the first start of the demo."""
    owner: StaffPlan


SHOPS = (
    ShopPlan(
        "yunshang-flowers",
        "云上花铺",
        "花店",
        "🌷",
        _("The trial is about to end; no customers yet."),
        timedelta(days=12, hours=-3),
        StaffPlan("flowers-owner", "叶云上", 701, "owner"),
    ),
    ShopPlan(
        "laochen-watches",
        "老陈修表",
        "钟表维修",
        "⌚",
        _("The trial is over; days of grace."),
        timedelta(days=18),
        StaffPlan("watches-owner", "陈守时", 702, "owner"),
    ),
    ShopPlan(
        "wanfeng-noodles",
        "晚风面馆",
        "面馆",
        "🍜",
        _("The trial is over; the shop can only be read."),
        timedelta(days=40),
        StaffPlan("noodles-owner", "方晚风", 703, "owner"),
    ),
    ShopPlan(
        "guangyin-photo",
        "光阴照相馆",
        "照相馆",
        "📷",
        _("Put away; its customers' data go soon."),
        timedelta(days=183),
        StaffPlan("photo-owner", "季光阴", 704, "owner"),
    ),
)
"""Three days before the end of the trial, in the days of grace, read-only, and put away nineteen
days before its customers' data go."""


def set_up(actor: Actor) -> None:
    """Where money is sent, and the price list of the first operator."""
    for key, operator, payee, number in (
        ("platform", None, "杭州掌柜科技有限公司", "5719 0000 1234 567"),
        ("nanfeng", "nanfeng", "南风商户服务有限公司", "1202 0200 0990 0123"),
    ):
        made(f"seller:{key}", lambda o=operator, p=payee, n=number: _seller(o, p, n, actor))  # type: ignore[misc]
    made("price:nanfeng/basic", lambda: _price("nanfeng", "basic", actor))


def buy(plan: MerchantPlan, merchant: Merchant, owner: Actor, seller: Actor) -> None:
    """Let a merchant buy its plan by bank transfer, as its owner would."""
    edition, months = BOUGHT[plan.slug]
    made(f"plan:{plan.slug}", lambda: _bought(merchant, edition, months, owner, seller))


def open_shops(actor: Actor) -> None:
    """Make the four shops, each when its trial began; once in the life of a database."""
    now = clock.now()
    for shop in SHOPS:
        if find(f"merchant:{shop.slug}") is None:
            with clock.at(now - shop.began):
                made(f"merchant:{shop.slug}", lambda shop=shop: _shop(shop, actor))  # type: ignore[misc]


def wait_for_review(merchant: Merchant, owner: Actor) -> None:
    """Leave a transfer in the queue of the seller."""
    made(f"transfer:{merchant.slug}", lambda: _top_up(merchant, owner))


def _seller(operator: str | None, payee: str, number: str, actor: Actor) -> Seller:
    return services.set_seller(
        operator=_operator(operator),
        payee=payee,
        bank="招商银行杭州分行",
        account_number=number,
        note="转账附言请写订单编号",
        actor=actor,
    )


def _price(operator: str, code: str, actor: Actor) -> Price:
    edition = Edition.objects.get(code=code)
    own = Price.objects.get(edition=edition, operator=None)
    fen = {name: getattr(own, name) * 9 // 10 for name in services.PERIODS}
    return services.set_price(edition=edition, operator=_operator(operator), fen=fen, actor=actor)


def _operator(slug: str | None) -> Operator | None:
    return Operator.objects.get(pk=id_of(f"operator:{slug}")) if slug else None


def _bought(merchant: Merchant, edition: str, months: int, owner: Actor, seller: Actor) -> Order:
    with tenancy.merchant_scope(merchant.pk):
        order = services.order_period(
            merchant=merchant,
            edition=edition,
            months=months,
            use_balance=False,
            note="",
            actor=owner,
        )
        transfer = _hand_in(order, owner)
    services.approve_transfer(merchant=merchant, transfer_id=transfer.pk, actor=seller)
    return order


def _top_up(merchant: Merchant, owner: Actor) -> Transfer:
    with tenancy.merchant_scope(merchant.pk):
        order = services.order_top_up(
            merchant=merchant, amount_fen=50_000, note="备用金", actor=owner
        )
        return _hand_in(order, owner)


def _hand_in(order: Order, owner: Actor) -> Transfer:
    return services.hand_in_transfer(
        merchant=order.merchant,
        order_id=order.pk,
        amount_fen=order.rest_fen,
        paid_on=clock.local_date(clock.now(), "Asia/Shanghai"),
        reference=f"CMB{order.number}",
        proof=_receipt(order),
        actor=owner,
    )


def _receipt(order: Order) -> SimpleUploadedFile:
    picture = Image.new("RGB", (640, 320), "#fffdf8")
    pen = ImageDraw.Draw(picture)
    lines = ("BANK RECEIPT (DEMO)", f"No. CMB{order.number}", f"CNY {order.rest_fen / 100:,.2f}")
    for number, line in enumerate(lines):
        pen.text((40, 40 + number * 60), line, fill="#1f2328", font_size=30)
    content = BytesIO()
    picture.save(content, "PNG")
    return SimpleUploadedFile("receipt.png", content.getvalue(), "image/png")


def _shop(shop: ShopPlan, actor: Actor) -> Merchant:
    merchant = account_services.create_merchant(
        name=shop.name, slug=shop.slug, trade=shop.trade, actor=actor
    )
    owner = account_services.create_person(
        name=shop.owner.name, phone=shop.owner.phone, password=PASSWORD, actor=actor
    )
    account_services.add_membership(person=owner, place=merchant, role=Role.OWNER, actor=actor)
    with tenancy.merchant_scope(merchant.pk):
        account_services.create_store(name="总店", actor=person_actor(owner))
    return merchant


def actor_of(key: str) -> Actor:
    """A person of the cast as an actor."""
    return person_actor(Person.objects.get(pk=id_of(key)))
