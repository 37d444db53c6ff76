"""A small shop for journeys, made by the product's own services and the sandbox's controls."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from django.test import override_settings

from tests.plugins.product import LiveProduct
from zhanggui.core import sealing
from zhanggui.signin.services import pictures

PASSWORD = "red-seal-4826"
CODE_S = 20.0
OWNER_PHONE = "13800138001"
SLUG = "tea"
SHOP = "青岚茶馆"
STORE = "湖滨店"
OTHER_STORE = "文三路店"
CARD = "品茶卡"
REWARD = "一壶好茶"
SLOTS = 6
PLATFORM_APP = "wxsb00000000000001"
SHOP_APP = "wxsb00000000000002"
SECRET = "0123456789abcdef0123456789abcdef"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
CALLBACK_TOKEN = "callbacktoken"

MAKE = f"""
from zhanggui.accounts import services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role, Tier
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.services import Credentials
from zhanggui.core import tenancy
from zhanggui.stamps import services as stamps
from zhanggui.stamps.services.programmes import ProgrammeInput

actor = system_actor("journey")
owner = services.create_person(
    name="许岚", phone={OWNER_PHONE!r}, password={PASSWORD!r}, actor=actor
)
shop = services.create_merchant(name={SHOP!r}, slug={SLUG!r}, trade="茶馆", actor=actor)
services.add_membership(person=owner, place=shop, role=Role.OWNER, actor=actor)
for app_id, tier, merchant, name, original in (
    ({PLATFORM_APP!r}, Tier.PLATFORM, None, "掌柜门店助手", "gh_journeyone"),
    ({SHOP_APP!r}, Tier.MERCHANT, shop, {SHOP!r}, "gh_journeytwo"),
):
    wechat.connect_account(
        tier=tier, merchant=merchant, name=name, original_id=original, actor=actor,
        credentials=Credentials(app_id, {SECRET!r}, {CALLBACK_TOKEN!r}, {AES_KEY!r}),
    )
with tenancy.merchant_scope(shop.pk):
    store = services.create_store(name={STORE!r}, address="东坡路 18 号", actor=actor)
    services.create_store(name={OTHER_STORE!r}, actor=actor)
    stamps.create_programme(
        values=ProgrammeInput(name={CARD!r}, reward={REWARD!r}, slots={SLOTS}), actor=actor
    )
print("store", store.pk)
"""


@dataclass(frozen=True)
class Shop:
    """The shop with its addresses."""

    product: LiveProduct
    store_id: int

    @property
    def office(self) -> str:
        """The back office."""
        return f"{self.product.url}/m/{SLUG}/"

    def phone(self, slug: str) -> str:
        """Somebody's phone in the sandbox."""
        return f"http://{slug}.localhost:{urlsplit(self.product.sandbox_url).port}/"

    def signs_of(self, token: str) -> str:
        """What a picture code shows; only the product's own keys open it."""
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        with override_settings(KEY_RING=self.product.key_ring):
            sealing._key.cache_clear()
            content = sealing.unseal(sealed, column=pictures.COLUMN, merchant_id=None)
        sealing._key.cache_clear()
        return str(json.loads(content)["a"])

    def code_for(self, phone: str) -> str:
        """The code of the newest text message to a number."""
        deadline = time.monotonic() + CODE_S
        while time.monotonic() < deadline:
            found = re.search(r"\b\d{6}\b", str(self.control("GET", f"sms?find={phone}")))
            if found:
                return found.group()
            time.sleep(0.1)
        pytest.fail("no text message came")

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call to the sandbox's control interface."""
        url = f"{self.product.sandbox_url}/_sandbox/api/{path}"
        answer = httpx2.request(method, url, json=body, timeout=20)
        assert answer.is_success, f"{method} {path}: {answer.text[:500]}"
        return answer.json() if answer.content else None


def open_shop(product: LiveProduct) -> Shop:
    """Make the accounts on the sandbox, then the shop through the services."""
    shop = Shop(product, 0)
    for app_id, name, original, menu in (
        (PLATFORM_APP, "掌柜门店助手", "gh_journeyone", ("门店管理", "/staff/")),
        (SHOP_APP, SHOP, "gh_journeytwo", ("我的集章卡", f"/w/{SLUG}/")),
    ):
        account = {
            "name": name,
            "secret": SECRET,
            "original_id": original,
            "kind": "service",
            "token": CALLBACK_TOKEN,
            "aes_key": AES_KEY,
            "callback_url": f"{product.url}/hooks/wechat/{app_id}/",
            "encrypt_mode": "safe",
            "oauth_domains": [urlsplit(product.url).netloc],
            "js_domains": [urlsplit(product.url).netloc],
            "menu": [{"name": menu[0], "url": f"{product.url}{menu[1]}"}],
        }
        shop.control("PUT", f"accounts/{app_id}", account)
    people = [
        {"slug": "zhou-min", "nickname": "周敏", "avatar": {"colour": "#2f7d6b", "text": "敏"}},
        {"slug": "lu-yuan", "nickname": "陆远", "avatar": {"colour": "#2b4c7e", "text": "远"}},
        {"slug": "chen-xi", "nickname": "陈小溪", "avatar": {"colour": "#c2362b", "text": "溪"}},
        {"slug": "lin-xia", "nickname": "林夏", "avatar": {"colour": "#5b6b2f", "text": "夏"}},
        {"slug": "gu-ning", "nickname": "顾宁", "avatar": {"colour": "#8a4b5e", "text": "宁"}},
    ]
    shop.control("PUT", "people", people)
    printed = product.run(MAKE)
    return Shop(product, int(json.loads(printed.split("store", 1)[1])))
