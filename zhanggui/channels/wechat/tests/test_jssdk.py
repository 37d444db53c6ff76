"""Pages signed for WeChat's script: one ticket for all, own pages, live accounts only."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.test import Client

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.wechat import jssdk, tokens
from zhanggui.channels.wechat.errors import (
    AuthorisationLost,
    NoAccount,
    PageForeign,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.models import ChannelAccount, PageTicket, Standing
from zhanggui.channels.wechat.tests.factories import (
    PHONE_AGENT,
    TOKEN_PATH,
    FakeWechat,
    fake_wechat,
    make_account,
    make_identity,
    sign_in_staff,
)
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock

TICKET_PATH = "/cgi-bin/ticket/getticket"
GOOD = {"errcode": 0, "errmsg": "ok", "ticket": "ticket-1", "expires_in": 7200}
VECTOR = next(
    row
    for row in json.loads(
        (Path(__file__).parent / "payloads" / "signatures.json").read_text(encoding="utf-8")
    )["vectors"]
    if row["id"] == "js-sdk-1"
)
PAGE = f"{settings.BASE_URL}/w/tea/cards/x/?from=a"


def numbered(fake: FakeWechat) -> None:
    """Let every fetch give another ticket."""
    numbers = iter(range(1, 100))
    fake.answers[TICKET_PATH] = lambda _request: GOOD | {"ticket": f"ticket-{next(numbers)}"}


def test_published_vector() -> None:
    signed = jssdk.signature(
        ticket=VECTOR["jsapi_ticket"],
        nonce=VECTOR["noncestr"],
        timestamp=int(VECTOR["timestamp"]),
        url=f"{VECTOR['url']}#anchor",
    )
    assert signed == VECTOR["signature"]


@pytest.mark.django_db
class TestTicket:
    def test_is_fetched_once_and_sealed(self) -> None:
        account = make_account()
        with fake_wechat(**{TICKET_PATH: GOOD}) as fake:
            assert [tokens.page_ticket(account) for _time in range(3)] == ["ticket-1"] * 3
        assert fake.paths() == [TOKEN_PATH, TICKET_PATH]
        row = PageTicket.objects.get()
        assert b"ticket-1" not in bytes(row.access_token_sealed or b"")
        assert row.unseal("access_token") == "ticket-1"

    @pytest.mark.parametrize(("after_s", "fetches"), [(6800, 1), (6950, 2)], ids=["good", "early"])
    def test_is_renewed_early(self, after_s: int, fetches: int) -> None:
        account = make_account()
        start = clock.now()
        with fake_wechat() as fake:
            numbered(fake)
            with clock.at(start):
                tokens.page_ticket(account)
            with clock.at(start + timedelta(seconds=after_s)):
                assert tokens.page_ticket(account) == f"ticket-{fetches}"

    def test_the_old_one_serves_while_another_process_fetches(self) -> None:
        account = make_account()
        with fake_wechat() as fake:
            numbered(fake)
            tokens.page_ticket(account)
            with clock.at(clock.now() + timedelta(seconds=7000)):
                PageTicket.objects.update(
                    token_lease="theirs", token_lease_until=clock.now() + tokens.LEASE
                )
                assert tokens.page_ticket(account) == "ticket-1"
        assert fake.paths().count(TICKET_PATH) == 1

    def test_a_revoked_account_gets_none(self) -> None:
        account = make_account()
        ChannelAccount.objects.update(standing=Standing.REVOKED)
        with fake_wechat() as fake, pytest.raises(AuthorisationLost):
            tokens.page_ticket(account)
        assert fake.calls == []


@pytest.mark.django_db
class TestConfig:
    def test_covers_the_page_without_its_fragment(self) -> None:
        account = make_account()
        with fake_wechat(**{TICKET_PATH: GOOD}):
            config = jssdk.config_for(account=account, url=f"{PAGE}#top")
        wanted = jssdk.signature(
            ticket="ticket-1", nonce=config.nonce, timestamp=config.timestamp, url=PAGE
        )
        assert (config.app_id, config.signature) == (account.app_id, wanted)

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/w/tea/",
            f"{settings.BASE_URL}.evil.example/w/tea/",
            f"{settings.BASE_URL}@evil.example/",
            "http://[broken/",
            "/w/tea/",
        ],
    )
    def test_other_hosts_are_not_signed(self, url: str) -> None:
        with fake_wechat() as fake, pytest.raises(PageForeign):
            jssdk.config_for(account=make_account(), url=url)
        assert fake.calls == []

    def test_needs_a_connected_account(self) -> None:
        account = make_account()
        account.is_connected = False
        for one in (None, account):
            with pytest.raises(NoAccount):
                jssdk.config_for(account=one, url=PAGE)

    def test_wechat_says_no_or_nothing(self) -> None:
        account = make_account()
        refusal = {"errcode": 48001, "errmsg": "api unauthorized"}
        with fake_wechat(**{TICKET_PATH: refusal}), pytest.raises(WechatRefused) as refused:
            jssdk.config_for(account=account, url=PAGE)
        assert refused.value.details["code"] == 48001
        with (
            fake_wechat(**{TICKET_PATH: httpx2.ConnectError("down")}),
            pytest.raises(WechatUnreachable),
        ):
            jssdk.config_for(account=account, url=PAGE)


@pytest.fixture
def tea(db: None) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.mark.django_db
class TestDoors:
    def test_a_customer_gets_the_config_of_the_serving_account(
        self, client: Client, tea: Merchant
    ) -> None:
        account = make_account(merchant=tea)
        sign_in_customer(client, make_link(tea, account.pk))
        with fake_wechat(**{TICKET_PATH: GOOD}):
            answer = client.get("/w/tea/wechat-page", {"path": "/w/tea/?a=1"})
        found: dict[str, Any] = answer.json()
        wanted = jssdk.signature(
            ticket="ticket-1",
            nonce=found["nonceStr"],
            timestamp=found["timestamp"],
            url=f"{settings.BASE_URL}/w/tea/?a=1",
        )
        assert (found["appId"], found["signature"]) == (account.app_id, wanted)
        assert answer["Cache-Control"].startswith("max-age=0")

    def test_the_staff_gets_that_of_the_platform(self, client: Client) -> None:
        account = make_account()
        sign_in_staff(client, make_identity(account))
        with fake_wechat(**{TICKET_PATH: GOOD}):
            answer = client.get("/staff/wechat-page", {"path": "/staff/"})
        assert answer.json()["appId"] == account.app_id

    def test_a_path_that_changes_the_host_is_refused(self, client: Client, tea: Merchant) -> None:
        sign_in_customer(client, make_link(tea, make_account(merchant=tea).pk))
        headers = {"Accept": "application/json"}
        with fake_wechat() as fake:
            answer = client.get("/w/tea/wechat-page", {"path": ".evil.example/"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "E_PAGE_FOREIGN")
        assert fake.calls == []

    def test_strangers_get_nothing(self, client: Client, tea: Merchant) -> None:
        make_account(merchant=tea)
        headers = {"Accept": "application/json", "User-Agent": PHONE_AGENT}
        for path in ("/w/tea/wechat-page", "/staff/wechat-page"):
            assert client.get(path, headers=headers).status_code == 401
