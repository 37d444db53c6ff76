"""Who may see a customer's phone pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import include, path

from zhanggui.accounts.models import Merchant, TierState
from zhanggui.accounts.tests.factories import make_merchant, make_operator
from zhanggui.contacts import hooks
from zhanggui.contacts.guards import COOKIE, CustomerRequest, customer_view
from zhanggui.contacts.hooks import SignIn
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, LinkState
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock, tenancy

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
INSIDE = {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.50"}
ACCOUNT = 71


@customer_view
def card(request: CustomerRequest, number: int = 0) -> HttpResponse:
    """Show who came."""
    assert tenancy.current_merchant_id() == request.merchant.pk
    return HttpResponse(f"{request.merchant.slug} {request.customer.name} {number}")


@customer_view
def lazy(request: CustomerRequest) -> HttpResponse:
    """Render after the view has returned; the scope must still be open then."""
    response = TemplateResponse(request, "contacts/mobile/no_account.html", {})
    response.add_post_render_callback(lambda _response: tenancy.current())
    return response


urlpatterns = [
    path("w/<slug:merchant>/card/", card),
    path("w/<slug:merchant>/card/<int:number>/", card),
    path("w/<slug:merchant>/lazy/", lazy),
    path("language", card, name="set_language"),
    path("", include("zhanggui.signin.urls")),  # the way in by number
]


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def link(tea: Merchant) -> IdentityLink:
    return make_link(tea, ACCOUNT)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> dict[str, int | None]:
    """The account customers come through, as the channel would say."""
    effective: dict[str, int | None] = {"id": ACCOUNT}
    sign_in = SignIn(
        account_id=lambda _merchant: effective["id"],
        start_url=lambda merchant, back: f"/start?merchant={merchant.slug}&next={back}",
        is_inside=lambda agent: "MicroMessenger" in agent,
        account_name=str,
    )
    monkeypatch.setattr(hooks, "_registered", [sign_in])
    return effective


class TestSignedIn:
    def test_gets_in(self, client: Client, link: IdentityLink) -> None:
        sign_in_customer(client, link)
        assert client.get("/w/tea/card/3/").content.decode() == "tea 小明 3"

    def test_scope_is_open_while_rendering(self, client: Client, link: IdentityLink) -> None:
        sign_in_customer(client, link)
        assert client.get("/w/tea/lazy/").status_code == 200

    def test_at_one_merchant_is_a_stranger_at_another(
        self, client: Client, link: IdentityLink
    ) -> None:
        make_merchant("coffee")
        token = sign_in_customer(client, link)
        client.cookies[COOKIE] = token  # sent although the browser would not
        assert client.get("/w/coffee/card/", headers=INSIDE).status_code == 302

    def test_blocked_is_refused(self, client: Client, link: IdentityLink) -> None:
        sign_in_customer(client, link)
        with tenancy.merchant_scope(link.merchant_id):
            Customer.objects.update(state=CustomerState.BLOCKED)
        response = client.get("/w/tea/card/", headers={"Accept": "application/json"})
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "E_CUSTOMER_BLOCKED"

    def test_a_frozen_merchant_shows_what_is_held_and_takes_nothing_new(
        self, client: Client, link: IdentityLink
    ) -> None:
        sign_in_customer(client, link)
        Merchant.objects.update(state=TierState.FROZEN)
        assert client.get("/w/tea/card/").status_code == 200
        response = client.post("/w/tea/card/", headers={"Accept": "application/json"})
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "E_FROZEN"


class TestSessionEnds:
    def ended(self, client: Client) -> bool:
        return client.get("/w/tea/card/", headers=INSIDE).status_code == 302

    def test_after_its_time(self, client: Client, link: IdentityLink) -> None:
        sign_in_customer(client, link)
        with clock.at(clock.now() + timedelta(days=29)):
            assert not self.ended(client)
        with clock.at(clock.now() + timedelta(days=31)):
            assert self.ended(client)

    def test_when_another_account_becomes_effective(
        self, client: Client, link: IdentityLink, account: dict[str, int | None]
    ) -> None:
        sign_in_customer(client, link)
        account["id"] = ACCOUNT + 1
        assert self.ended(client)

    def test_when_the_link_is_replaced(self, client: Client, link: IdentityLink) -> None:
        sign_in_customer(client, link)
        with tenancy.merchant_scope(link.merchant_id):
            IdentityLink.objects.update(state=LinkState.REPLACED)
        assert self.ended(client)

    @pytest.mark.parametrize("token", ["", "x", "x" * 5000])
    def test_when_the_token_is_made_up(
        self, client: Client, link: IdentityLink, token: str
    ) -> None:
        client.cookies[COOKIE] = token
        assert self.ended(client)


class TestSignedOut:
    def test_inside_wechat_goes_to_the_sign_in_and_back(
        self, client: Client, tea: Merchant
    ) -> None:
        response = client.get("/w/tea/card/?a=1", headers=INSIDE)
        assert response.status_code == 302
        query = parse_qs(urlsplit(response["Location"]).query)
        assert query == {"merchant": ["tea"], "next": ["/w/tea/card/?a=1"]}

    def test_elsewhere_shows_the_address_as_a_code(self, client: Client, tea: Merchant) -> None:
        response = client.get("/w/tea/card/")
        assert response.status_code == 401
        text = response.content.decode()
        assert "data:image/svg+xml" in text
        assert "/w/tea/card/" in text
        assert response["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        "headers",
        [{"HX-Request": "true"}, {"Accept": "application/json"}],
        ids=["htmx", "json"],
    )
    def test_pieces_get_401(self, client: Client, tea: Merchant, headers: dict[str, str]) -> None:
        assert client.get("/w/tea/card/", headers=INSIDE | headers).status_code == 401

    def test_a_form_gets_401(self, client: Client, tea: Merchant) -> None:
        assert client.post("/w/tea/card/", headers=INSIDE).status_code == 401

    def test_unknown_merchant_is_404(self, client: Client) -> None:
        assert client.get("/w/nobody/card/", headers=INSIDE).status_code == 404

    def test_without_an_account_says_so(
        self, client: Client, tea: Merchant, account: dict[str, int | None]
    ) -> None:
        account["id"] = None
        assert client.get("/w/tea/card/", headers=INSIDE).status_code == 409

    def test_in_an_installation_without_channel_says_so(
        self, client: Client, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hooks, "_registered", [])
        assert client.get("/w/tea/card/", headers=INSIDE).status_code == 409


def test_names_its_guard() -> None:
    views: list[Callable[..., Any]] = [card, lazy]
    assert [getattr(view, "guard", "") for view in views] == ["customer"] * 2


def test_the_operators_merchants_are_no_exception(client: Client) -> None:
    make_merchant("cake", operator=make_operator())
    assert client.get("/w/cake/card/", headers=INSIDE).status_code == 302
