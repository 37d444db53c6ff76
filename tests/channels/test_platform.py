"""The third-party platform against the sandbox: WeChat's own pages, codes, events and tokens."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.channels.conftest import PRODUCT, SANDBOX, Stage
from zhanggui.accounts.models import Merchant, Person, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_person
from zhanggui.channels.wechat import authorising, oauth, services, tickets
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    Component,
    Standing,
    Way,
)
from zhanggui.channels.wechat.tests.factories import (
    COMPONENT_KEY,
    COMPONENT_TOKEN,
    SECRET,
    make_component,
    run_jobs,
)
from zhanggui.contacts.models import Customer
from zhanggui.core import tenancy

SHOP = "wxsbplatformshop1"


@pytest.fixture
def platform(stage: Stage) -> Component:
    """A platform both sides know, with a ticket that came as a push."""
    component = make_component(ticket="")
    hook = f"{PRODUCT}/hooks/wechat/component/{component.app_id}/"
    settings = {
        "name": "掌柜平台",
        "secret": SECRET,
        "token": COMPONENT_TOKEN,
        "aes_key": COMPONENT_KEY,
        "event_url": hook,
        "message_url": f"{hook}$APPID$/",
        "login_domains": ["127.0.0.1:8000"],
        "account_domains": ["127.0.0.1:8000"],
        "sends_tickets": False,
    }
    stage.control("PUT", f"components/{component.app_id}", settings)
    stage.control("PUT", f"accounts/{SHOP}", {"name": "茶舍", "original_id": "gh_teashop"})
    stage.add_people("lin", "chen")
    pushed = stage.control("POST", f"components/{component.app_id}/ticket", {})
    assert pushed["callback"]["outcome"] == "accepted"
    run_jobs()
    assert tickets.ticket_of(component) == pushed["ticket"]
    return component


@pytest.fixture
def tea(stage: Stage) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def boss(stage: Stage) -> Person:
    return make_person("老板")


def visit_page(stage: Stage, tea: Merchant, boss: Person) -> tuple[str, str]:
    """Begin, scan on a computer and agree on the phone; the state and the code that came back."""
    visit = authorising.begin_authorisation(
        tier=Tier.MERCHANT, merchant=tea, person=boss, return_path=lambda state: f"/back/{state}"
    )
    page = stage.http.get(visit.desktop_url, headers={"Referer": f"{PRODUCT}/m/tea/wechat/"})
    found = re.search(r'data-token="([^"]+)"', page.text)
    assert found, page.text
    token = found.group(1)
    phone = "http://lin.localhost:8001/mp.weixin.qq.com/safe/bindcomponent/scan"
    asked = stage.http.get(f"{phone}?token={token}")
    assert "茶舍" in asked.text
    sets = re.findall(r'name="set" value="(\d+)"', asked.text)
    form = {"decision": "allow", "appid": SHOP, "set": sets}
    assert "授权成功" in stage.http.post(f"{phone}?token={token}", data=form).text
    state_url = f"{SANDBOX}/mp.weixin.qq.com/cgi-bin/componentlogin/state?token={token}"
    location = urlsplit(stage.http.get(state_url).json()["location"])
    assert location.path == f"/back/{visit.state}"
    return visit.state, parse_qs(location.query)["auth_code"][0]


def connect(stage: Stage, tea: Merchant, boss: Person) -> ChannelAccount:
    state, code = visit_page(stage, tea, boss)
    return authorising.complete_authorisation(state=state, code=code, person=boss, actor=ACTOR)


@pytest.mark.usefixtures("platform")
class TestAuthorising:
    def test_connected_by_scanning_and_called_without_a_secret(
        self, stage: Stage, tea: Merchant, boss: Person
    ) -> None:
        account = connect(stage, tea, boss)
        assert (account.app_id, account.way, account.standing) == (
            SHOP,
            Way.AUTHORISED,
            Standing.GOOD,
        )
        code = services.create_scene_code(
            account=account, purpose="t", merchant_id=None, subject_id=None, expires_in_s=600
        )
        assert code.url.startswith("http://weixin.qq.com/q/")
        run_jobs()  # the event came as well, and changes nothing
        account.refresh_from_db()
        assert account.standing == Standing.GOOD

    def test_the_event_alone_is_enough(
        self, stage: Stage, platform: Component, tea: Merchant, boss: Person
    ) -> None:
        stage.control("PUT", f"components/{platform.app_id}", {"event_first": True})
        visit_page(stage, tea, boss)  # nobody comes back with the browser's code
        run_jobs()

        account = ChannelAccount.objects.get(app_id=SHOP)
        assert (account.merchant_id, account.way) == (tea.pk, Way.AUTHORISED)

    def test_messages_come_through_the_platform(
        self, stage: Stage, tea: Merchant, boss: Person
    ) -> None:
        account = connect(stage, tea, boss)
        stage.control("POST", "people/lin/follow", {"appid": SHOP})
        body = {"appid": SHOP, "text": "在吗"}
        assert stage.control("POST", "people/lin/messages", body)["callback"]["outcome"] in (
            "accepted",
            "replied",
        )
        assert CallbackDelivery.objects.filter(account=account).count() == 2

    def test_customers_sign_in_through_the_platform(
        self, stage: Stage, tea: Merchant, boss: Person
    ) -> None:
        connect(stage, tea, boss)
        page = stage.browse("lin", oauth.customer_start_url(tea, "/w/tea/"))

        assert page.url.path == "/w/tea/"
        with tenancy.merchant_scope(tea.pk):
            assert [one.name for one in Customer.objects.all()] == ["LIN"]

    def test_taken_back_by_the_merchant(
        self, stage: Stage, platform: Component, tea: Merchant, boss: Person
    ) -> None:
        account = connect(stage, tea, boss)
        run_jobs()
        path = f"components/{platform.app_id}/revoke"
        assert stage.control("POST", path, {"appid": SHOP})["callback"]["outcome"] == "accepted"
        run_jobs()

        account.refresh_from_db()
        assert account.standing != Standing.GOOD

    def test_a_lost_withdrawal_is_found_at_night(
        self, stage: Stage, platform: Component, tea: Merchant, boss: Person
    ) -> None:
        account = connect(stage, tea, boss)
        run_jobs()
        lost = {"appid": platform.app_id, "drop": 1}
        stage.control("POST", "callbacks/policy", lost)
        stage.control("POST", f"components/{platform.app_id}/revoke", {"appid": SHOP})
        authorising.reconcile()

        account.refresh_from_db()
        assert account.standing != Standing.GOOD
