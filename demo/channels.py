"""What stands at the demo's official accounts: menus, automatic replies, QR codes with scans.

Also the third-party platform that a new account can authorise by scanning in the demo.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from random import Random
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from PIL import Image, ImageDraw, ImageFont

from demo import world
from demo.base import ACTOR, owner_of
from demo.cast import MERCHANTS, NEWCOMER, PLATFORM_ACCOUNT, AccountPlan, MerchantPlan
from demo.made import find, id_of, made
from demo.sandbox import Sandbox
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import component_setup
from zhanggui.channels.wechat.hooks import ScanEvent
from zhanggui.channels.wechat.menus import services as menu_services
from zhanggui.channels.wechat.menus.rules import Button, Kind
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    Component,
    Occasion,
    ReplyKind,
    SceneCode,
    TrackedCode,
)
from zhanggui.channels.wechat.replies import services as reply_services
from zhanggui.channels.wechat.replies.rules import Word
from zhanggui.channels.wechat.replies.services import ReplyInput
from zhanggui.channels.wechat.services import Credentials
from zhanggui.channels.wechat.tracking import scans
from zhanggui.channels.wechat.tracking import services as code_services
from zhanggui.channels.wechat.tracking.fonts import font
from zhanggui.channels.wechat.tracking.services import PURPOSE, CodeInput
from zhanggui.core import clock, tenancy
from zhanggui.signin.services import embedding

COMPONENT = AccountPlan("component", "掌柜开放平台", "🏯")
SCAN_DAYS = 28
CODES = (
    ("收银台立牌", "扫码关注，领集章卡", "欢迎光临！点下面的卡片领一张集章卡。", 46),
    ("橱窗海报", "扫码看新品", "今日新品已上，到店出示本条消息试喝一小杯。", 27),
    ("外卖小票", "扫码下次更优惠", "", 15),
)
"""Purpose, caption, reply, and how many scans in four weeks."""


def make(sandbox: Sandbox) -> None:
    """Make what is missing; the menus are published at the sandbox itself."""
    _component(sandbox)
    tea = MERCHANTS[0]
    if tea.account:
        account = ChannelAccount.objects.select_related("merchant").get(app_id=tea.account.app_id)
        _tea(account, tea, sandbox)
        _site(tea)
    platform = ChannelAccount.objects.get(app_id=PLATFORM_ACCOUNT.app_id)
    _menu(
        platform,
        (
            Button("desk", "门店管理", Kind.BUILTIN, "stamps.desk"),
            Button(
                "help",
                "帮助",
                Kind.REPLY,
                "店员请让老板在后台生成二维码，微信扫码绑定门店。",
            ),
        ),
        ACTOR,
    )
    _reply(
        platform,
        "follow",
        ReplyInput(Occasion.FOLLOW, ReplyKind.TEXT, text="欢迎！点下方菜单进入门店管理。"),
        ACTOR,
    )


def _component(sandbox: Sandbox) -> None:
    here = f"{settings.BASE_URL}{reverse('wechat:component_hook', args=[COMPONENT.app_id])}"
    host = urlsplit(settings.BASE_URL).netloc
    sandbox.put_component(
        COMPONENT.app_id,
        {
            "name": COMPONENT.name,
            "secret": COMPONENT.secret,
            "token": COMPONENT.callback_token,
            "aes_key": COMPONENT.aes_key,
            "event_url": here,
            "message_url": f"{here}$APPID$/",
            "login_domains": [host],
            "account_domains": [host],
        },
    )
    sandbox.put_account(
        NEWCOMER.app_id,
        {
            "name": NEWCOMER.name,
            "secret": NEWCOMER.secret,
            "original_id": NEWCOMER.original_id,
            "kind": "service",
            "avatar": NEWCOMER.avatar,
            "admin": world.keeper_of(NEWCOMER),
        },
    )
    made("component", _set_up)


def _set_up() -> Component:
    credentials = Credentials(
        app_id=COMPONENT.app_id,
        secret=COMPONENT.secret,
        callback_token=COMPONENT.callback_token,
        aes_key=COMPONENT.aes_key,
    )
    return component_setup.set_up_component(
        name=COMPONENT.name, credentials=credentials, actor=ACTOR
    )


def _tea(account: ChannelAccount, plan: MerchantPlan, sandbox: Sandbox) -> None:
    owner = owner_of(plan)
    _menu(
        account,
        (
            Button("cards", "我的卡", Kind.BUILTIN, "stamps.wallet"),
            Button(
                "tea",
                "茶单",
                entries=(
                    Button("new", "本周新茶", Kind.REPLY, "本周新茶：凤凰单丛，到店试饮。"),
                    Button("about", "关于我们", Kind.PAGE, "https://example.com/qinglan"),
                    Button("scan", "扫码查真伪", Kind.SCAN),
                ),
            ),
            Button("hours", "营业时间", Kind.REPLY, "每天 9:30–21:30\n法定节假日照常营业"),
        ),
        owner,
    )
    for name, values in (
        (
            "follow",
            ReplyInput(
                Occasion.FOLLOW,
                ReplyKind.CARD,
                title="欢迎来到青岚茶馆",
                text="集满十枚章，送一壶好茶。点这里领卡。",
                page="stamps.wallet",
            ),
        ),
        (
            "hours",
            ReplyInput(
                Occasion.KEYWORD,
                ReplyKind.TEXT,
                words=[Word("营业", False), Word("几点", False), Word("开门", False)],
                priority=10,
                text="我们每天 9:30–21:30 营业。",
            ),
        ),
        (
            "address",
            ReplyInput(
                Occasion.KEYWORD,
                ReplyKind.TEXT,
                words=[Word("地址", False), Word("在哪", False), Word("怎么走", False)],
                text="总店在湖滨路 18 号，地铁 1 号线湖滨站 B 口出来走 200 米。",
            ),
        ),
        (
            "prices",
            ReplyInput(
                Occasion.KEYWORD,
                ReplyKind.PICTURE,
                words=[Word("价格", False), Word("多少钱", False), Word("价目", False)],
                text="价目表正在准备，请稍等一会儿再问。",
                picture=_price_list(),
            ),
        ),
        (
            "wifi",
            ReplyInput(
                Occasion.KEYWORD,
                ReplyKind.TEXT,
                words=[Word("wifi", True), Word("密码", True)],
                text="WiFi：qinglan-guest，密码请看桌牌。",
            ),
        ),
        (
            "default",
            ReplyInput(
                Occasion.DEFAULT,
                ReplyKind.TEXT,
                text="收到，店员看到后会回复您。急事请打电话。",
            ),
        ),
    ):
        _reply(account, name, values, owner)
    openids = list(sandbox.openids(account.app_id).values())
    for number, (name, caption, reply, count) in enumerate(CODES):
        drawn = CodeInput(name, caption, reply, "stamps.wallet" if number == 0 else "")
        _code(account, drawn, days=30 if number == 2 else None, actor=owner)  # noqa: PLR2004
        _scans(account, name, openids, count)


PRICES = (("凤凰单丛", "¥38"), ("正山小种", "¥32"), ("茉莉花茶", "¥26"), ("桂花乌龙", "¥30"))


def _price_list() -> bytes:
    """A price list as a shop would photograph it."""
    picture = Image.new("RGB", (720, 960), "#F7F5F1")
    pen = ImageDraw.Draw(picture)
    large, plain = (ImageFont.truetype(str(font()), size) for size in (64, 44))
    pen.rectangle((30, 30, 690, 930), outline="#C2362B", width=6)
    pen.text((360, 130), "青岚茶馆", font=large, fill="#C2362B", anchor="mm")
    for number, (name, price) in enumerate(PRICES):
        height = 300 + number * 150
        pen.text((90, height), name, font=plain, fill="#1F2328", anchor="lm")
        pen.text((630, height), price, font=plain, fill="#1F2328", anchor="rm")
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _site(plan: MerchantPlan) -> None:
    merchant = Merchant.objects.get(slug=plan.slug)
    with tenancy.merchant_scope(merchant.pk):
        embedding.add_origin(
            merchant=merchant, typed="https://www.qinglan.example", actor=owner_of(plan)
        )


def _menu(account: ChannelAccount, menu: tuple[Button, ...], actor: Actor) -> None:
    key = f"menu:{account.app_id}"
    if find(key) is not None:
        return
    menu_services.save_draft(account=account, menu=menu, revision=0, actor=actor)
    version = menu_services.publish(account=account, actor=actor)
    made(key, lambda: version)


def _reply(account: ChannelAccount, name: str, values: ReplyInput, actor: Actor) -> None:
    made(
        f"reply:{account.app_id}/{name}",
        lambda: reply_services.add_reply(account=account, values=values, actor=actor),
    )


def _code(account: ChannelAccount, values: CodeInput, *, days: int | None, actor: Actor) -> None:
    key = f"code:{account.app_id}/{values.name}"
    if find(key) is not None:
        return
    with clock.at(clock.now() - timedelta(days=SCAN_DAYS)):
        merchant = Merchant.objects.get(pk=account.merchant_id or 0)
        with tenancy.merchant_scope(merchant.pk):
            code = code_services.create_code(
                account=account, merchant=merchant, values=values, days=days, actor=actor
            )
    made(key, lambda: code)


def _scans(account: ChannelAccount, name: str, openids: list[str], count: int) -> None:
    key = f"scans:{account.app_id}/{name}"
    if find(key) is not None or not openids:
        return
    code = TrackedCode.objects.get(pk=id_of(f"code:{account.app_id}/{name}"))
    scene = SceneCode.objects.get(purpose=PURPOSE, subject_id=code.pk)
    chance = Random(name)  # noqa: S311  a story, no secret
    now = clock.now()
    for number in range(count):
        back = timedelta(days=chance.random() * (SCAN_DAYS - 1), minutes=chance.randrange(600))
        scans.scanned(
            ScanEvent(
                account_id=account.pk,
                openid=chance.choice(openids),
                scene_code_id=scene.pk,
                merchant_id=code.merchant_id,
                subject_id=code.pk,
                is_new_follower=number % 3 == 0,
                scanned_at=now - back,
            )
        )
    made(key, lambda: code)
