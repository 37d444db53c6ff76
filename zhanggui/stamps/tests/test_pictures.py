"""The shop's own pictures on cards and coupons: sent, shown to customers, replaced, refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, PlacePicture
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.accounts.tests.test_registration import picture
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.coupons.models import CouponTemplate
from zhanggui.coupons.permissions import MANAGE
from zhanggui.coupons.tests.factories import make_coupon, make_template
from zhanggui.stamps import services
from zhanggui.stamps.models import Programme
from zhanggui.stamps.tests.factories import Shop

RIGHTS = ("stamps.manage_programmes", "stamps.view", MANAGE.name, "coupons.view")


class Way:
    """Where a picture is sent, and what carries it."""

    def __init__(self, shop: Shop, name: str) -> None:
        self.shop = shop
        self.row: Any = shop.programme if name == "card" else make_template(name="柠檬茶券")
        address = "stamps:programme_picture" if name == "card" else "coupons:template_picture"
        self.url = reverse(address, args=[shop.merchant.slug, self.row.pk])
        self.back = "stamps:programme" if name == "card" else "coupons:template"

    def send(self, client: Client, content: bytes, **fields: str) -> Any:
        file = SimpleUploadedFile("茶.png", content, content_type="image/png")
        return client.post(self.url, {"picture": file, **fields})

    @property
    def token(self) -> str:
        self.row.refresh_from_db()
        return str(self.row.picture_token)


@pytest.fixture(params=["card", "coupon"])
def way(request: pytest.FixtureRequest, shop: Shop) -> Way:
    return Way(shop, request.param)


@pytest.fixture
def owner(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.merchant, *RIGHTS))
    return client


def customer(shop: Shop) -> tuple[Client, int]:
    """A signed-in customer's browser, and who that is."""
    link = make_link(shop.merchant, make_account(merchant=shop.merchant).pk, nickname="陈小溪")
    browser = Client()
    sign_in_customer(browser, link)
    return browser, link.customer_id


class TestPicture:
    def test_sent_shown_replaced_and_taken_off(self, owner: Client, way: Way) -> None:
        answer = way.send(owner, picture(size=(3000, 900)))
        assert answer["Location"] == reverse(way.back, args=[way.shop.merchant.slug, way.row.pk])
        first = way.token
        look = reverse("accounts:look", args=[first])
        assert look in owner.get(answer["Location"]).content.decode()
        shown = Client().get(look)
        assert shown["Content-Type"] == "image/webp"
        assert shown.content[:4] == b"RIFF"

        way.send(owner, picture("JPEG"))
        assert way.token not in {"", first}
        assert Client().get(look).status_code == 404
        assert PlacePicture.objects.count() == 1

        owner.post(way.url, {"do": "remove"})
        assert way.token == ""
        assert not PlacePicture.objects.exists()
        actions = AuditEntry.objects.filter(action__endswith="pictured").order_by("pk")
        endings = [entry.action.rpartition(".")[2] for entry in actions]
        assert endings == ["pictured", "pictured", "unpictured"]

    @pytest.mark.parametrize(
        ("content", "code"),
        [(b"%PDF-1.7", "JPEG"), (b"", "picture"), (b"x" * 5_300_000, "")],
        ids=["no-picture", "empty", "big"],
    )
    def test_refused_and_nothing_changes(
        self, owner: Client, way: Way, content: bytes, code: str
    ) -> None:
        way.send(owner, picture())
        before = way.token
        answer = way.send(owner, content)
        assert answer.status_code in {413, 422}
        assert code in answer.content.decode()
        assert way.token == before
        assert PlacePicture.objects.count() == 1

    def test_only_with_the_right_and_in_the_own_shop(self, client: Client, way: Way) -> None:
        assert way.send(client, picture()).status_code in {302, 401}
        client.force_login(make_staff(way.shop.merchant, "stamps.view", "coupons.view"))
        assert way.send(client, picture()).status_code == 403
        client.force_login(make_staff(make_merchant("coffee"), *RIGHTS))
        assert way.send(client, picture()).status_code == 404
        assert way.token == ""
        assert not PlacePicture.objects.exists()


class TestCustomer:
    def test_sees_it_on_wallet_and_card(self, owner: Client, shop: Shop) -> None:
        browser, customer_id = customer(shop)
        card = services.open_card(programme=shop.programme, customer_id=customer_id, actor=ACTOR)
        Way(shop, "card").send(owner, picture())
        url = Programme.objects.get(pk=shop.programme.pk).picture_url
        slug = shop.merchant.slug
        pages = [
            reverse("stamps:wallet", args=[slug]),
            reverse("stamps:card", args=[slug, card.token]),
        ]
        for page in pages:
            assert f'class="zg-stampcard-picture" src="{url}"' in browser.get(page).content.decode()

    def test_sees_it_on_the_coupon(self, owner: Client, shop: Shop) -> None:
        browser, customer_id = customer(shop)
        way = Way(shop, "coupon")
        way.send(owner, picture())
        coupon = make_coupon(way.row)
        type(coupon).objects.filter(pk=coupon.pk).update(customer_id=customer_id)
        page = browser.get(reverse("coupons:coupon", args=[shop.merchant.slug, coupon.token]))
        url = CouponTemplate.objects.get(pk=way.row.pk).picture_url
        assert f'class="coupon-picture" src="{url}"' in page.content.decode()


def test_a_copy_has_a_picture_of_its_own(owner: Client, shop: Shop) -> None:
    Way(shop, "card").send(owner, picture())
    copy = services.copy_programme(programme_id=shop.programme.pk, actor=ACTOR)
    owner.post(
        reverse("stamps:programme_picture", args=[shop.merchant.slug, shop.programme.pk]),
        {"do": "remove"},
    )
    assert Client().get(copy.picture_url).status_code == 200
