"""The registries other modules fill."""

from __future__ import annotations

import pytest

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.wechat import hooks, oauth
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts import hooks as contact_hooks


def first(_event: object) -> None:
    """Do nothing."""


def second(_event: object) -> None:
    """Do nothing either."""


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scan_handlers", "click_handlers"):
        monkeypatch.setattr(hooks, name, {})
    for name in ("follow_handlers", "text_handlers"):
        monkeypatch.setattr(hooks, name, [])


def test_one_handler_per_purpose_and_key() -> None:
    for _time in range(2):  # registering again is harmless
        hooks.on_scan("x", first)
        hooks.on_click("x", first)
    with pytest.raises(ValueError, match="two handlers"):
        hooks.on_scan("x", second)
    with pytest.raises(ValueError, match="two handlers"):
        hooks.on_click("x", second)


def test_follows_and_texts_may_have_many() -> None:
    for handler in (first, second, first):
        hooks.on_follow(handler)
        hooks.on_text(handler)
    assert hooks.follow_handlers == [first, second]
    assert hooks.text_handlers == [first, second]


@pytest.mark.django_db
def test_customers_sign_in_through_this_channel() -> None:
    sign_in = contact_hooks.sign_in()
    assert sign_in is not None
    merchant = make_merchant("tea")
    assert sign_in.account_id(merchant) is None
    account = make_account(merchant=merchant, name="茶舍")
    assert sign_in.account_id(merchant) == account.pk
    assert sign_in.account_name(account.pk) == "茶舍"
    assert sign_in.account_name(0) == ""
    assert sign_in.start_url(merchant, "/w/tea/") == oauth.customer_start_url(merchant, "/w/tea/")
