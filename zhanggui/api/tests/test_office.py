"""Tokens in the back office."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Merchant, Role, Store
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.api.models import ApiToken
from zhanggui.api.tests.factories import Caller, code_of, make_caller
from zhanggui.core import clock, tenancy

WISH = {
    "name": "二号收银机",
    "scopes": ["stamps.read", "stamps.give"],
    "days": "365",
    "writes_a_day": "200",
    "idempotency_key": "key-1",
}


@pytest.fixture
def owner(client: Client, merchant: Merchant) -> Client:
    """An owner's browser."""
    client.force_login(make_staff(merchant, role=Role.OWNER))
    return client


def address(merchant: Merchant, name: str = "tokens", *more: Any) -> str:
    return reverse(f"api:{name}", args=[merchant.slug, *more])


def secret_in(response: Any) -> str:
    found = re.search(r'id="secret">(zg_[a-z0-9]+)<', response.content.decode())
    return found[1] if found else ""


class TestMaking:
    def test_shows_the_secret_to_its_maker(
        self, owner: Client, merchant: Merchant, store: Store
    ) -> None:
        wish = WISH | {"stores": [store.pk]}
        page = owner.post(address(merchant, "token_new"), wish, follow=True)
        secret = secret_in(page)
        token = ApiToken.objects.get()
        its_own = address(merchant, "token", token.pk)
        assert page.redirect_chain == [(its_own, 302)]
        assert secret_in(owner.get(its_own)) == secret  # a reload, or the other language
        assert (token.name, token.scopes, token.store_ids, token.writes_a_day) == (
            "二号收银机",
            ["stamps.read", "stamps.give"],
            [store.pk],
            200,
        )
        assert Caller(token, secret).get("token").status_code == 200
        assert "no-store" in page["Cache-Control"]
        colleague = Client()
        colleague.force_login(make_staff(merchant, role=Role.OWNER))
        for shown in (owner.get(address(merchant)), colleague.get(its_own)):
            assert secret not in shown.content.decode()
            assert f"…{token.tail}" in shown.content.decode()
        with clock.at(clock.now() + timedelta(minutes=10)):
            assert secret_in(owner.get(its_own)) == ""

    def test_a_revoked_one_shows_no_secret(self, owner: Client, merchant: Merchant) -> None:
        owner.post(address(merchant, "token_new"), WISH)
        token = ApiToken.objects.get()
        owner.post(address(merchant, "token_revoke", token.pk))
        assert secret_in(owner.get(address(merchant, "token", token.pk))) == ""

    def test_sent_twice_is_one_token(self, owner: Client, merchant: Merchant) -> None:
        owner.post(address(merchant, "token_new"), WISH)
        again = owner.post(address(merchant, "token_new"), WISH)
        assert ApiToken.objects.count() == 1
        assert again["Location"] == address(merchant, "token", ApiToken.objects.get().pk)

    def test_is_in_the_audit_log(self, owner: Client, merchant: Merchant) -> None:
        owner.post(address(merchant, "token_new"), WISH)
        with tenancy.merchant_scope(merchant.pk):
            entry = AuditEntry.objects.get(action="api.token.created")
        assert entry.target == f"api_token:{ApiToken.objects.get().pk}"
        assert entry.details == {"scopes": ["stamps.read", "stamps.give"], "stores": []}

    @pytest.mark.parametrize(
        "wrong",
        [{"name": ""}, {"scopes": []}, {"scopes": ["x"]}, {"writes_a_day": "0"}, {"stores": ["9"]}],
        ids=["no-name", "no-scope", "unknown-scope", "no-bookings", "foreign-store"],
    )
    def test_keeps_what_was_typed(
        self, owner: Client, merchant: Merchant, wrong: dict[str, Any]
    ) -> None:
        page = owner.post(address(merchant, "token_new"), WISH | wrong)
        assert page.status_code == 422
        assert not ApiToken.objects.exists()
        if "scopes" not in wrong:
            assert 'value="stamps.give" checked' in page.content.decode()

    def test_a_name_in_use_is_refused(self, owner: Client, merchant: Merchant) -> None:
        make_caller(merchant, name="二号收银机")
        page = owner.post(address(merchant, "token_new"), WISH)
        assert page.status_code == 409
        assert "已有同名" in page.content.decode()


class TestList:
    def test_nothing_yet(self, owner: Client, merchant: Merchant) -> None:
        assert "还没有接入收银机" in owner.get(address(merchant)).content.decode()

    def test_only_its_own(self, owner: Client, merchant: Merchant, till: Caller) -> None:
        foreign = make_caller(make_merchant(), name="别家收银机")
        page = owner.get(address(merchant)).content.decode()
        assert ("一号收银机" in page, "别家收银机" in page) == (True, False)
        assert owner.get(address(merchant, "token", foreign.token.pk)).status_code == 404
        revoke = owner.post(address(merchant, "token_revoke", foreign.token.pk))
        assert revoke.status_code == 404

    @pytest.mark.parametrize(("state", "shown"), [("active", True), ("revoked", False)])
    def test_by_state(
        self, owner: Client, merchant: Merchant, till: Caller, state: str, *, shown: bool
    ) -> None:
        page = owner.get(address(merchant), {"state": state}).content.decode()
        assert ("一号收银机" in page) == shown


class TestOne:
    def test_shows_what_it_did(self, owner: Client, merchant: Merchant, till: Caller) -> None:
        till.post("stamps", {"digits": "123456"})
        page = owner.get(address(merchant, "token", till.token.pk)).content.decode()
        assert "收银机输入的验证码被拒绝" in page
        assert "127.0.0.1" in page

    def test_revoking(self, owner: Client, merchant: Merchant, till: Caller) -> None:
        owner.post(address(merchant, "token_revoke", till.token.pk))
        assert till.get("token").status_code == 401
        again = owner.post(address(merchant, "token_revoke", till.token.pk))
        assert again.status_code == 409

    def test_changing_what_it_may_do(
        self, owner: Client, merchant: Merchant, store: Store, till: Caller
    ) -> None:
        page = owner.get(address(merchant, "token_edit", till.token.pk)).content.decode()
        assert 'value="stamps.give" checked' in page
        assert 'value="一号收银机"' in page
        sent = WISH | {"name": "吧台", "scopes": ["stamps.read"], "stores": [store.pk]}
        owner.post(address(merchant, "token_edit", till.token.pk), sent | {"days": "30"})
        told = till.get("token").json()
        assert (told["name"], told["scopes"], told["stores"]) == (
            "吧台",
            ["stamps.read"],
            [store.pk],
        )
        assert code_of(till.post("stamps", {"digits": "123456"})) == "E_SCOPE"
        with tenancy.merchant_scope(merchant.pk):
            entry = AuditEntry.objects.get(action="api.token.changed")
        assert entry.before is not None
        assert entry.after is not None
        assert (entry.before["name"], entry.after["name"]) == ("一号收银机", "吧台")
        assert entry.after["api.scopes"] == ["stamps.read"]
        shown = owner.get(address(merchant, "token", till.token.pk)).content.decode()
        assert "吧台" in shown

    def test_its_end_stays_unless_another_is_chosen(
        self, owner: Client, merchant: Merchant, till: Caller
    ) -> None:
        before = ApiToken.objects.get(pk=till.token.pk).expires_at
        owner.post(address(merchant, "token_edit", till.token.pk), WISH | {"days": "-1"})
        assert ApiToken.objects.get(pk=till.token.pk).expires_at == before
        with clock.at(clock.now() + timedelta(days=400)):
            owner.post(address(merchant, "token_edit", till.token.pk), WISH | {"days": "30"})
            changed = ApiToken.objects.get(pk=till.token.pk)
            assert changed.expires_at is not None
            assert changed.expires_at - clock.now() == pytest.approx(
                timedelta(days=30), abs=timedelta(minutes=1)
            )

    @pytest.mark.parametrize(
        ("wrong", "status"),
        [({"scopes": []}, 422), ({"name": "三号收银机"}, 409), ({"days": "7"}, 422)],
        ids=["no-scope", "name-in-use", "odd-days"],
    )
    def test_a_wrong_change_is_none(
        self, owner: Client, merchant: Merchant, till: Caller, wrong: dict[str, Any], status: int
    ) -> None:
        make_caller(merchant, name="三号收银机")
        page = owner.post(address(merchant, "token_edit", till.token.pk), WISH | wrong)
        assert page.status_code == status
        assert ApiToken.objects.get(pk=till.token.pk).name == "一号收银机"

    def test_a_revoked_one_is_not_changed(
        self, owner: Client, merchant: Merchant, till: Caller
    ) -> None:
        owner.post(address(merchant, "token_revoke", till.token.pk))
        assert owner.get(address(merchant, "token_edit", till.token.pk)).status_code == 409
        sent = owner.post(address(merchant, "token_edit", till.token.pk), WISH)
        assert sent.status_code == 409
        assert till.get("token").status_code == 401

    def test_a_manager_does_not_see_them(
        self, client: Client, merchant: Merchant, till: Caller
    ) -> None:
        client.force_login(make_staff(merchant, role=Role.MANAGER))
        assert client.get(address(merchant)).status_code == 403
        assert client.get(address(merchant, "token_edit", till.token.pk)).status_code == 403
        refused = client.post(address(merchant, "token_revoke", till.token.pk))
        assert refused.status_code == 403
        assert till.get("token").status_code == 200
