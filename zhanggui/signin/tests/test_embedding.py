"""The customers' sign-in in a frame on a shop's own site: who shows it, the way in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.contacts.models import Customer, CustomerSession, IdentityLink, LinkKind
from zhanggui.contacts.tests.factories import make_customer
from zhanggui.core import clock, tenancy
from zhanggui.signin.errors import OriginWrong
from zhanggui.signin.models import EmbedOrigin, EntryCode
from zhanggui.signin.services import embedding
from zhanggui.signin.tests.inbox import Inbox, answer_of

pytestmark = [pytest.mark.django_db, pytest.mark.spec("repairs U-46")]
SITE = "https://www.tea.example"
FRAME = "/embed/tea/"
ENTER = "/embed/tea/enter"
PHONE = "13800138000"


@pytest.fixture
def tea() -> Merchant:
    merchant = make_merchant("tea", name="青岚茶舍")
    with tenancy.merchant_scope(merchant.pk):
        EmbedOrigin(merchant_id=merchant.pk, origin=SITE).save()
    return merchant


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def hidden(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


def asked(browser: Client, phone: str = PHONE, *, site: str = SITE) -> Any:
    """Open the frame and ask for a code by SMS."""
    page = browser.get(FRAME, {"origin": site})
    token = hidden(page, "picture_token")
    body = {
        "frame": hidden(page, "frame"),
        "phone": phone,
        "picture": answer_of(token),
        "picture_token": token,
        "do": "ask",
    }
    return browser.post(FRAME, body)


def signed_in(browser: Client, phone: str = PHONE) -> str:
    """All steps in the frame; answers the address the site leads the window to."""
    page = asked(browser, phone)
    body = {"frame": hidden(page, "frame"), "phone": phone, "code": Inbox().code(f"+86{phone}")}
    done = browser.post(FRAME, body).content.decode()
    found = re.search(r'data-enter="http://127.0.0.1:8000([^"]+)"', done)
    assert found is not None
    assert f'data-origin="{SITE}"' in done
    return found[1]


def enter(browser: Client, address: str, *, referer: str = f"{SITE}/members") -> Any:
    """The window goes where the site leads it, and its page posts itself."""
    page = browser.get(address, headers={"Referer": referer} if referer else {})
    body = {"code": hidden(page, "code")}
    if referer:
        body["came_from"] = hidden(page, "came_from")
    return browser.post(ENTER, body)


def customers(tea: Merchant) -> list[Customer]:
    with tenancy.merchant_scope(tea.pk):
        return list(Customer.objects.order_by("pk"))


class TestFrame:
    def test_only_listed_sites_may_show_it(self, client: Client, tea: Merchant) -> None:
        page = client.get(FRAME, {"origin": SITE})
        assert f"frame-ancestors {SITE}" in page["Content-Security-Policy"]
        assert "X-Frame-Options" not in page
        assert client.get(FRAME, {"origin": "https://evil.example"}).status_code == 403
        assert client.get(FRAME).status_code == 403

    def test_each_shop_has_sites_of_its_own(self, client: Client, tea: Merchant) -> None:
        make_merchant("coffee")
        page = client.get("/embed/coffee/", {"origin": SITE})
        assert page.status_code == 403
        assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
        assert client.get("/embed/nobody/").status_code == 404

    def test_needs_and_sets_no_cookie(self, tea: Merchant) -> None:
        browser = Client(enforce_csrf_checks=True)
        page = asked(browser)
        body = {"frame": hidden(page, "frame"), "phone": PHONE, "code": Inbox().code(f"+86{PHONE}")}
        assert "data-enter" in browser.post(FRAME, body).content.decode()
        assert not browser.cookies

    def test_speaks_the_language_of_its_address(self, client: Client, tea: Merchant) -> None:
        page = client.get(FRAME, {"origin": SITE})
        assert 'lang="zh-hans"' in page.content.decode()
        assert "lang=en" in page.content.decode()
        spoken = client.get(FRAME, {"origin": SITE, "lang": "en"})
        assert "Member sign-in" in spoken.content.decode()
        assert (spoken["Content-Language"], spoken.cookies.get("zhanggui_language")) == ("en", None)
        for unknown in ("xx", "e" * 300, ""):
            page = client.get(FRAME, {"origin": SITE, "lang": unknown})
            assert 'lang="zh-hans"' in page.content.decode()

    def test_whoever_signs_in_in_english_goes_on_in_english(
        self, client: Client, tea: Merchant
    ) -> None:
        spoken = f"{FRAME}?lang=en"
        page = client.get(spoken, {"origin": SITE})
        token = hidden(page, "picture_token")
        body = {"frame": hidden(page, "frame"), "phone": PHONE, "do": "ask"}
        picture = {"picture": answer_of(token), "picture_token": token}
        page = client.post(spoken, body | picture)
        body = {"frame": hidden(page, "frame"), "phone": PHONE, "code": Inbox().code(f"+86{PHONE}")}
        done = client.post(spoken, body).content.decode()
        found = re.search(r'data-enter="http://127.0.0.1:8000([^"]+)"', done)
        assert found is not None

        asks = client.get(found[1].replace("&amp;", "&"))
        assert "Go on to my page" in asks.content.decode()
        sent = {name: hidden(asks, name) for name in ("code", "lang")}
        assert client.post(ENTER, sent).cookies["zhanggui_language"].value == "en"

    def test_the_preview_takes_nothing(self, client: Client, tea: Merchant) -> None:
        page = client.get(FRAME, {"preview": "1"})
        assert "frame-ancestors 'self'" in page["Content-Security-Policy"]
        body = {"frame": hidden(page, "frame"), "phone": PHONE, "do": "ask"}
        assert client.post(FRAME, body).status_code == 410

    @pytest.mark.parametrize("change", ["late", "removed", "damaged", "elsewhere"])
    def test_a_frame_that_is_over_takes_nothing(
        self, client: Client, tea: Merchant, change: str
    ) -> None:
        path, token = FRAME, hidden(client.get(FRAME, {"origin": SITE}), "frame")
        later = clock.now()
        if change == "late":
            later += timedelta(minutes=31)
        elif change == "removed":
            with tenancy.merchant_scope(tea.pk):
                EmbedOrigin.objects.all().delete()
        elif change == "damaged":
            token = token[:-4] + "AAAA"
        else:
            path = f"/embed/{make_merchant('coffee').slug}/"
        with clock.at(later):
            answer = client.post(path, {"frame": token, "phone": PHONE, "do": "ask"})
        assert answer.status_code == 410

    def test_one_that_stood_open_too_long_begins_again(self, client: Client, tea: Merchant) -> None:
        address = f"{FRAME}?origin={SITE}"
        token = hidden(client.get(address), "frame")
        with clock.at(clock.now() + timedelta(minutes=31)):
            over = client.post(address, {"frame": token, "phone": PHONE, "do": "ask"})
            [way] = re.findall(r'href="(\?origin=[^"]+)"', over.content.decode())
            assert client.get(f"{FRAME}{way}").status_code == 200

    def test_another_code_is_asked_for_without_typing_the_number_again(
        self, client: Client, tea: Merchant
    ) -> None:
        page = asked(client)
        body = {"frame": hidden(page, "frame"), "phone": PHONE, "do": "again"}
        again = client.post(FRAME, body)
        assert f'value="{PHONE}"' in again.content.decode()
        body |= {
            "picture_token": hidden(again, "picture_token"),
            "picture": answer_of(hidden(again, "picture_token")),
            "do": "ask",
        }
        soon = client.post(FRAME, body)
        assert soon.status_code == 429
        body = {"frame": body["frame"], "phone": PHONE, "code": Inbox().code(f"+86{PHONE}")}
        assert 'name="code"' in soon.content.decode()  # the first one is typed after all
        assert "data-enter" in client.post(FRAME, body).content.decode()

    def test_a_wrong_picture_sends_nothing(self, client: Client, tea: Merchant) -> None:
        page = client.get(FRAME, {"origin": SITE})
        body = {
            "frame": hidden(page, "frame"),
            "phone": PHONE,
            "picture": "????",
            "picture_token": hidden(page, "picture_token"),
            "do": "ask",
        }
        answer = client.post(FRAME, body)
        assert answer.status_code == 422
        assert answer.context["form"].errors["picture"]

    def test_a_picture_of_another_frame_does_not_count(self, client: Client, tea: Merchant) -> None:
        mine, other = (client.get(FRAME, {"origin": SITE}) for _ in range(2))
        token = hidden(other, "picture_token")
        body = {
            "frame": hidden(mine, "frame"),
            "phone": PHONE,
            "picture": answer_of(token),
            "picture_token": token,
            "do": "ask",
        }
        assert client.post(FRAME, body).status_code == 410

    def test_a_code_of_one_shop_is_no_code_of_another(self, client: Client, tea: Merchant) -> None:
        coffee = make_merchant("coffee")
        with tenancy.merchant_scope(coffee.pk):
            EmbedOrigin(merchant_id=coffee.pk, origin=SITE).save()
        asked(client)
        frame = hidden(client.get("/embed/coffee/", {"origin": SITE}), "frame")
        body = {"frame": frame, "phone": PHONE, "code": Inbox().code(f"+86{PHONE}")}
        assert client.post("/embed/coffee/", body).status_code == 422


class TestEnter:
    def test_the_window_is_signed_in_by_a_post(self, client: Client, tea: Merchant) -> None:
        address = signed_in(Client())
        assert client.get(address).status_code == 200
        with tenancy.merchant_scope(tea.pk):
            assert not CustomerSession.objects.exists()
        answer = enter(client, address)
        assert answer["Location"] == "/w/tea/"
        assert client.get("/w/tea/").status_code == 200
        [customer] = customers(tea)
        assert customer.phone_verified_at is not None

    def test_somebody_known_is_found_again(self, client: Client, tea: Merchant) -> None:
        known = make_customer(tea, "王小明", phone=PHONE)
        for _time in range(2):
            with clock.at(clock.now() + timedelta(minutes=2 * _time)):
                enter(client, signed_in(Client()))
        assert customers(tea) == [known]
        with tenancy.merchant_scope(tea.pk):
            assert [one.kind for one in IdentityLink.objects.all()] == [LinkKind.PHONE]

    def test_works_once(self, client: Client, tea: Merchant) -> None:
        address = signed_in(Client())
        assert enter(client, address).status_code == 302
        over = enter(Client(), address)
        assert over.status_code == 410
        assert f'href="{SITE}"' in over.content.decode()

    def test_is_over_after_a_minute(self, client: Client, tea: Merchant) -> None:
        address = signed_in(Client())
        with clock.at(clock.now() + timedelta(seconds=61)):
            assert enter(client, address).status_code == 410

    @pytest.mark.parametrize(
        ("referer", "status"), [("https://evil.example/", 410), ("", 302)], ids=["foreign", "none"]
    )
    def test_the_window_must_come_from_the_site(
        self, client: Client, tea: Merchant, referer: str, status: int
    ) -> None:
        assert enter(client, signed_in(Client()), referer=referer).status_code == status

    def test_inside_wechat_the_account_signs_in_instead(
        self, client: Client, tea: Merchant
    ) -> None:
        enter(client, signed_in(Client()))
        inside = client.get("/w/tea/", headers={"User-Agent": "MicroMessenger/8.0.50"})
        assert inside.status_code == 409  # this shop has no account to sign in by

    def test_its_post_needs_the_page(self, tea: Merchant) -> None:
        address = signed_in(Client())
        strict = Client(enforce_csrf_checks=True)
        assert strict.post(ENTER, {"code": address.partition("code=")[2]}).status_code == 403


class TestSites:
    PAGE = "/m/tea/embedded/"

    def test_added_shown_with_its_code_and_removed(self, owner: Client, tea: Merchant) -> None:
        assert owner.post(self.PAGE, {"origin": "https://Shop.Example:443/"}).status_code == 302
        page = owner.get(self.PAGE).content.decode()
        assert "origin=https%3A%2F%2Fshop.example" in page
        assert f'{FRAME}?preview=1"' in page
        with tenancy.merchant_scope(tea.pk):
            site = EmbedOrigin.objects.get(origin="https://shop.example")
        owner.post(f"{self.PAGE}{site.pk}/remove")
        with tenancy.merchant_scope(tea.pk):
            assert [one.origin for one in EmbedOrigin.objects.all()] == [SITE]

    def test_removing_a_site_ends_its_codes(self, owner: Client, tea: Merchant) -> None:
        address = signed_in(Client())
        with tenancy.merchant_scope(tea.pk):
            site = EmbedOrigin.objects.get()
        owner.post(f"{self.PAGE}{site.pk}/remove")
        assert enter(Client(), address).status_code == 410
        with tenancy.merchant_scope(tea.pk):
            assert not EntryCode.objects.exists()

    @pytest.mark.parametrize(
        "typed",
        [
            "http://shop.example",
            "https://shop.example/members",
            "https://shop",
            "https://user@shop.example",
            "https://*.shop.example",
            "javascript:alert(1)",
            "https://shop.example:port",
            "https://shop.example 'self'",
            "",
        ],
    )
    def test_anything_but_a_site_is_refused(self, owner: Client, typed: str) -> None:
        answer = owner.post(self.PAGE, {"origin": typed})
        assert answer.status_code == 422
        assert answer.context["form"].errors["origin"]

    def test_a_chinese_name_is_written_as_browsers_do(self) -> None:
        assert embedding.parse_origin("https://茶舍.中国") == "https://xn--uc1asx.xn--fiqs8s"
        with pytest.raises(OriginWrong):
            embedding.parse_origin("https://" + "a" * 300 + ".example")

    def test_at_most_twenty(self, owner: Client, tea: Merchant) -> None:
        for number in range(19):
            owner.post(self.PAGE, {"origin": f"https://s{number}.example"})
        assert owner.post(self.PAGE, {"origin": "https://s1.example"}).status_code == 302
        assert owner.post(self.PAGE, {"origin": "https://s99.example"}).status_code == 409

    def test_needs_the_right(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea))
        assert client.get(self.PAGE).status_code == 403
