"""The shop's own pictures on cards and coupons: sent, shown to customers, replaced, refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, PictureKind, PlacePicture
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.accounts.tests.test_registration import picture
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.coupons.models import CouponTemplate
from zhanggui.coupons.permissions import MANAGE
from zhanggui.coupons.tests.factories import make_coupon, make_template
from zhanggui.coupons.tests.test_backoffice import FORM
from zhanggui.stamps import services
from zhanggui.stamps.models import Programme
from zhanggui.stamps.tests.factories import Shop
from zhanggui.stamps.tests.offices import FIELDS

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


class New:
    """The form of something new, sent with a picture."""

    def __init__(self, shop: Shop, name: str) -> None:
        self.shop = shop
        self.is_card = name == "card"
        address = "stamps:programme_new" if self.is_card else "coupons:template_new"
        self.url = reverse(address, args=[shop.merchant.slug])

    def send(self, client: Client, *, name: str = "冬至券", **fields: Any) -> Any:
        form = FIELDS if self.is_card else FORM
        return client.post(self.url, form | {"name": name} | fields)

    def token(self) -> str:
        """The picture of what was made last."""
        rows = Programme if self.is_card else CouponTemplate
        return str(rows.objects.latest("pk").picture_token)


def file(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("茶.png", content, content_type="image/png")


def draft_in(answer: Any) -> str:
    found = re.search(r'name="picture_draft" value="([^"]+)"', answer.content.decode())
    return found[1] if found else ""


class TestPictureOfSomethingNew:
    @pytest.fixture(params=["card", "coupon"])
    def new(self, request: pytest.FixtureRequest, shop: Shop) -> New:
        return New(shop, request.param)

    def test_is_there_from_the_start(self, owner: Client, new: New) -> None:
        answer = new.send(owner, picture=file(picture()))

        assert answer.status_code == 302
        kept = PlacePicture.objects.get()
        assert (kept.token, kept.kind) == (new.token(), PictureKind.CARD)
        assert Client().get(reverse("accounts:look", args=[kept.token])).status_code == 200

    def test_survives_a_form_with_errors(self, owner: Client, new: New) -> None:
        refused = new.send(owner, name="", picture=file(picture()))
        draft = draft_in(refused)

        assert refused.status_code == 422
        assert reverse("accounts:look", args=[draft]) in refused.content.decode()
        assert PlacePicture.objects.get().kind == PictureKind.DRAFT

        assert 'data-kept="茶.png"' in refused.content.decode()

        again = new.send(owner, name="", picture_draft=draft, picture_name="<b>茶.png")
        assert 'data-kept="&lt;b&gt;茶.png"' in again.content.decode()

        assert new.send(owner, picture_draft=draft).status_code == 302
        assert new.token() == draft
        assert PlacePicture.objects.get().kind == PictureKind.CARD

    def test_a_refused_picture_keeps_what_was_typed(self, owner: Client, new: New) -> None:
        refused = new.send(owner, picture=file(b"GIF89a"))

        assert refused.status_code == 422
        assert "冬至券" in refused.content.decode()
        assert not PlacePicture.objects.exists()

    @pytest.mark.parametrize("whose", ["used", "strangers"])
    def test_takes_no_picture_but_an_own_draft(self, owner: Client, new: New, whose: str) -> None:
        if whose == "used":
            new.send(owner, name="第一张", picture=file(picture()))
            taken = new.token()
        else:
            taken = pictures.draft(merchant=make_merchant("coffee"), content=picture())
        before = PlacePicture.objects.get().kind

        assert new.send(owner, picture_draft=taken).status_code == 302

        assert new.token() == ""
        assert PlacePicture.objects.get().kind == before

    def test_what_was_never_saved_goes_after_a_day(self, shop: Shop) -> None:
        with clock.at(clock.now() - timedelta(hours=25)):
            pictures.draft(merchant=shop.merchant, content=picture())
        fresh = pictures.draft(merchant=shop.merchant, content=picture())

        assert pictures.forget_drafts() == 1
        assert PlacePicture.objects.get().token == fresh
