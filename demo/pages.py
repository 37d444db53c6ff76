"""Pages inside WeChat in the demo: the tea house's mini program, and money it collects by link."""

from __future__ import annotations

from django.conf import settings

from demo.base import owner_of
from demo.cast import MERCHANTS, AccountPlan
from demo.made import find, id_of, made
from demo.models import Made
from demo.sandbox import Sandbox
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.pay.models import Way
from zhanggui.channels.pay.services import settling
from zhanggui.channels.wechat import minis
from zhanggui.channels.wechat import services as wechat_services
from zhanggui.channels.wechat.models import ChannelAccount, Kind
from zhanggui.collecting import services
from zhanggui.collecting.models import PaymentRequest
from zhanggui.collecting.services import Asked, Payer
from zhanggui.core import tenancy

MINI = AccountPlan("tea-mini", "青岚茶馆小程序", "🍵")
PARTY = Asked(
    "冬至茶会报名费", 12_800, days=30, note="每位含一席三泡，当天请提前十分钟到。", is_many=True
)
ROOM = Asked("周六包间定金", 20_000, days=7)
GIFT = Asked("企业礼盒尾款", 368_000, days=3)


def make(sandbox: Sandbox) -> None:
    """Make what is missing."""
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{MERCHANTS[0].slug}"))
    owner = owner_of(MERCHANTS[0])
    _mini(sandbox, merchant, owner)
    if find("collecting:story") is None:
        _collected(sandbox, merchant, owner)


def _mini(sandbox: Sandbox, merchant: Merchant, owner: Actor) -> None:
    sandbox.put_account(
        MINI.app_id,
        {
            "name": MINI.name,
            "secret": MINI.secret,
            "original_id": MINI.original_id,
            "kind": "mini",
            "avatar": MINI.avatar,
            "token": MINI.callback_token,
            "aes_key": MINI.aes_key,
            "callback_url": f"{settings.BASE_URL}/hooks/wechat/{MINI.app_id}/",
        },
    )
    made(f"account:{MINI.key}", lambda: _connected(merchant, owner))
    if find("mini:code") is None:
        with tenancy.merchant_scope(merchant.pk):
            code = minis.create_code(
                merchant=merchant, name="收银台立牌", page="", target="stamps.wallet", actor=owner
            )
        Made.objects.create(key="mini:code", row_id=code.pk)


def _connected(merchant: Merchant, owner: Actor) -> ChannelAccount:
    return wechat_services.connect_account(
        tier=Tier.MERCHANT,
        merchant=merchant,
        name=MINI.name,
        credentials=wechat_services.Credentials(
            app_id=MINI.app_id,
            secret=MINI.secret,
            callback_token=MINI.callback_token,
            aes_key=MINI.aes_key,
        ),
        original_id=MINI.original_id,
        kind=Kind.MINI,
        actor=owner,
        is_tested=False,
    )


def _collected(sandbox: Sandbox, merchant: Merchant, owner: Actor) -> None:
    """A party two people have paid for, a room paid for, a bill that is still open."""
    payers = sorted(sandbox.people())[:3]
    with tenancy.merchant_scope(merchant.pk):
        party, room, gift = (
            services.create_request(merchant=merchant, asked=asked, customer_id=None, actor=owner)
            for asked in (PARTY, ROOM, GIFT)
        )
        for request, slug in zip((party, party, room), payers, strict=True):
            _paid(sandbox, request, slug, owner)
    Made.objects.create(key="collecting:story", row_id=gift.pk)


def _paid(sandbox: Sandbox, request: PaymentRequest, slug: str, owner: Actor) -> None:
    one = services.begin(request=request, way=Way.NATIVE, payer=Payer(), actor=owner)
    payment = one.payment
    payment.refresh_from_db()
    sandbox.pay_order(payment.account.mchid, payment.number, slug)
    settling.look(payment)
